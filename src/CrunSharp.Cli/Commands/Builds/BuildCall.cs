using CrunSharp.Build;
using CrunSharp.Build.Linting;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary>What <c>build</c> does: the value of <c>--call</c>.</summary>
/// <param name="Method"><c>build</c>, <c>check</c>, <c>outline</c> or <c>targets</c>.</param>
/// <param name="IsJson">Whether the answer is JSON.</param>
/// <param name="IgnoresStatus">Whether warnings leave the exit code at 0.</param>
internal sealed record BuildCall(string Method, bool IsJson, bool IgnoresStatus)
{
    public static BuildCall Build { get; } = new("build", false, false);

    public static BuildCall Check { get; } = new("check", false, false);

    /// <summary>Reads <c>METHOD[,format=json][,ignorestatus=true]</c>.</summary>
    /// <exception cref="CrunException">It is something else.</exception>
    public static BuildCall Parse(string text)
    {
        var call = Build;
        foreach (var field in text.Split(','))
        {
            var equals = field.IndexOf('=', StringComparison.Ordinal);
            var value = equals < 0 ? "" : field[(equals + 1)..];
            call = (equals < 0 ? field : field[..equals]) switch
            {
                "format" when value is "json" or "text" or "" => call with { IsJson = value == "json" },
                "ignorestatus" when value is "true" or "1" or "false" or "0" => call with { IgnoresStatus = value is "true" or "1" },
                "method" => call with { Method = MethodOf(value) },
                var method when equals < 0 => call with { Method = MethodOf(method) },
                _ => throw CrunException.Invalid($"invalid value {field}: METHOD[,format=json][,ignorestatus=true] is understood"),
            };
        }
        return call;
    }

    /// <summary>Answers without building.</summary>
    /// <param name="context">Where the answer goes.</param>
    /// <param name="store">Where images are.</param>
    /// <param name="request">What a build would be asked for.</param>
    /// <param name="pathOf">A Dockerfile's path for people from its name.</param>
    /// <returns>The exit code.</returns>
    public int Answer(CommandContext context, Store store, BuildRequest request, Func<string, string> pathOf)
    {
        var builder = new Builder(store, context.Clock);
        if (Method == "check")
        {
            var result = builder.Lint(request, CancellationToken.None);
            context.Out.Write(IsJson ? LintReport.ToJson(result) : LintReport.ToText(result, pathOf(result.Source.Name)));
            if (result.Error is { } error)
            {
                context.Out.Flush();
                throw error;
            }
            return result.Warnings.Count == 0 || IgnoresStatus ? ExitCodes.Success : ExitCodes.Failure;
        }
        if (Method == "outline")
        {
            var outline = builder.Describe(request, CancellationToken.None);
            context.Out.Write(IsJson ? outline.ToJson() : outline.ToText());
        }
        else
        {
            var file = builder.Check(request, CancellationToken.None);
            context.Out.Write(IsJson ? Targets.ToJson(file) : Targets.ToText(file));
        }
        return ExitCodes.Success;
    }

    private static string MethodOf(string text) => text switch
    {
        "check" or "lint" => "check",
        "" or "build" => "build",
        "outline" or "targets" => text,
        _ => throw CrunException.Invalid($"unknown method {text}: build, check, outline and targets are known"),
    };
}
