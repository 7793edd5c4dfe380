using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Output;
using CrunSharp.Engine.Transfers;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Terminals;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>Shows how a push goes on: rows on a terminal, else a line for each event.</summary>
/// <param name="output">Where to.</param>
/// <param name="rows">The rows; null for lines.</param>
internal sealed class PushOutput(TextWriter output, ProgressRows? rows) : IPushProgress, IDisposable
{
    private readonly Lock _gate = new();

    /// <summary>The right one for where it goes.</summary>
    public static PushOutput For(CommandContext context, bool quiet) => quiet ? new PushOutput(TextWriter.Null, null)
        : new PushOutput(context.Out, context.OutputIsTerminal() ? new ProgressRows(context.Out, Size) : null);

    public void Report(Digest layer, PushState state)
    {
        var text = state.Stage switch
        {
            PushStage.Preparing => "Preparing",
            PushStage.Pushing => "Pushing",
            PushStage.Pushed => "Pushed",
            PushStage.Exists => "Layer already exists",
            _ => $"Mounted from {state.From}",
        };
        if (rows is not null) rows.Set(layer, new ProgressRow(text, StateOf(state.Stage), state.Sent, state.Size));
        else if (state.Stage != PushStage.Pushing) Write($"{layer.Short}: {text}");
    }

    public void Dispose() => rows?.Dispose();

    private void Write(string line)
    {
        lock (_gate)
        {
            output.WriteLine(line);
            output.Flush();
        }
    }

    private static RowState StateOf(PushStage stage) =>
        stage switch { PushStage.Preparing => RowState.Waiting, PushStage.Pushing => RowState.Moving, _ => RowState.Over };

    private static (int Columns, int Rows) Size() =>
        Terminal.SizeOf(FileDescriptor.Standard(1)) is { } size ? (size.Columns, size.Rows) : (80, 24);
}
