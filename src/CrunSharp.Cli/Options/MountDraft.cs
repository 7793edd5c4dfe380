using CrunSharp.Oci;

namespace CrunSharp.Cli.Options;

/// <summary>What a <c>--mount</c> has said so far.</summary>
internal sealed class MountDraft
{
    private string _type = "volume";
    private string? _source;
    private string? _target;
    private string? _driver;
    private string? _subpath;
    private string? _propagation;
    private bool _readOnly;
    private bool _nonRecursive;
    private bool _noCopy;
    private long? _size;
    private uint? _mode;
    private readonly List<KeyValuePair<string, string>> _options = [];
    private readonly List<KeyValuePair<string, string>> _labels = [];
    private readonly HashSet<string> _families = [];

    /// <summary>Takes a field.</summary>
    /// <exception cref="CrunException">It is unknown or has a bad value.</exception>
    public void Set(string key, string? value, string field)
    {
        if (value is null && key is not ("readonly" or "ro" or "volume-nocopy" or "bind-nonrecursive"))
            throw CrunException.Invalid($"invalid field '{field}' must be a key=value pair");
        var text = value ?? "true";
        var dash = key.IndexOf('-', StringComparison.Ordinal);
        if (dash > 0) _families.Add(key[..dash]);
        switch (key)
        {
            case "type": _type = text.ToLowerInvariant(); break;
            case "source" or "src": _source = text is "." or ".." || text.StartsWith("./", StringComparison.Ordinal) || text.StartsWith("../", StringComparison.Ordinal) ? Path.GetFullPath(text) : text; break;
            case "target" or "dst" or "destination": _target = text; break;
            case "readonly" or "ro": _readOnly = Truth(key, text); break;
            case "consistency": break;
            case "bind-propagation" when MountSyntax.IsPropagation(text.ToLowerInvariant()): _propagation = text.ToLowerInvariant(); break;
            case "bind-nonrecursive": _nonRecursive = Truth(key, text); break;
            case "bind-recursive" when text is "enabled" or "writable" or "readonly" or "disabled": _nonRecursive = text == "disabled"; break;
            case "volume-nocopy": _noCopy = Truth(key, text); break;
            case "volume-subpath": _subpath = text; break;
            case "volume-driver": _driver = text; break;
            case "volume-opt": _options.Add(Pair(text)); break;
            case "volume-label": _labels.Add(Pair(text)); break;
            case "tmpfs-size": _size = Size(key, text); break;
            case "tmpfs-mode": _mode = Mode(key, text); break;
            case "bind-propagation" or "bind-recursive": throw BadValue(key, text);
            default: throw CrunException.Invalid($"unexpected key '{key}' in '{field}'");
        }
    }

    /// <summary>The whole.</summary>
    /// <exception cref="CrunException">Something is missing, or fields do not go together.</exception>
    public VolumeSpec Finish()
    {
        var kind = _type switch
        {
            "bind" => VolumeKind.Bind,
            "volume" => VolumeKind.Volume,
            "tmpfs" => VolumeKind.Tmpfs,
            _ => throw CrunException.Invalid($"mount type unknown: \"{_type}\""),
        };
        if (string.IsNullOrEmpty(_target)) throw CrunException.Invalid("target is required");
        foreach (var family in _families)
        {
            if (family != _type) throw CrunException.Invalid($"cannot mix '{family}-*' options with mount type '{_type}'");
        }
        if (!_target.StartsWith('/')) throw CrunException.Invalid($"invalid mount path: '{_target}' mount path must be absolute");
        if (MountSyntax.Clean(_target) == "/") throw CrunException.Invalid("invalid specification: destination can't be '/'");
        switch (kind)
        {
            case VolumeKind.Bind when string.IsNullOrEmpty(_source): throw CrunException.Invalid("source is required for type=bind");
            case VolumeKind.Bind when !_source.StartsWith('/'): throw CrunException.Invalid($"invalid mount path: '{_source}' mount path must be absolute");
            case VolumeKind.Tmpfs when _source is not null: throw CrunException.Invalid("field Source must not be specified for type=tmpfs");
            case VolumeKind.Volume when !string.IsNullOrEmpty(_source): MountSyntax.CheckName(_source); break;
        }
        return new VolumeSpec
        {
            Kind = kind,
            Source = string.IsNullOrEmpty(_source) ? null : kind == VolumeKind.Bind ? MountSyntax.Clean(_source) : _source,
            Target = MountSyntax.Clean(_target),
            ReadOnly = _readOnly,
            NonRecursive = _nonRecursive,
            Propagation = _propagation,
            NoCopy = _noCopy,
            Subpath = _subpath,
            Driver = _driver,
            DriverOptions = _options,
            Labels = _labels,
            TmpfsSize = _size,
            TmpfsMode = _mode,
        };
    }

    private static bool Truth(string key, string text) => text switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => throw BadValue(key, text),
    };

    private static long Size(string key, string text)
    {
        try
        {
            return Numbers.Bytes(text);
        }
        catch (CrunException)
        {
            throw BadValue(key, text);
        }
    }

    private static uint Mode(string key, string text)
    {
        var mode = 0u;
        foreach (var digit in text)
        {
            if (digit is < '0' or > '7' || mode > 0x1ff) throw BadValue(key, text);
            mode = mode * 8 + (uint)(digit - '0');
        }
        return text.Length > 0 ? mode : throw BadValue(key, text);
    }

    private static KeyValuePair<string, string> Pair(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? new(text, "") : new(text[..equals], text[(equals + 1)..]);
    }

    private static CrunException BadValue(string key, string text) => CrunException.Invalid($"invalid value for {key}: {text}");
}
