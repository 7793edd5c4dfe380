using System.Globalization;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Oci.Json;
using Microsoft.Win32.SafeHandles;
using static CrunSharp.Oci.Json.JsonKind;

namespace CrunSharp.Build.Cache;

/// <summary>What a step gave, under its key.</summary>
internal sealed record CacheRecord
{
    /// <summary>The layer; null for a step that changed nothing.</summary>
    public Digest? DiffId { get; init; }

    /// <summary>When the step was done, as the image tells it, RFC 3339: a build with SOURCE_DATE_EPOCH tells that.</summary>
    public required string Created { get; init; }

    /// <summary>When the step was done here, in seconds since 1970; null when only <see cref="Created"/> tells it.</summary>
    public long? Stored { get; init; }

    /// <summary>The parts of the key, to tell later why a step did not hit.</summary>
    public required IReadOnlyDictionary<string, string> Parts { get; init; }

    /// <summary>How long ago the step was done; null when nobody knows.</summary>
    public TimeSpan? Age(DateTimeOffset now) => Stored is { } seconds and >= 0 and <= 253402300799 ? now - DateTimeOffset.FromUnixTimeSeconds(seconds)
        : DateTimeOffset.TryParse(Created, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var made) ? now - made : null;

    /// <summary>Whether it is too old to be used; what is of no known age is.</summary>
    public bool IsOlderThan(TimeSpan? most, DateTimeOffset now) => most is { } limit && !(Age(now) < limit);
}

internal static class CacheJson
{
    public static JsonRecord<CacheRecord> Record { get; } =
        new JsonRecord<CacheRecord>(new CacheRecord { Created = "", Parts = new Dictionary<string, string>() })
        .OptionalValue("diffId", ImageParts.Digest, static r => r.DiffId, static (r, v) => r with { DiffId = v })
        .Required("created", Text, static r => r.Created, static (r, v) => r with { Created = v })
        .OptionalValue("stored", Long, static r => r.Stored, static (r, v) => r with { Stored = v })
        .Required("parts", TextMap, static r => r.Parts, static (r, v) => r with { Parts = v });
}

/// <summary>
/// The results of steps: one small file for each key, published by rename. A lookup is one open, many builds may use it at
/// once, and a record that was not written whole does not exist.
/// </summary>
internal sealed class BuildCache : IDisposable
{
    private const int MostBytes = 4 * 1024 * 1024;

    private readonly SafeFileHandle _folder;

    private BuildCache(SafeFileHandle folder, SafeFileHandle contexts, SafeFileHandle downloads) =>
        (_folder, Contexts, Downloads) = (folder, contexts, downloads);

    /// <summary>The folder of <see cref="ContextIndex"/>.</summary>
    public SafeFileHandle Contexts { get; }

    /// <summary>The folder of <see cref="Remote.Downloads"/>.</summary>
    public SafeFileHandle Downloads { get; }

    /// <summary>Opens the cache of a store, or makes it.</summary>
    /// <param name="store">The store's folder.</param>
    public static BuildCache Open(string store)
    {
        var path = Path.Combine(store, "cache");
        var (contexts, downloads) = (Path.Combine(path, "contexts"), Path.Combine(path, "downloads"));
        FileAt.MakeDirectories(contexts);
        FileAt.MakeDirectories(downloads);
        return new BuildCache(FileAt.OpenDirectory(path), FileAt.OpenDirectory(contexts), FileAt.OpenDirectory(downloads));
    }

    /// <summary>Finds the result of a step; null when there is none, or its record cannot be read.</summary>
    public CacheRecord? TryGet(Digest key)
    {
        try
        {
            return AtomicFile.TryRead(_folder, NameOf(key), MostBytes) is { Length: > 0 } json
                ? CacheJson.Record.Parse(json, "record") : null;
        }
        catch (CrunException)
        {
            return null;
        }
    }

    /// <summary>Notes that a build took a result: what is longest unused is removed first.</summary>
    public void Touch(Digest key)
    {
        try
        {
            FileAt.SetTime(_folder, NameOf(key), new FileTime(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds(), 0));
        }
        catch (CrunException error) when (error.Errno == Errno.ENOENT)
        {
            // It was removed meanwhile.
        }
    }

    /// <summary>When a build last took a result, or made it.</summary>
    public DateTimeOffset LastUsed(Digest key) => DateTimeOffset.FromUnixTimeSeconds(FileAt.TryStatus(_folder, NameOf(key))?.Modified.Seconds ?? 0);

    /// <summary>Whether a step was ever done, on whatever parent.</summary>
    public bool WasDone(Digest withoutParent) => FileAt.TryStatus(_folder, NameOf(withoutParent)) is not null;

    /// <summary>Keeps the result of a step.</summary>
    public void Put(Digest key, Digest withoutParent, CacheRecord record)
    {
        MakeFolder(key);
        MakeFolder(withoutParent);
        AtomicFile.Write(_folder, NameOf(key), CacheJson.Record.Format(record));
        FileAt.Open(_folder, NameOf(withoutParent), OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_NOFOLLOW, 0x180).Dispose();
    }

    /// <summary>Closes the folder.</summary>
    public void Dispose()
    {
        _folder.Dispose();
        Contexts.Dispose();
        Downloads.Dispose();
    }

    private static string NameOf(Digest key) => $"{key.Hex[..2]}/{key.Hex}";

    private void MakeFolder(Digest key)
    {
        if (!FileAt.TryMakeDirectory(_folder, key.Hex[..2], 0x1c0, out var errno) && errno != Errno.EEXIST)
            FileAt.MakeDirectory(_folder, key.Hex[..2], 0x1c0);
    }
}
