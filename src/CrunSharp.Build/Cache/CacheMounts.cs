using System.Text;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Cache;

/// <summary>A cache mount that is in use; the lock dies with the process.</summary>
/// <param name="Directory">Its files.</param>
/// <param name="Held">Keeps it from being removed, and from those it is not shared with.</param>
internal sealed record CacheMount(SafeFileHandle Directory, FileLock Held) : IDisposable
{
    public void Dispose()
    {
        Directory.Dispose();
        Held.Dispose();
    }
}

/// <summary>
/// The directories that <c>RUN --mount=type=cache</c> keeps between builds: each in a directory that is named by the hash of
/// its id, which is locked by who uses it.
/// </summary>
internal sealed class CacheMounts(string store)
{
    internal const string DataName = "data";
    internal const string IdName = "id";
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    /// <summary>Where they are in a store.</summary>
    public static string PathOf(string store) => Path.Combine(CacheFolder.PathOf(store), "mounts");

    /// <summary>The name of its directory.</summary>
    public static string NameOf(string id) => Digest.Of(Encoding.UTF8.GetBytes(id)).Hex;

    /// <summary>Opens one; makes it when there is none.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="sharing">With whom it is shared; waits, or takes another directory, accordingly.</param>
    /// <param name="make">Fills a new one, which is an empty directory of root's with mode 0755.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="CrunException">It cannot be made.</exception>
    public async Task<CacheMount> OpenAsync(string id, CacheSharing sharing, Action<SafeFileHandle> make, CancellationToken cancellationToken)
    {
        FileAt.MakeDirectories(PathOf(store), 0x1c0);
        using var all = FileAt.OpenDirectory(PathOf(store));
        var hash = NameOf(id);
        for (var number = 0; ; number++)
        {
            var name = number == 0 || sharing != CacheSharing.Private ? hash : $"{hash}.{number}";
            FileAt.TryMakeDirectory(all, name, 0x1c0, out _);
            if (FileLock.TryExisting(all, name, sharing == CacheSharing.Shared, wait: false) is not { } held)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (sharing != CacheSharing.Private) await Task.Delay(Look, cancellationToken).ConfigureAwait(false);
                continue;
            }
            try
            {
                using var directory = FileAt.Open(all, name, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW);
                if (FileAt.TryStatus(directory, DataName) is not null && FileAt.TryStatus(directory, IdName) is not null)
                    FileAt.SetTime(directory, IdName, new FileTime(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds(), 0));
                if (FileAt.TryStatus(directory, DataName) is not null)
                    return new CacheMount(FileAt.Open(directory, DataName, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW), held);
            }
            catch
            {
                held.Dispose();
                throw;
            }
            // One makes it, and nobody sees it before it is whole. Who comes second does not wait for the first one's step.
            held.Dispose();
            using (var alone = FileLock.TryExisting(all, name, shared: false, wait: false))
            {
                if (alone is not null) Make(all, name, id, make);
            }
            number--;
        }
    }

    /// <summary>Removes those that no step uses.</summary>
    public static void RemoveUnused(string store)
    {
        using var all = FileAt.TryOpen(null, PathOf(store), OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW, out _);
        if (all is null) return;
        foreach (var name in FileAt.List(all))
        {
            using var unused = FileLock.TryExisting(all, name, shared: false, wait: false);
            if (unused is not null) FileAt.RemoveTree(all, name);
        }
    }

    private static void Make(SafeFileHandle all, string name, string id, Action<SafeFileHandle> make)
    {
        using var directory = FileAt.TryOpen(all, name, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW, out _);
        if (directory is null || FileAt.TryStatus(directory, DataName) is not null) return;
        const string unfinished = DataName + ".new";
        if (FileAt.TryStatus(directory, unfinished) is not null) FileAt.RemoveTree(directory, unfinished);
        AtomicFile.Write(directory, IdName, Encoding.UTF8.GetBytes(id));
        FileAt.MakeDirectory(directory, unfinished, 0x1ed);
        using (var files = FileAt.Open(directory, unfinished, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY)) make(files);
        FileAt.Rename(directory, unfinished, directory, DataName);
    }
}
