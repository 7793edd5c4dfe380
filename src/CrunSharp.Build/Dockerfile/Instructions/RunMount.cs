using System.Globalization;
using CrunSharp.Oci;

namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>The kinds of mounts of RUN.</summary>
public enum RunMountType
{
    /// <summary>Files of the context, a stage or an image.</summary>
    Bind,

    /// <summary>A directory that is kept between builds.</summary>
    Cache,

    /// <summary>An empty file system in memory.</summary>
    Tmpfs,

    /// <summary>A file that is in no layer.</summary>
    Secret,

    /// <summary>The caller's SSH agent.</summary>
    Ssh,
}

/// <summary>Who may use a cache mount at the same time.</summary>
public enum CacheSharing
{
    /// <summary>Everybody.</summary>
    Shared,

    /// <summary>One; another one gets a directory of its own.</summary>
    Private,

    /// <summary>One; others wait.</summary>
    Locked,
}

/// <summary>A mount of RUN: the value of <c>--mount</c>.</summary>
/// <seealso href="https://docs.docker.com/reference/dockerfile/#run---mount"/>
public sealed record RunMount
{
    private static readonly string[] Keys =
    [
        "type", "from", "source", "src", "target", "dst", "destination", "readonly", "ro", "readwrite", "rw", "id", "sharing",
        "required", "mode", "uid", "gid", "size", "tmpfs-size", "tmpfs-mode", "env",
    ];

    /// <summary>What is mounted.</summary>
    public RunMountType Type { get; private init; }

    /// <summary>Where; null for the type's own place. Relative to the working directory.</summary>
    public string? Target { get; private init; }

    /// <summary>The path in what <see cref="From"/> names; of a secret, its id.</summary>
    public string? Source { get; private init; }

    /// <summary>A stage, an image or a named context; null for the build context.</summary>
    public string? From { get; private init; }

    /// <summary>The id of a cache, a secret or an agent.</summary>
    public string? Id { get; private init; }

    /// <summary>Whether it was said to be read-only (true) or not (false); null when nothing was said.</summary>
    public bool? ReadOnly { get; private init; }

    /// <summary>Who else may use a cache.</summary>
    public CacheSharing Sharing { get; private init; }

    /// <summary>The most bytes of a tmpfs; 0 for no limit.</summary>
    public long Size { get; private init; }

    /// <summary>The permissions of a cache's directory, a secret, an agent's socket or a tmpfs; null for the usual ones.</summary>
    public uint? Mode { get; private init; }

    /// <summary>The owner of the same.</summary>
    public uint Uid { get; private init; }

    /// <summary>The group of the same.</summary>
    public uint Gid { get; private init; }

    /// <summary>Whether a secret or agent that the caller does not give is an error.</summary>
    public bool Required { get; private init; }

    /// <summary>The variable that gets a secret; null for none.</summary>
    public string? Variable { get; private init; }

    /// <summary>Reads the value of <c>--mount</c>.</summary>
    /// <param name="text">Fields with commas between them, as in a line of CSV.</param>
    /// <param name="expand">Replaces variables; null leaves the fields with variables out, as their values are not known yet.</param>
    /// <exception cref="CrunException">A field is unknown, or its value is not allowed.</exception>
    internal static RunMount Parse(string text, Func<string, string>? expand)
    {
        var mount = new RunMount();
        var given = new HashSet<string>(StringComparer.Ordinal);
        foreach (var field in SplitFields(text))
        {
            var equals = field.IndexOf('=', StringComparison.Ordinal);
            var key = (equals < 0 ? field : field[..equals]).Trim().ToLowerInvariant();
            var value = equals < 0 ? null : field[(equals + 1)..];
            if (!Keys.Contains(key)) throw CrunException.Invalid($"unexpected key '{key}' in '{field}'{Suggestion.For(key, Keys)}").About(field);
            given.Add(key);
            if (value?.Contains('$', StringComparison.Ordinal) == true)
            {
                if (key == "from") throw CrunException.Invalid("'from' doesn't support variable expansion, define alias stage instead");
                if (expand is null) continue;
                value = expand(value);
            }
            try
            {
                mount = mount.With(key, value, field);
            }
            catch (CrunException error)
            {
                throw error.About(field);
            }
        }
        mount.Check(given, complete: expand is not null);
        return mount;
    }

    private RunMount With(string key, string? value, string field) => key switch
    {
        "readonly" or "ro" => this with { ReadOnly = Boolean(key, value) },
        "readwrite" or "rw" => this with { ReadOnly = !Boolean(key, value) },
        "required" => this with { Required = Boolean(key, value) },
        _ when value is null => throw CrunException.Invalid($"invalid field '{field}' must be a key=value pair"),
        "type" => this with { Type = TypeOf(value.ToLowerInvariant()) },
        "from" => this with { From = value.Length > 0 ? value : null },
        "source" or "src" => this with { Source = value },
        "target" or "dst" or "destination" => this with { Target = value },
        "id" => this with { Id = value },
        "sharing" => this with { Sharing = SharingOf(value) },
        "size" or "tmpfs-size" => this with { Size = Bytes(key, value) },
        "mode" or "tmpfs-mode" => this with { Mode = Octal(value) },
        "uid" => this with { Uid = Number(key, value) },
        "gid" => this with { Gid = Number(key, value) },
        _ => this with { Variable = value },
    };

    // What a type does not know would be a mistake that nobody notices.
    private void Check(HashSet<string> given, bool complete)
    {
        var type = Type.ToString().ToLowerInvariant();
        foreach (var key in (ReadOnlySpan<string>)["mode", "uid", "gid"])
        {
            if (given.Contains(key) && Type is RunMountType.Bind or RunMountType.Tmpfs) throw CrunException.Invalid($"{key} not allowed for \"{type}\" type mounts");
        }
        Allow("sharing", Type == RunMountType.Cache, "invalid cache sharing set for {0} mount");
        Allow("env", Type == RunMountType.Secret, "unexpected key 'env' for mount type '{0}'");
        Allow("required", Type is RunMountType.Secret or RunMountType.Ssh, "unexpected key 'required' for mount type '{0}'");
        foreach (var key in (ReadOnlySpan<string>)["size", "tmpfs-size", "tmpfs-mode"])
            Allow(key, Type == RunMountType.Tmpfs, $"unexpected key '{key}' for mount type '{{0}}'");
        Allow("from", Type is RunMountType.Bind or RunMountType.Cache, "{0} mount should not have a from");
        if (!complete) return;
        if (Type == RunMountType.Secret && string.IsNullOrEmpty(Source) && string.IsNullOrEmpty(Target) && string.IsNullOrEmpty(Id))
            throw CrunException.Invalid("invalid secret mount. one of source, target required");
        if (Type == RunMountType.Secret && !string.IsNullOrEmpty(Source) && !string.IsNullOrEmpty(Id))
            throw CrunException.Invalid("both source and id can't be set");
        if (Type is RunMountType.Bind or RunMountType.Tmpfs && string.IsNullOrEmpty(Target)
            || Type == RunMountType.Cache && string.IsNullOrEmpty(Target)) throw CrunException.Invalid($"{type} mount: target is required");

        void Allow(string key, bool allowed, string reason)
        {
            if (given.Contains(key) && !allowed) throw CrunException.Invalid(reason.Replace("{0}", type, StringComparison.Ordinal));
        }
    }

    private static RunMountType TypeOf(string value) => value switch
    {
        "bind" => RunMountType.Bind,
        "cache" => RunMountType.Cache,
        "tmpfs" => RunMountType.Tmpfs,
        "secret" => RunMountType.Secret,
        "ssh" => RunMountType.Ssh,
        _ => throw CrunException.Invalid($"unsupported mount type {GoText.Quote(value)}{Suggestion.For(value, ["bind", "cache", "tmpfs", "secret", "ssh"])}"),
    };

    private static CacheSharing SharingOf(string value) => value.ToLowerInvariant() switch
    {
        "shared" => CacheSharing.Shared,
        "private" => CacheSharing.Private,
        "locked" => CacheSharing.Locked,
        _ => throw CrunException.Invalid($"unsupported sharing value {GoText.Quote(value)}{Suggestion.For(value, ["shared", "private", "locked"])}"),
    };

    private static bool Boolean(string key, string? value) => value?.ToLowerInvariant() switch
    {
        null or "true" or "1" or "t" => true,
        "false" or "0" or "f" => false,
        _ => throw CrunException.Invalid($"invalid value for {key}: {value}"),
    };

    private static uint Number(string key, string value) => uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number : throw CrunException.Invalid($"invalid value {value} for {key}");

    private static uint Octal(string value)
    {
        if (value.Length is 0 or > 5 || value.AsSpan().ContainsAnyExceptInRange('0', '7') || Convert.ToUInt32(value, 8) > 0xfff)
            throw CrunException.Invalid($"invalid value {value} for mode");
        return Convert.ToUInt32(value, 8);
    }

    // Go's units.RAMInBytes: 64, 64k, 64M, 1.5g, each with or without b or ib.
    private static long Bytes(string key, string value)
    {
        var text = value.Trim().ToLowerInvariant();
        var end = text.AsSpan().LastIndexOfAnyInRange('0', '9') + 1;
        var power = text[end..].TrimStart() switch { "" or "b" => 0, "k" or "kb" or "kib" => 1, "m" or "mb" or "mib" => 2, "g" or "gb" or "gib" => 3, "t" or "tb" or "tib" => 4, _ => -1 };
        if (power < 0 || !decimal.TryParse(text[..end], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) || number * (1L << (10 * power)) > long.MaxValue)
            throw CrunException.Invalid($"invalid value for {key}: {value}");
        return (long)(number * (1L << (10 * power)));
    }

    // A line of CSV: a field in quotes may have commas in it, and a quote twice for one.
    private static List<string> SplitFields(string text)
    {
        var fields = new List<string>();
        var field = new System.Text.StringBuilder();
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '"' && (quoted || field.Length == 0))
            {
                if (quoted && i + 1 < text.Length && text[i + 1] == '"') field.Append(text[i++]);
                else quoted = !quoted;
            }
            else if (text[i] == ',' && !quoted)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else
            {
                field.Append(text[i]);
            }
        }
        if (quoted) throw CrunException.Invalid($"failed to parse csv mounts: a quote in {GoText.Quote(text)} is not closed");
        fields.Add(field.ToString());
        return fields;
    }
}
