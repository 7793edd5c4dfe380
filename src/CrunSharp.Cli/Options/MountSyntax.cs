using CrunSharp.Oci;

namespace CrunSharp.Cli.Options;

/// <summary>Mounts as <c>--volume</c>, <c>--mount</c> and <c>--tmpfs</c> write them; the messages are docker's.</summary>
internal static class MountSyntax
{
    /// <summary>Reads <c>[source:]target[:mode]</c>.</summary>
    public static VolumeSpec Volume(string text)
    {
        if (text.Length == 0) throw CrunException.Invalid("invalid empty volume spec");
        var parts = text.Split(':');
        if (Array.Exists(parts, static part => part.Length == 0))
            throw CrunException.Invalid($"invalid spec: {text}: empty section between colons");
        switch (parts)
        {
            case [var target]:
                return new VolumeSpec { Kind = VolumeKind.Volume, Target = Target(target, text) };
            case [var target, var mode] when IsMode(mode):
                return WithMode(new VolumeSpec { Kind = VolumeKind.Volume, Target = Target(target, text) }, mode);
            case [var source, var target]:
                return WithSource(source, Target(target, text));
            case [var source, var target, var mode]:
                return WithMode(WithSource(source, Target(target, text)), mode);
            default:
                throw CrunException.Invalid($"invalid volume specification: '{text}'");
        }
    }

    /// <summary>Reads <c>type=bind,source=…,target=…,…</c>, in which values may be quoted as in CSV.</summary>
    public static VolumeSpec Mount(string text)
    {
        var draft = new MountDraft();
        foreach (var field in CsvFields(text))
        {
            var equals = field.IndexOf('=', StringComparison.Ordinal);
            var key = (equals < 0 ? field : field[..equals]).ToLowerInvariant();
            var value = equals < 0 ? null : field[(equals + 1)..];
            draft.Set(key, value, field);
        }
        return draft.Finish();
    }

    /// <summary>Reads <c>target[:options]</c>.</summary>
    public static VolumeSpec Tmpfs(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var target = colon < 0 ? text : text[..colon];
        if (!target.StartsWith('/')) throw CrunException.Invalid($"invalid tmpfs mount '{text}': mount path must be absolute");
        if (Clean(target) == "/") throw CrunException.Invalid($"invalid tmpfs mount '{text}': destination can't be '/'");
        return new VolumeSpec
        {
            Kind = VolumeKind.Tmpfs,
            Target = Clean(target),
            TmpfsOptions = colon < 0 ? [] : text[(colon + 1)..].Split(',', StringSplitOptions.RemoveEmptyEntries),
        };
    }

    /// <summary>An absolute path without empty components, <c>.</c> and <c>..</c>.</summary>
    internal static string Clean(string path)
    {
        var kept = new List<string>();
        foreach (var component in path.Split('/'))
        {
            if (component == ".." && kept.Count > 0) kept.RemoveAt(kept.Count - 1);
            else if (component is not ("" or "." or "..")) kept.Add(component);
        }
        return "/" + string.Join('/', kept);
    }

    internal static bool IsPropagation(string word) => word is "private" or "rprivate" or "shared" or "rshared" or "slave" or "rslave";

    /// <summary>Checks the name of a volume.</summary>
    internal static void CheckName(string name)
    {
        if (name.Length > 1 && char.IsAsciiLetterOrDigit(name[0])
            && !name.AsSpan().ContainsAnyExcept("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")) return;
        throw CrunException.Invalid(name.Length < 2 && !name.Contains('/', StringComparison.Ordinal)
            ? $"create {name}: volume name is too short, names should be at least two alphanumeric characters"
            : $"create {name}: \"{name}\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed."
                + " If you intended to pass a host directory, use absolute path");
    }

    private static VolumeSpec WithSource(string source, string target)
    {
        // '.' and './x' are relative to where we are; 'x/y' is a mistake that is told.
        if (source is "." or ".." || source.StartsWith("./", StringComparison.Ordinal) || source.StartsWith("../", StringComparison.Ordinal))
            source = Path.GetFullPath(source);
        if (source.StartsWith('/')) return new VolumeSpec { Kind = VolumeKind.Bind, Source = Clean(source), Target = target, MakesSource = true };
        CheckName(source);
        return new VolumeSpec { Kind = VolumeKind.Volume, Source = source, Target = target };
    }

    private static string Target(string target, string text)
    {
        if (!target.StartsWith('/'))
            throw CrunException.Invalid($"invalid volume specification: '{text}': invalid mount path: '{target}' mount path must be absolute");
        return Clean(target) is var clean and not "/" ? clean
            : throw CrunException.Invalid($"invalid volume specification: '{text}': invalid specification: destination can't be '/'");
    }

    private static bool IsMode(string text)
    {
        foreach (var word in text.Split(','))
        {
            if (!IsModeWord(word)) return false;
        }
        return true;
    }

    private static bool IsModeWord(string word) =>
        word is "ro" or "rw" or "z" or "Z" or "nocopy" or "cached" or "delegated" or "consistent" || IsPropagation(word);

    private static VolumeSpec WithMode(VolumeSpec spec, string mode)
    {
        var seen = new HashSet<string>();
        foreach (var word in mode.Split(','))
        {
            var group = word switch
            {
                "ro" or "rw" => "access",
                "z" or "Z" => "label",
                "cached" or "delegated" or "consistent" => "consistency",
                "nocopy" when spec.Kind == VolumeKind.Volume => "copy",
                _ when IsPropagation(word) && spec.Kind == VolumeKind.Bind => "propagation",
                _ => "",
            };
            if (group.Length == 0 || !seen.Add(group)) throw CrunException.Invalid($"invalid mode: {mode}");
            spec = group switch
            {
                "access" => spec with { ReadOnly = word == "ro" },
                "label" => spec with { Relabel = word[0] },
                "copy" => spec with { NoCopy = true },
                "propagation" => spec with { Propagation = word },
                _ => spec, // consistency is for other systems: accepted and without effect
            };
        }
        return spec;
    }

    /// <summary>Splits at commas; a field in double quotes may contain them, and doubled quotes.</summary>
    internal static List<string> CsvFields(string text)
    {
        var fields = new List<string>();
        for (var at = 0; at <= text.Length;)
        {
            if (at < text.Length && text[at] == '"')
            {
                var field = new System.Text.StringBuilder();
                for (at++; ; at++)
                {
                    if (at >= text.Length) throw CrunException.Invalid("a quote is not closed");
                    if (text[at] != '"') field.Append(text[at]);
                    else if (at + 1 < text.Length && text[at + 1] == '"') field.Append(text[++at]);
                    else break;
                }
                at++;
                if (at < text.Length && text[at] != ',') throw CrunException.Invalid("a closing quote must be followed by a comma");
                at++;
                fields.Add(field.ToString());
                continue;
            }
            var comma = text.IndexOf(',', at);
            var end = comma < 0 ? text.Length : comma;
            fields.Add(text[at..end]);
            at = end + 1;
        }
        return fields;
    }
}
