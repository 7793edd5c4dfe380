using System.Globalization;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build.Cache.Transfers;

/// <summary>Where a build cache is taken from or goes to, as <c>--cache-from</c> and <c>--cache-to</c> say it.</summary>
/// <seealso href="https://docs.docker.com/build/cache/backends/"/>
public sealed record CacheAddress
{
    private const string UsualTag = "latest";

    /// <summary>The directory of an OCI layout; null for a registry.</summary>
    public string? Directory { get; private init; }

    /// <summary>The name in a registry; null for a directory.</summary>
    public ImageReference? Reference { get; private init; }

    /// <summary>The name within a layout.</summary>
    public string Tag { get; private init; } = UsualTag;

    /// <summary>The digest of the manifest that is wanted; null to go by the name.</summary>
    public Digest? Digest { get; private init; }

    /// <summary>Whether the steps of all stages go, and not only those that are in the image: <c>mode=max</c>.</summary>
    public bool IsMax { get; private init; }

    /// <summary>Whether it is written as an index of blobs, as older builders did: <c>image-manifest=false</c>.</summary>
    public bool IsIndex { get; private init; }

    /// <summary>Whether the build succeeds although the cache cannot be written.</summary>
    public bool IgnoresErrors { get; private init; }

    /// <summary>How layers are compressed; null for as they are, and with gzip if they are not.</summary>
    public LayerCompression? Compression { get; private init; }

    /// <summary>The ids of cache mounts that go along; <c>*</c> stands for all.</summary>
    public IReadOnlyList<string> Mounts { get; private init; } = [];

    /// <summary>The address for people.</summary>
    public string Shown => Directory is { } path ? path : Reference!.Familiar;

    /// <summary>Reads the value of <c>--cache-to</c>.</summary>
    /// <exception cref="CrunException">A field is unknown or wrong, or the kind is not supported.</exception>
    public static CacheAddress ParseTo(string text) => Parse(text, isTo: true);

    /// <summary>Reads the value of <c>--cache-from</c>; a word alone is a name in a registry.</summary>
    /// <exception cref="CrunException">A field is unknown or wrong, or the kind is not supported.</exception>
    public static CacheAddress ParseFrom(string text) => Parse(text, isTo: false);

    private static CacheAddress Parse(string text, bool isTo)
    {
        if (!text.Contains('=', StringComparison.Ordinal)) text = $"type=registry,ref={text}";
        var address = new CacheAddress();
        string? type = null;
        var (kind, level, path) = ((CompressionKind?)null, (int?)null, isTo ? "dest" : "src");
        foreach (var field in text.Split(','))
        {
            var equals = field.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0) throw CrunException.Invalid($"invalid field '{field}' must be a key=value pair");
            var (key, value) = (field[..equals].Trim().ToLowerInvariant(), field[(equals + 1)..]);
            switch (key)
            {
                case "type": type = value; break;
                case "dest" or "src" when key == path: address = address with { Directory = Path.GetFullPath(value) }; break;
                case "ref": address = address with { Reference = ImageReference.Parse(value) }; break;
                case "tag": address = address with { Tag = value }; break;
                case "digest" when !isTo: address = address with { Digest = Oci.Digest.Parse(value) }; break;
                case "mode" when isTo: address = address with { IsMax = Choice(key, value, "min", "max") == "max" }; break;
                case "image-manifest" when isTo: address = address with { IsIndex = !Truth(key, value) }; break;
                case "oci-mediatypes" when isTo: if (!Truth(key, value)) throw CrunException.Unsupported("oci-mediatypes=false is not supported: caches have OCI's media types"); break;
                case "ignore-error" when isTo: address = address with { IgnoresErrors = Truth(key, value) }; break;
                case "compression" when isTo: kind = Choice(key, value, "gzip", "zstd") == "zstd" ? CompressionKind.Zstd : CompressionKind.Gzip; break;
                case "compression-level" when isTo: level = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw CrunException.Invalid($"invalid value for {key}: {value}"); break;
                // A layer that is there in another form only is always compressed anew when a form is asked for.
                case "force-compression" when isTo: _ = Truth(key, value); break;
                case "mounts" when isTo: address = address with { Mounts = value.Split(';', StringSplitOptions.RemoveEmptyEntries) }; break;
                default: throw CrunException.Invalid($"unexpected key '{key}' in '{field}'");
            }
        }
        if (kind is not null || level is not null) address = address with { Compression = new LayerCompression(kind ?? CompressionKind.Gzip, level).Checked() };
        return address.Checked(type, path, isTo);
    }

    private CacheAddress Checked(string? type, string path, bool isTo)
    {
        switch (type)
        {
            case "local":
                if (Directory is null) throw CrunException.Invalid($"a cache of the type local needs {path}=DIRECTORY");
                return Reference is null ? this : throw CrunException.Invalid("a cache of the type local has no ref");
            case "registry":
                if (Reference is null) throw CrunException.Invalid("a cache of the type registry needs ref=NAME");
                if (isTo && Reference.Digest is not null) throw CrunException.Invalid("a cache cannot be written under a digest");
                if (Mounts.Count > 0) throw CrunException.Unsupported("cache mounts go into a directory only (type=local)");
                return Directory is null ? this : throw CrunException.Invalid($"a cache of the type registry has no {path}");
            case null: throw CrunException.Invalid("the type of the cache is missing (type=local or type=registry)");
            default: throw CrunException.Unsupported($"caches of the type {type} are not supported: local and registry are{Suggestion.For(type, ["local", "registry"])}");
        }
    }

    private static string Choice(string key, string value, params ReadOnlySpan<string> allowed)
    {
        foreach (var one in allowed)
        {
            if (one == value) return value;
        }
        throw CrunException.Invalid($"{key}={value} is not supported: {string.Join(" and ", allowed)} are");
    }

    private static bool Truth(string key, string value) => value.ToLowerInvariant() switch
    {
        "true" or "1" => true,
        "false" or "0" => false,
        _ => throw CrunException.Invalid($"invalid value for {key}: {value}"),
    };
}
