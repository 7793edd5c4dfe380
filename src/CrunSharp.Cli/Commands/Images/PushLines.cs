using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>Shows a push as lines, one for each step of a layer.</summary>
internal sealed class PushLines(TextWriter output) : IPushProgress
{
    private const int ShortLength = 12;

    private readonly Lock _lock = new();

    public void Report(Digest layer, PushState state)
    {
        if (TextOf(state) is not { } text) return;
        lock (_lock)
        {
            output.WriteLine($"{layer.Hex[..ShortLength]}: {text}");
            output.Flush();
        }
    }

    /// <summary>Docker's word for where a layer is; null while its bytes are sent.</summary>
    public static string? TextOf(PushState state) => state.Stage switch
    {
        PushStage.Preparing => "Preparing",
        PushStage.Pushed => "Pushed",
        PushStage.Exists => "Layer already exists",
        PushStage.Mounted => $"Mounted from {state.From}",
        _ => null,
    };
}
