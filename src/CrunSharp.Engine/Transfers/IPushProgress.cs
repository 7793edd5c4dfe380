using CrunSharp.Oci;

namespace CrunSharp.Engine.Transfers;

/// <summary>What becomes of a layer while it is pushed.</summary>
public enum PushStage
{
    /// <summary>It is compressed if need be, and the registry is asked for it.</summary>
    Preparing,

    /// <summary>Its bytes are being sent.</summary>
    Pushing,

    /// <summary>It was sent.</summary>
    Pushed,

    /// <summary>The registry had it already.</summary>
    Exists,

    /// <summary>The registry had it in another repository, and took it from there.</summary>
    Mounted,
}

/// <summary>Where a layer is on its way.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Sent">How many bytes were sent.</param>
/// <param name="Size">How many there are; 0 when that is not known yet.</param>
/// <param name="From">The repository that it was mounted from.</param>
public readonly record struct PushState(PushStage Stage, long Sent = 0, long Size = 0, string? From = null);

/// <summary>Hears how a push goes on, from several threads at once.</summary>
public interface IPushProgress
{
    /// <summary>A layer is on its way.</summary>
    /// <param name="layer">The layer's diffID.</param>
    /// <param name="state">Where.</param>
    void Report(Digest layer, PushState state);
}
