using CrunSharp.Cli.Output;
using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>Shows a pull on a terminal.</summary>
/// <param name="output">The terminal.</param>
/// <param name="errors">Where warnings go.</param>
/// <param name="size">How many columns and rows it has; asked each time.</param>
internal sealed class TerminalPullOutput(TextWriter output, TextWriter errors, Func<(int Columns, int Rows)> size) : PullOutput(output, errors)
{
    private readonly ProgressRows _rows = new(output, size);

    public override void Pulling(ImageReference name)
    {
        _rows.Dispose();
        base.Pulling(name);
    }

    public override void Layers(IReadOnlyList<Descriptor> layers)
    {
        foreach (var layer in layers) Report(layer, LayerStage.Waiting, 0);
    }

    public override void Report(Descriptor layer, LayerStage stage, long arrived) => _rows.Set(layer.Digest, stage switch
    {
        LayerStage.Waiting => new ProgressRow("Waiting", RowState.Waiting),
        LayerStage.Downloading => new ProgressRow("Downloading", RowState.Moving, arrived, layer.Size),
        LayerStage.Extracting => new ProgressRow("Extracting", RowState.Moving, arrived, layer.Size),
        LayerStage.Complete => new ProgressRow("Pull complete", RowState.Over),
        _ => new ProgressRow("Already exists", RowState.Over),
    });

    public override void Warning(string text) => _rows.WriteAbove(() => base.Warning(text));

    public override void Dispose()
    {
        _rows.Dispose();
        base.Dispose();
    }
}
