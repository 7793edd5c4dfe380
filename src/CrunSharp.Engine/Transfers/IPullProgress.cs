using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Engine.Transfers;

/// <summary>What becomes of a layer while it is pulled.</summary>
public enum LayerStage
{
    /// <summary>It is not here and has to be fetched.</summary>
    Waiting,

    /// <summary>Its bytes arrive, and are unpacked as they arrive.</summary>
    Downloading,

    /// <summary>All bytes are here, and the last ones are being unpacked.</summary>
    Extracting,

    /// <summary>It was fetched.</summary>
    Complete,

    /// <summary>It was here, or another process brought it.</summary>
    Exists,
}

/// <summary>Hears how a pull goes on, from several threads at once.</summary>
public interface IPullProgress
{
    /// <summary>An image was found, and is going to be pulled.</summary>
    void Pulling(ImageReference name);

    /// <summary>The layers are known, from the base up.</summary>
    void Layers(IReadOnlyList<Descriptor> layers);

    /// <summary>A layer is in a stage.</summary>
    /// <param name="layer">The layer's blob.</param>
    /// <param name="stage">The stage.</param>
    /// <param name="arrived">How many of its bytes have arrived.</param>
    void Report(Descriptor layer, LayerStage stage, long arrived);

    /// <summary>Something is strange, but no error.</summary>
    void Warning(string text);
}
