using System.Text;
using CrunSharp.Build.History;
using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary>Writes into the log of a build's history.</summary>
/// <param name="recorder">Keeps it.</param>
internal sealed class RecordedText(BuildRecorder recorder) : TextWriter
{
    public override Encoding Encoding => Encoding.UTF8;

    public override void Write(char value) => recorder.Add(value.ToString());

    public override void Write(string? value) => recorder.Add(value ?? "");

    public override void WriteLine(string? value) => recorder.Add(value + "\n");
}

/// <summary>Tells of a pull twice.</summary>
/// <param name="first">Who hears it first.</param>
/// <param name="second">Who hears it then.</param>
internal sealed class PullTwice(IPullProgress first, IPullProgress second) : IPullProgress
{
    public void Pulling(ImageReference name)
    {
        first.Pulling(name);
        second.Pulling(name);
    }

    public void Layers(IReadOnlyList<Descriptor> layers)
    {
        first.Layers(layers);
        second.Layers(layers);
    }

    public void Report(Descriptor layer, LayerStage stage, long arrived)
    {
        first.Report(layer, stage, arrived);
        second.Report(layer, stage, arrived);
    }

    public void Warning(string text)
    {
        first.Warning(text);
        second.Warning(text);
    }
}
