using CrunSharp.Oci.Images;
using Descriptor = CrunSharp.Oci.Images.Descriptor;

namespace CrunSharp.Storage;

/// <summary>The manifest with which an image goes out: to a registry or into a layout. It is the same each time.</summary>
public static class OutgoingManifest
{
    /// <summary>The manifest that the image came with, if all that it names is still here; it then stays until the store is closed.</summary>
    /// <returns>Its bytes; null when the image was made here, or something is missing.</returns>
    public static byte[]? TryKept(Store store, Image image)
    {
        if (image.TryReadManifest() is not { } manifest || manifest.Config.Digest != image.Id || manifest.Layers.Count != image.DiffIds.Count) return null;
        foreach (var layer in manifest.Layers)
        {
            if (!store.Content.Contains(layer.Digest)) return null;
        }
        return image.ReadRawManifest();
    }

    /// <summary>What an index says of an image's manifest.</summary>
    /// <param name="image">The image.</param>
    /// <param name="manifest">Its manifest.</param>
    public static Descriptor Describe(Image image, byte[] manifest) => new()
    {
        MediaType = ManifestReader.Read(manifest) is var read && read.MediaType is { } type ? type
            : read.Config.MediaType == MediaTypes.DockerConfig ? MediaTypes.DockerManifest : MediaTypes.Manifest,
        Digest = Oci.Digest.Of(manifest),
        Size = manifest.Length,
        Platform = new Platform { Architecture = image.Config.Architecture, Os = image.Config.Os, Variant = image.Config.Variant },
    };

    /// <summary>An index of the manifests of an image for several platforms.</summary>
    /// <param name="manifests">The manifests.</param>
    public static byte[] Index(IReadOnlyList<Descriptor> manifests) => ImageJson.Write(new ImageIndex { MediaType = MediaTypes.Index, Manifests = manifests });

    /// <summary>A manifest of the image with these layers.</summary>
    /// <param name="image">The image.</param>
    /// <param name="layers">Its layers as they go out, from the base up.</param>
    public static byte[] Of(Image image, IReadOnlyList<Descriptor> layers) => ImageJson.Write(new ImageManifest
    {
        MediaType = MediaTypes.Manifest,
        Config = new Descriptor { MediaType = MediaTypes.Config, Digest = image.Id, Size = image.RawConfig.Length },
        Layers = layers,
    });
}
