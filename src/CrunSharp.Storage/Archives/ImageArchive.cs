using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Storage;

/// <summary>An image and those of its names that an archive has, or is to have.</summary>
/// <param name="Image">The image.</param>
/// <param name="Names">Its names; none for an image that is only known by its id.</param>
public sealed record NamedImage(Image Image, IReadOnlyList<ImageReference> Names)
{
    /// <summary>The same image for other platforms, which goes under the same names.</summary>
    public IReadOnlyList<Image> Others { get; init; } = [];
}

/// <summary>Loads images from archives of either kind: <c>docker load</c>. What is in the archive decides which kind it is.</summary>
public static class ImageArchive
{
    /// <summary>How large an image's configuration may be, in bytes.</summary>
    public const int MostConfigBytes = 8 * 1024 * 1024;

    /// <summary>Loads the images of a tar, compressed or not.</summary>
    /// <param name="store">The store.</param>
    /// <param name="input">The tar; it is disposed. A <see cref="FileStream"/> is read in place, all else is copied first.</param>
    /// <param name="platform">The only platform that is wanted; null for all, and this host's where an index has several.</param>
    /// <returns>The images and the names they were given, in the archive's order.</returns>
    /// <exception cref="CrunException">The archive is damaged or hostile; images before the bad one are loaded.</exception>
    public static IReadOnlyList<NamedImage> Load(Store store, Stream input, Platform? platform = null)
    {
        using (input)
        {
            using var archive = TarArchive.Open(store, input);
            return Load(store, archive, platform);
        }
    }

    /// <summary>Loads the images of a directory.</summary>
    /// <param name="store">The store.</param>
    /// <param name="path">The directory.</param>
    /// <param name="platform">The only platform that is wanted; null for all, and this host's where an index has several.</param>
    /// <exception cref="CrunException">The directory is no archive, damaged or hostile; images before the bad one are loaded.</exception>
    public static IReadOnlyList<NamedImage> LoadDirectory(Store store, string path, Platform? platform = null)
    {
        using var archive = new DirectoryArchive(FileAt.OpenDirectory(path));
        return Load(store, archive, platform);
    }

    private static IReadOnlyList<NamedImage> Load(Store store, ArchiveSource archive, Platform? platform) =>
        archive.TryRead("oci-layout", 4096) is { } layout ? OciLayout.Load(store, archive, layout, platform)
        : archive.TryRead("manifest.json", ManifestReader.MostBytes) is { } manifest ? DockerArchive.Load(store, archive, manifest, platform)
        : throw CrunException.Integrity("the archive has neither an oci-layout nor a manifest.json", "load");

    /// <summary>Whether an image is for a platform that is wanted; null stands for all.</summary>
    internal static bool IsFor(ImageConfig config, Platform? wanted) =>
        wanted is null || IsFor(new Platform { Os = config.Os, Architecture = config.Architecture, Variant = string.IsNullOrEmpty(config.Variant) ? null : config.Variant }, wanted);

    /// <summary>Whether what is offered for a platform, or for none in particular, is for another.</summary>
    internal static bool IsFor(Platform? offered, Platform wanted) =>
        offered is null || (offered.Os == wanted.Os && offered.Architecture == wanted.Architecture
            && (wanted.Variant is null || offered.Variant is null || wanted.Variant == offered.Variant));

    /// <summary>The error that an archive has nothing for a platform.</summary>
    internal static CrunException NoneFor(Platform platform) => CrunException.NotFound($"the archive has no image for {platform}", "load");
}
