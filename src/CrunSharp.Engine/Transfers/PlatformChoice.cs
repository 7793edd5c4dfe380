using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Engine.Transfers;

/// <summary>Finds what an index has for a platform, by containerd's rules: the best variant that the processor can run.</summary>
public static class PlatformChoice
{
    private const int Never = -1;

    // A word alone is one of these; with its system, an architecture is whatever an image says.
    private static readonly string[] Architectures = ["386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x", "wasm"];

    /// <summary>Reads <c>os[/architecture[/variant]]</c>, or an architecture alone, in any of the usual spellings.</summary>
    /// <exception cref="CrunException">It is not of that form.</exception>
    public static Platform Parse(string text)
    {
        var parts = text.ToLowerInvariant().Split('/');
        if (parts.Length > 3 || Array.Exists(parts, static part => part.Length == 0))
            throw CrunException.Invalid($"\"{text}\" is not of the form os[/architecture[/variant]]");
        if (parts.Length == 1)
        {
            if (parts[0] is "linux" or "windows" or "darwin" or "freebsd") return Normalize(Platform.Host with { Os = parts[0] });
            var alone = Normalize(new Platform { Os = Platform.Host.Os, Architecture = parts[0] });
            return Architectures.Contains(alone.Architecture) ? alone : throw CrunException.Invalid($"\"{text}\": unknown operating system or architecture");
        }
        return Normalize(new Platform { Os = parts[0], Architecture = parts[1], Variant = parts.Length > 2 ? parts[2] : null });
    }

    /// <summary>The entries that are for a platform, the best one first; those without a platform come last.</summary>
    public static IReadOnlyList<Descriptor> Candidates(ImageIndex index, Platform wanted)
    {
        var ranked = new List<(Descriptor Manifest, int Rank)>();
        foreach (var manifest in index.Manifests)
        {
            if (IsImage(manifest.MediaType) && Rank(manifest.Platform, wanted) is var rank and not Never) ranked.Add((manifest, rank));
        }
        return [.. ranked.OrderByDescending(static r => r.Rank).Select(static r => r.Manifest)];
    }

    /// <summary>Whether what is made for one platform runs on another.</summary>
    public static bool IsFor(Platform offered, Platform wanted) => Rank(offered, wanted) != Never;

    /// <summary>The platform that a configuration says it is for.</summary>
    public static Platform Of(ImageConfig config) =>
        Normalize(new Platform { Os = config.Os, Architecture = config.Architecture, Variant = string.IsNullOrEmpty(config.Variant) ? null : config.Variant });

    private static bool IsImage(string mediaType) =>
        mediaType is MediaTypes.Manifest or MediaTypes.DockerManifest or MediaTypes.Index or MediaTypes.DockerManifestList;

    private static int Rank(Platform? offered, Platform wanted)
    {
        if (offered is null) return 0;
        var (have, want) = (Normalize(offered), Normalize(wanted));
        if (have.Os != want.Os || have.Architecture != want.Architecture) return Never;
        var (level, most) = (Level(have), Level(want));
        return level is { } number && most is { } limit ? number <= limit ? number : Never
            : have.Variant == want.Variant || have.Variant is null ? 1 : Never;
    }

    // Variants of a processor contain those below: what is for arm/v6 runs on arm/v7.
    private static int? Level(Platform platform)
    {
        var usual = platform.Architecture switch { "amd64" => 1, "arm64" => 8, "arm" => 7, _ => 0 };
        if (usual == 0) return null;
        if (platform.Variant is null) return usual;
        return platform.Variant[0] == 'v' && int.TryParse(platform.Variant.AsSpan(1), System.Globalization.NumberStyles.None, null, out var level) && level is > 0 and < 100 ? level : null;
    }

    private static Platform Normalize(Platform platform)
    {
        var variant = string.IsNullOrEmpty(platform.Variant) ? null : platform.Variant;
        var (architecture, implied) = platform.Architecture switch
        {
            "x86_64" or "x86-64" => ("amd64", null),
            "aarch64" => ("arm64", null),
            "armhf" => ("arm", "v7"),
            "armel" => ("arm", "v6"),
            "i386" => ("386", (string?)null),
            var other => (other, null),
        };
        variant ??= implied;
        var isUsual = (architecture, variant) is ("amd64", "v1") or ("arm64", "v8") or ("arm64", "8");
        return platform with { Architecture = architecture, Variant = isUsual ? null : variant };
    }
}
