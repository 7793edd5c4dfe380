namespace CrunSharp.Oci.Images;

/// <summary>The media types of images, OCI's and Docker's.</summary>
/// <seealso href="https://github.com/opencontainers/image-spec/blob/main/media-types.md"/>
public static class MediaTypes
{
    /// <summary>An OCI image manifest.</summary>
    public const string Manifest = "application/vnd.oci.image.manifest.v1+json";

    /// <summary>An OCI image index.</summary>
    public const string Index = "application/vnd.oci.image.index.v1+json";

    /// <summary>An OCI image configuration.</summary>
    public const string Config = "application/vnd.oci.image.config.v1+json";

    /// <summary>An OCI layer, not compressed.</summary>
    public const string Layer = "application/vnd.oci.image.layer.v1.tar";

    /// <summary>An OCI layer, compressed with gzip.</summary>
    public const string LayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";

    /// <summary>An OCI layer, compressed with zstd.</summary>
    public const string LayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";

    /// <summary>A Docker image manifest, version 2 schema 2.</summary>
    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";

    /// <summary>A Docker manifest list.</summary>
    public const string DockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json";

    /// <summary>A Docker image configuration.</summary>
    public const string DockerConfig = "application/vnd.docker.container.image.v1+json";

    /// <summary>A Docker layer, compressed with gzip.</summary>
    public const string DockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
}
