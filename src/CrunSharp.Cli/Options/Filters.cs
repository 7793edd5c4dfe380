using CrunSharp.Oci;

namespace CrunSharp.Cli.Options;

/// <summary>The conditions of <c>--filter name=value</c>: values of one name are alternatives, names must all hold.</summary>
/// <param name="names">The names that the command knows.</param>
internal sealed class Filters(params string[] names)
{
    private readonly List<KeyValuePair<string, string>> _conditions = [];

    public bool IsEmpty => _conditions.Count == 0;

    /// <summary>The conditions as they were given: <c>name=value</c>.</summary>
    public IEnumerable<string> Texts => _conditions.Select(static c => $"{c.Key}={c.Value}");

    /// <summary>Whether a value was given for a name.</summary>
    public bool Names(string name) => _conditions.Exists(condition => condition.Key == name);

    /// <summary>Adds a condition.</summary>
    /// <exception cref="CrunException">It is not of the form name=value, or the name is unknown.</exception>
    public void Add(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0) throw CrunException.Invalid("must be of the form name=value");
        var name = text[..equals].Trim().ToLowerInvariant();
        if (!Array.Exists(names, known => known == name))
            throw CrunException.Unsupported($"invalid filter '{name}': it must be one of {string.Join(", ", names)}");
        _conditions.Add(new(name, text[(equals + 1)..].Trim()));
    }

    /// <summary>Whether one of the values that were given for a name holds; also when none was given.</summary>
    public bool Holds(string name, Func<string, bool> test)
    {
        var given = false;
        foreach (var (key, value) in _conditions)
        {
            if (key != name) continue;
            if (test(value)) return true;
            given = true;
        }
        return !given;
    }

    /// <summary>
    /// Whether all of the labels that were asked for are there (<c>label=name</c> or <c>label=name=value</c>), and none of those
    /// that were excluded (<c>label!=name</c>).
    /// </summary>
    public bool LabelsHold(IReadOnlyDictionary<string, string>? labels)
    {
        foreach (var (key, value) in _conditions)
        {
            if (key is not ("label" or "label!")) continue;
            var equals = value.IndexOf('=', StringComparison.Ordinal);
            var actual = labels?.GetValueOrDefault(equals < 0 ? value : value[..equals]);
            var isThere = actual is not null && (equals < 0 || actual == value[(equals + 1)..]);
            if (isThere != (key == "label")) return false;
        }
        return true;
    }

    /// <summary>The moment that <c>until</c> names; null when it was not given.</summary>
    /// <exception cref="CrunException">It is no moment, or was given twice.</exception>
    public DateTimeOffset? Until(TimeProvider clock) => Single("until") is { } text ? Moments.Parse(text, clock.GetUtcNow()) : null;

    /// <summary>The only value of a name that is true or false; null when it was not given.</summary>
    /// <exception cref="CrunException">It is neither, or was given twice.</exception>
    public bool? Truth(string name) => Single(name) is { } text ? IsTrue(name, text) : null;

    /// <summary>Whether a value of a name that is true or false is true.</summary>
    /// <exception cref="CrunException">It is neither.</exception>
    public static bool IsTrue(string name, string text) => text switch
    {
        "true" or "1" => true,
        "false" or "0" => false,
        _ => throw CrunException.Invalid($"invalid filter '{name}={text}'"),
    };

    /// <summary>The only value of a name; null when it was not given.</summary>
    /// <exception cref="CrunException">It was given twice.</exception>
    public string? Single(string name)
    {
        string? found = null;
        foreach (var (key, value) in _conditions)
        {
            if (key == name) found = found is null ? value : throw CrunException.Invalid($"filter '{name}' can be given only once");
        }
        return found;
    }
}
