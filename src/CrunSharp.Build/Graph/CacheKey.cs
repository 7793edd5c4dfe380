using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
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
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, parent);
        foreach (var (name, value) in _parts)
        {
            Append(hash, name);
            Append(hash, value);
        }
        return Digest.FromHash(hash.GetHashAndReset());
    }

    /// <summary>Adds a text to a hash with its length before it.</summary>
    internal static void Append(IncrementalHash hash, string text) => Append(hash, Encoding.UTF8.GetBytes(text));

    /// <summary>Adds bytes to a hash with their length before them.</summary>
    internal static void Append(IncrementalHash hash, ReadOnlySpan<byte> bytes)
    {
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }

    /// <summary>Adds a number to a hash.</summary>
    internal static void Append(IncrementalHash hash, long number)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        hash.AppendData(bytes);
    }
}
