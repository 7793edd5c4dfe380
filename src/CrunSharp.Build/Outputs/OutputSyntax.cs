using System.Text;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build.Outputs;

/// <summary>The values of <c>build --output</c>.</summary>
public static class OutputSyntax
{
    private static readonly string[] Archives = ["docker", "oci"];
    private static readonly string[] Images = ["docker", "oci", "image", "registry"];
    private static readonly string[] Pushed = ["image", "registry"];
    private static readonly string[] Trees = ["local", "tar"];

    private static readonly string[] Types = ["local", "tar", "oci", "docker", "image", "registry", "cacheonly"];

    // Each attribute, the types that have it, and what it sets.
    private static readonly (string Name, string[] Of, Func<OutputSpec, string, OutputSpec> Set)[] Attributes =
    [
        ("dest", [.. Trees, .. Archives], static (o, v) => o with { Destination = v }),
        ("name", Images, static (o, v) => o with { Names = [.. o.Names, .. v.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Name)] }),
        ("push", Pushed, static (o, v) => o with { Push = Flag("push", v) }),
        ("push-by-digest", Pushed, static (o, v) => o with { PushByDigest = Flag("push-by-digest", v) }),
        ("registry.insecure", Pushed, static (o, v) => o with { VerifyTls = !Flag("registry.insecure", v) }),
        ("store", Pushed, static (o, v) => o with { Store = Flag("store", v) }),
        ("unpack", Pushed, static (o, v) => Flag("unpack", v) ? o : o),
        ("name-canonical", Pushed, static (o, v) => Flag("name-canonical", v) ? o : o),
        ("compression", Images, static (o, v) => o with { Compression = o.Compression with { Kind = Kind(v) } }),
        ("compression-level", Images, static (o, v) => o with { Compression = o.Compression with { Level = Level(v) } }),
        ("force-compression", Images, static (o, v) => o with { Compression = o.Compression with { IsForced = Flag("force-compression", v) } }),
        ("oci-mediatypes", Images, static (o, v) => o with { HasOciTypes = Flag("oci-mediatypes", v) }),
        ("rewrite-timestamp", [.. Images, .. Trees], static (o, v) => o with { RewriteTimestamp = Flag("rewrite-timestamp", v) }),
        ("tar", Archives, static (o, v) => o with { IsTar = Flag("tar", v) }),
        ("platform-split", Trees, static (o, v) => o with { PlatformSplit = Flag("platform-split", v) }),
        ("mode", ["local"], static (o, v) => o with { RemovesOthers = Mode(v) }),
    ];

    /// <summary>Reads <c>type=TYPE[,ATTRIBUTE=VALUE…]</c>, a directory, or <c>-</c> for a tar on standard output.</summary>
    /// <exception cref="CrunException">A type, attribute or value is not known, or one is missing.</exception>
    public static OutputSpec Parse(string text)
    {
        var fields = SplitFields(text);
        if (fields is [var only] && only == text && !text.StartsWith("type=", StringComparison.Ordinal))
        {
            if (text.Length == 0) throw CrunException.Invalid("the output is empty");
            return text == OutputSpec.StandardOutput ? new OutputSpec { Type = OutputType.Tar, Destination = text } : new OutputSpec { Type = OutputType.Local, Destination = text };
        }
        var pairs = fields.ConvertAll(static field => field.IndexOf('=', StringComparison.Ordinal) is > 0 and var at
            ? (Key: field[..at].Trim(), Value: field[(at + 1)..])
            : throw CrunException.Invalid($"invalid value {field}, expected attribute=value"));
        var type = pairs.FindLast(static pair => IsType(pair.Key)).Value ?? throw CrunException.Invalid($"type is required for output ({string.Join(", ", Types)})");
        var output = Start(type);
        foreach (var (key, value) in pairs)
        {
            if (IsType(key)) continue;
            output = Annotation.TryAttribute(key, value) is { } annotation
                ? output with { Annotations = [.. output.Annotations, annotation] }
                : Find(type, key.ToLowerInvariant()).Set(output, value);
        }
        return Checked(type, output);
    }

    /// <summary>Splits at commas as CSV does: a field in double quotes may have commas, and two quotes for one.</summary>
    /// <exception cref="CrunException">A quote is not closed, or in the middle of a field.</exception>
    internal static List<string> SplitFields(string text)
    {
        var fields = new List<string>();
        for (var at = 0; ; at++)
        {
            var field = new StringBuilder();
            if (at < text.Length && text[at] == '"')
            {
                for (at++; ; at++)
                {
                    if (at >= text.Length) throw CrunException.Invalid($"\"{text}\": a quote is not closed");
                    if (text[at] != '"') field.Append(text[at]);
                    else if (at + 1 < text.Length && text[at + 1] == '"') field.Append(text[at++]);
                    else break;
                }
                if (++at < text.Length && text[at] != ',') throw CrunException.Invalid($"\"{text}\": a quote ends in the middle of a field");
            }
            else
            {
                for (; at < text.Length && text[at] != ','; at++)
                    field.Append(text[at] != '"' ? text[at] : throw CrunException.Invalid($"\"{text}\": a quote in a field that does not begin with one"));
            }
            fields.Add(field.ToString());
            if (at >= text.Length) return fields;
        }
    }

    private static bool IsType(string key) => key.Equals("type", StringComparison.OrdinalIgnoreCase);

    private static OutputSpec Start(string type) => type switch
    {
        "local" => new OutputSpec { Type = OutputType.Local },
        "tar" => new OutputSpec { Type = OutputType.Tar },
        "oci" => new OutputSpec { Type = OutputType.Oci },
        "docker" => new OutputSpec { Type = OutputType.Docker },
        "image" => new OutputSpec { Type = OutputType.Image },
        "registry" => new OutputSpec { Type = OutputType.Image, Push = true },
        "cacheonly" => new OutputSpec { Type = OutputType.CacheOnly },
        _ => throw CrunException.Invalid($"unknown output type \"{type}\"{Suggestion.For(type, Types)}: {string.Join(", ", Types)} are known"),
    };

    private static (string Name, string[] Of, Func<OutputSpec, string, OutputSpec> Set) Find(string type, string key)
    {
        foreach (var attribute in Attributes)
        {
            if (attribute.Name != key) continue;
            return attribute.Of.Contains(type) ? attribute
                : throw CrunException.Invalid($"the output type {type} has no attribute {key}: it is for {string.Join(", ", attribute.Of)}");
        }
        var known = Attributes.Where(attribute => attribute.Of.Contains(type)).Select(static attribute => attribute.Name).ToList();
        if (key.StartsWith("annotation", StringComparison.Ordinal)) throw CrunException.Invalid($"\"{key}\" names no annotation: annotation.KEY=VALUE is expected");
        throw CrunException.Invalid($"unknown attribute \"{key}\" of the output type {type}{Suggestion.For(key, known)}");
    }

    private static OutputSpec Checked(string type, OutputSpec output)
    {
        if (output.Type is OutputType.Local && output.Destination is null or "") throw CrunException.Invalid($"dest is required for the output type {type}");
        if (output is { Type: OutputType.Local, Destination: OutputSpec.StandardOutput }) throw CrunException.Invalid("dest cannot be standard output for the output type local");
        // Without a place it goes to standard output, as others have it.
        if (output is { Type: OutputType.Oci or OutputType.Tar, Destination: null }) output = output with { Destination = OutputSpec.StandardOutput };
        if (!output.IsTar && output.Destination is null or OutputSpec.StandardOutput) throw CrunException.Invalid($"dest is required for the output type {type} with tar=false");
        if (output.PushByDigest && !output.Push) output = output with { Push = true };
        // Docker's own types have no name for it that others know.
        if (output.Compression.Kind == CompressionKind.Zstd) output = output with { HasOciTypes = true };
        if (output.Compression is { Level: { } level } compression)
        {
            if (compression.Kind == CompressionKind.None) throw CrunException.Invalid("compression=uncompressed has no compression-level");
            new LayerCompression(compression.Kind ?? CompressionKind.Gzip, level).Checked();
        }
        return output;
    }

    private static ImageReference Name(string text)
    {
        var name = ImageReference.Parse(text);
        return name.Digest is null ? name : throw CrunException.Invalid($"{text}: an image cannot be named by a digest");
    }

    private static CompressionKind Kind(string text) => text switch
    {
        "uncompressed" => CompressionKind.None,
        "gzip" => CompressionKind.Gzip,
        "zstd" => CompressionKind.Zstd,
        "estargz" => throw CrunException.Unsupported("compression=estargz is not supported: uncompressed, gzip and zstd are"),
        _ => throw CrunException.Invalid($"unknown compression \"{text}\"{Suggestion.For(text, ["uncompressed", "gzip", "zstd"])}: uncompressed, gzip and zstd are known"),
    };

    private static int Level(string text) => int.TryParse(text, out var level) ? level : throw CrunException.Invalid($"compression-level={text}: not a number");

    private static bool Mode(string text) => text switch
    {
        "copy" => false,
        "delete" => true,
        _ => throw CrunException.Invalid($"mode={text}: must be copy or delete"),
    };

    private static bool Flag(string name, string text) => text switch
    {
        "" or "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => throw CrunException.Invalid($"{name}={text}: must be true or false"),
    };
}
