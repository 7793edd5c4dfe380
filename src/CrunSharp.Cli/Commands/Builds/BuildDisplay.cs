using CrunSharp.Build.Progress;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Terminals;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary>How a build shows its progress: the values of <c>--progress</c>.</summary>
internal static class BuildDisplay
{
    /// <summary>Checks a value of <c>--progress</c>.</summary>
    /// <exception cref="CrunException">It is none.</exception>
    public static string Check(string text) => text is "auto" or "plain" or "tty" or "rawjson" or "quiet" or "none"
        ? text
        : throw CrunException.Invalid("must be one of auto, plain, tty, rawjson, quiet, none");

    /// <summary>Makes the display; the caller disposes it if that is possible.</summary>
    /// <param name="context">Where it goes.</param>
    /// <param name="mode">The value, checked.</param>
    public static IBuildProgress Create(CommandContext context, string mode) => mode switch
    {
        "quiet" => new QuietProgress(context.Error),
        "none" => new QuietProgress(),
        "rawjson" => new RawJsonProgress(context.Error, context.Clock),
        "tty" => OnTerminal(context),
        "auto" when !Console.IsErrorRedirected => OnTerminal(context),
        _ => new PlainProgress(context.Error, context.Clock),
    };

    private static TerminalProgress OnTerminal(CommandContext context) => new(context.Error,
        static () => Terminal.SizeOf(FileDescriptor.Standard(2)) is { Columns: > 0 } size ? new TerminalArea(size.Columns, size.Rows) : new TerminalArea(80, 24),
        context.Clock, isColoured: string.IsNullOrEmpty(context.Variable("NO_COLOR")) && !Console.IsErrorRedirected);
}
