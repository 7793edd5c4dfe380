using CrunSharp.Oci;

namespace CrunSharp.Build.Graph;

/// <summary>
/// The identity of a step: a hash over all that its result depends on, each part with its name and length. The parts are
/// kept as text too, so that a record can tell later why a step did not hit.
/// </summary>
/// <remarks>
/// The parent goes in as the digests of its layers, not as the key of the step that made it: a step that was done again and
/// gave the same layer leaves the steps after it valid.
/// </remarks>
internal sealed class CacheKey
{
    /// <summary>Changes when the same step would be done in another way: all records of before are then misses.</summary>
    private const string Version = "1";

    private readonly SortedDictionary<string, string> _parts = new(StringComparer.Ordinal) { ["version"] = Version };

    /// <summary>The parts by name.</summary>
    public IReadOnlyDictionary<string, string> Parts => _parts;

    /// <summary>Adds a part.</summary>
    public CacheKey Add(string name, string value)
    {
        _parts.Add(name, value);
        return this;
    }

    /// <summary>Adds a list: its words, each in Go's quotes, so that no two lists look the same.</summary>
    public CacheKey Add(string name, IEnumerable<string> words) => Add(name, Dockerfile.GoText.Quote(words));

    /// <summary>The key of the step, whatever it is done on.</summary>
    public Digest WithoutParent() => Hash("");

    /// <summary>The key of the step on a parent.</summary>
    /// <param name="parent">The layers that it is done on, from the base up.</param>
    public Digest On(IEnumerable<Digest> parent) => Hash(string.Join(' ', parent));

    private Digest Hash(string parent)
    {
        var hash = new KeyHash().Append(parent);
        foreach (var (name, value) in _parts) hash.Append(name).Append(value);
        return hash.Finish();
    }
}
