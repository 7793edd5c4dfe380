using System.Text;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Steps;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Cache;

/// <summary>A cache that <c>RUN --mount=type=cache</c> keeps.</summary>
/// <param name="Id">Its id: what the Dockerfile says, or the place where it is mounted.</param>
/// <param name="Size">What it takes on the disk, in bytes.</param>
/// <param name="LastUsed">When a step last had it.</param>
/// <param name="InUse">Whether a step has it now.</param>
public sealed record NamedCache(string Id, long Size, DateTimeOffset LastUsed, bool InUse);

/// <summary>Cache mounts as things of their own: listed, removed, written to archives and read from them.</summary>
public static class NamedCaches
{
    private const OpenFlags Folder = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW;

    /// <summary>All of them, by id.</summary>
    /// <param name="store">The store's directory.</param>
    public static IReadOnlyList<NamedCache> List(string store)
    {
        var caches = new SortedDictionary<string, NamedCache>(StringComparer.Ordinal);
        using var all = FileAt.TryOpen(null, CacheMounts.PathOf(store), Folder, out _);
        if (all is null) return [];
        foreach (var name in FileAt.List(all))
        {
            if (TryReadId(all, name) is not { } id) continue;
            using var free = FileLock.TryExisting(all, name, shared: false, wait: false);
            var used = FileAt.TryStatus(all, $"{name}/{CacheMounts.IdName}")?.Modified.Seconds ?? 0;
            var cache = new NamedCache(id, DiskUsage.Of(all, name), DateTimeOffset.FromUnixTimeSeconds(used), free is null);
            // Those that were private are of one id.
            caches[id] = caches.TryGetValue(id, out var other)
                ? new NamedCache(id, other.Size + cache.Size, other.LastUsed > cache.LastUsed ? other.LastUsed : cache.LastUsed, other.InUse || cache.InUse) : cache;
        }
        return [.. caches.Values];
    }

    /// <summary>Removes one.</summary>
    /// <returns>How many bytes that were.</returns>
    /// <exception cref="CrunException">It is not there, or a step has it.</exception>
    public static long Remove(string store, string id)
    {
        using var all = FileAt.TryOpen(null, CacheMounts.PathOf(store), Folder, out _);
        var (found, bytes) = (false, 0L);
        foreach (var name in all is null ? [] : FileAt.List(all))
        {
            if (TryReadId(all!, name) != id) continue;
            found = true;
            using var free = FileLock.TryExisting(all, name, shared: false, wait: false) ?? throw InUse(id);
            bytes += DiskUsage.Of(all, name);
            FileAt.RemoveTree(all, name);
        }
        return found ? bytes : throw NotFound(id);
    }

    /// <summary>Writes the files of one as a tar that is compressed with zstd; the same files give the same bytes.</summary>
    /// <param name="store">The store's directory.</param>
    /// <param name="id">Its id.</param>
    /// <param name="output">Where to; it stays the caller's.</param>
    /// <exception cref="CrunException">It is not there, or a step has it for itself.</exception>
    public static void Export(string store, string id, Stream output)
    {
        using var all = FileAt.TryOpen(null, CacheMounts.PathOf(store), Folder, out _) ?? throw NotFound(id);
        var name = CacheMounts.NameOf(id);
        if (FileAt.TryStatus(all, $"{name}/{CacheMounts.DataName}") is null) throw NotFound(id);
        using var held = FileLock.TryExisting(all, name, shared: true, wait: false) ?? throw InUse(id);
        using var files = FileAt.Open(all, $"{name}/{CacheMounts.DataName}", Folder);
        using var compressed = new DeterministicCompressStream(output, new LayerCompression(CompressionKind.Zstd));
        ViewTar.Write(LayerView.OfDirectory(files), compressed);
        compressed.Finish();
    }

    /// <summary>Reads one from a tar, compressed or not; what it had before is gone then, and if it fails it has it still.</summary>
    /// <param name="store">The store's directory.</param>
    /// <param name="id">Its id; it is made if there is none.</param>
    /// <param name="archive">The tar; nothing of it can get out of the cache.</param>
    /// <param name="limits">How much it may unpack to.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">The archive is damaged, or a step has the cache.</exception>
    public static void Import(string store, string id, Stream archive, LayerLimits limits, CancellationToken cancellationToken)
    {
        if (id.Length == 0) throw CrunException.Invalid("the cache has no id");
        FileAt.MakeDirectories(CacheMounts.PathOf(store), 0x1c0);
        using var all = FileAt.OpenDirectory(CacheMounts.PathOf(store));
        var name = CacheMounts.NameOf(id);
        FileAt.TryMakeDirectory(all, name, 0x1c0, out _);
        using var held = FileLock.TryExisting(all, name, shared: false, wait: false) ?? throw InUse(id);
        using var directory = FileAt.Open(all, name, Folder);
        const string unfinished = CacheMounts.DataName + ".new";
        if (FileAt.TryStatus(directory, unfinished) is not null) FileAt.RemoveTree(directory, unfinished);
        FileAt.MakeDirectory(directory, unfinished, 0x1ed);
        try
        {
            using (var files = FileAt.Open(directory, unfinished, Folder)) Unpack(files, archive, $"cache {id}", limits, cancellationToken);
            AtomicFile.Write(directory, CacheMounts.IdName, Encoding.UTF8.GetBytes(id));
            if (FileAt.TryStatus(directory, CacheMounts.DataName) is null) FileAt.Rename(directory, unfinished, directory, CacheMounts.DataName);
            else FileAt.Exchange(directory, unfinished, directory, CacheMounts.DataName);
        }
        finally
        {
            if (FileAt.TryStatus(directory, unfinished) is not null) FileAt.RemoveTree(directory, unfinished);
        }
    }

    /// <summary>Unpacks an archive into an empty directory.</summary>
    internal static void Unpack(SafeFileHandle files, Stream archive, string what, LayerLimits limits, CancellationToken cancellationToken)
    {
        var rules = new CopyRules(null, null);
        new ArchiveUnpacker(new CopyWriter(files, null, rules, cancellationToken), files, null, rules) { Limits = limits }.Unpack(archive, what, "/", cancellationToken);
    }

    private static string? TryReadId(SafeFileHandle all, string name)
    {
        try
        {
            return AtomicFile.TryRead(all, $"{name}/{CacheMounts.IdName}", 64 * 1024) is { } id ? Encoding.UTF8.GetString(id) : null;
        }
        catch (CrunException)
        {
            return null;
        }
    }

    private static CrunException NotFound(string id) => CrunException.NotFound($"No such cache: {id}");

    private static CrunException InUse(string id) => CrunException.WrongState($"cache {GoText.Quote(id)} is in use by a build");
}
