using System.Globalization;
using CrunSharp.Cli.Output;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>A line of <c>images</c>: an image under one of its names.</summary>
/// <param name="Image">The image.</param>
/// <param name="Repository">The repository as people write it; <c>&lt;none&gt;</c> without a name.</param>
/// <param name="Tag">The tag; <c>&lt;none&gt;</c> without one.</param>
/// <param name="Digest">The digest of the manifest; <c>&lt;none&gt;</c> when it is not known.</param>
internal sealed record ImageRow(Image Image, string Repository, string Tag, string Digest)
{
    private const string None = "<none>";
    private long? _size;

    public long Size => _size ??= Image.Size;

    public DateTimeOffset? Created => CreatedOf(Image);

    /// <summary>When an image was made; null when it does not say.</summary>
    public static DateTimeOffset? CreatedOf(Image image) => image.Created;

    /// <summary>A moment in RFC 3339; null when it is none.</summary>
    public static DateTimeOffset? Time(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;

    /// <summary>The lines of an image: one for each name.</summary>
    public static IEnumerable<ImageRow> Of(Image image)
    {
        var digest = image.ManifestDigest?.ToString() ?? None;
        var any = false;
        foreach (var name in image.Names)
        {
            // A name with a digest only is a line when no tag of that repository is.
            if (name.Tag is null && image.Names.Any(other => other.Tag is not null && other.FamiliarName == name.FamiliarName)) continue;
            any = true;
            yield return new ImageRow(image, name.FamiliarName, name.Tag ?? None, (name.Digest ?? Pulled(image, name))?.ToString() ?? digest);
        }
        if (!any && image.OtherNames.Count == 0) yield return new ImageRow(image, None, None, digest);
    }

    // The digest of what the tag stands for in its registry, which may be an index.
    private static Oci.Digest? Pulled(Image image, ImageReference name)
    {
        foreach (var other in image.Names)
        {
            if (other.Digest is not null && other.FamiliarName == name.FamiliarName) return other.Digest;
        }
        return null;
    }
}

/// <summary>The fields of <c>images</c>.</summary>
internal static class ImageColumns
{
    public static Column<ImageRow>[] All(TimeProvider clock, bool truncate) =>
    [
        new("ID", "IMAGE ID", i => truncate ? i.Image.Id.Short : i.Image.Id.ToString()),
        new("Repository", "REPOSITORY", static i => i.Repository),
        new("Tag", "TAG", static i => i.Tag),
        new("Digest", "DIGEST", static i => i.Digest),
        new("CreatedSince", "CREATED", i => Human.Ago(i.Created, clock.GetUtcNow())),
        new("CreatedAt", "CREATED AT", static i => i.Created is { } time ? Human.Moment(time) : "N/A"),
        new("Size", "SIZE", static i => Human.Size(i.Size)),
        new("VirtualSize", "VIRTUAL SIZE", static i => Human.Size(i.Size, 4)),
        new("SharedSize", "SHARED SIZE", static _ => "N/A"),
        new("UniqueSize", "UNIQUE SIZE", static _ => "N/A"),
        new("Containers", "CONTAINERS", static _ => "N/A"),
    ];
}
