using CrunSharp.Cli.CommandLine;
using CrunSharp.Engine.Transfers;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Terminals;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>Shows how a pull goes on: a line for each event, for logs and pipes.</summary>
/// <param name="output">Where to.</param>
/// <param name="errors">Where warnings go.</param>
internal class PullOutput(TextWriter output, TextWriter errors) : IPullProgress, IDisposable
{
    private readonly HashSet<(Digest, LayerStage)> _told = [];

    protected Lock Gate { get; } = new();

    /// <summary>The right one for where it goes.</summary>
    public static PullOutput For(CommandContext context, bool quiet, bool toErrors)
    {
        var (writer, number) = toErrors ? (context.Error, 2) : (context.Out, 1);
        var isTerminal = toErrors ? !Console.IsErrorRedirected : context.OutputIsTerminal();
        return quiet ? new PullOutput(TextWriter.Null, context.Error)
            : isTerminal ? new TerminalPullOutput(writer, context.Error, () => Terminal.SizeOf(FileDescriptor.Standard(number)) is { } size ? (size.Columns, size.Rows) : (80, 24))
            : new PullOutput(writer, context.Error);
    }

    public virtual void Pulling(ImageReference name) =>
        Write($"{(name.Digest is null ? name.Tag : name.ToString())}: Pulling from {name.Path}");

    public virtual void Layers(IReadOnlyList<Descriptor> layers)
    {
    }

    public virtual void Report(Descriptor layer, LayerStage stage, long arrived)
    {
        var text = stage switch
        {
            LayerStage.Waiting => "Pulling fs layer",
            LayerStage.Extracting => "Download complete",
            LayerStage.Complete => "Pull complete",
            LayerStage.Exists => "Already exists",
            _ => null,
        };
        if (text is null) return;
        lock (Gate)
        {
            if (_told.Add((layer.Digest, stage))) Write($"{layer.Digest.Short}: {text}");
        }
    }

    public virtual void Warning(string text)
    {
        lock (Gate) errors.WriteLine($"WARNING: {text}");
    }

    public virtual void Dispose()
    {
    }

    protected void Write(string line)
    {
        output.WriteLine(line);
        output.Flush();
    }
}
