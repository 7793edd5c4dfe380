using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>
/// Directories for what is not finished. Each is locked by the process that works in it; the lock dies with the process,
/// and a directory that nobody holds is rubbish, which the next process that starts a draft removes.
/// </summary>
internal sealed class Drafts(StoreDirectories directories)
{
    private static int s_count;
    private int _swept;

    /// <summary>A new directory of this process's own.</summary>
    public Draft Begin()
    {
        if (Interlocked.Exchange(ref _swept, 1) == 0) Sweep();
        for (; ; )
        {
            var name = $"{Environment.ProcessId:x}-{Interlocked.Increment(ref s_count):x}-{Random.Shared.NextInt64():x}";
            FileAt.MakeDirectory(directories.Drafts, name, 0x1c0);
            // Between the two calls another process may find it without a lock and remove it: then try again.
            if (FileLock.TryExisting(directories.Drafts, name, shared: false, wait: true) is { } held)
                return new Draft(directories, name, held);
        }
    }

    /// <summary>Removes what dead processes left behind; returns how many drafts that were.</summary>
    public int Sweep()
    {
        var swept = 0;
        AtomicFile.Sweep(directories.Images);
        AtomicFile.Sweep(directories.Names);
        foreach (var name in FileAt.List(directories.Drafts))
        {
            if (PartialBlob.IsAwaited(directories, name)) continue;
            try
            {
                if (TryRemove(name)) swept++;
            }
            catch (CrunException)
            {
                // Something is still mounted in it, or it was changed meanwhile: the next one tries again.
            }
        }
        return swept;
    }

    /// <summary>Removes what arrived of blobs that nobody is fetching at this moment; how many bytes that were.</summary>
    public long RemovePartial()
    {
        long bytes = 0;
        foreach (var name in FileAt.List(directories.Drafts))
        {
            if (!PartialBlob.IsName(name)) continue;
            var size = FileAt.TryStatus(directories.Drafts, name)?.Size ?? 0;
            if (TryRemove(name)) bytes += size;
        }
        return bytes;
    }

    /// <summary>Removes a draft unless a process holds it; false when one does.</summary>
    public bool TryRemove(string name)
    {
        using var dead = FileLock.TryExisting(directories.Drafts, name, shared: false, wait: false);
        return dead is not null && FileAt.RemoveTree(directories.Drafts, name);
    }

    /// <summary>
    /// What dead processes left behind. An empty one does not count, as it may be about to be locked; nor does what arrived of
    /// a blob, as somebody may be reading on.
    /// </summary>
    public IReadOnlyList<string> Dead()
    {
        var dead = new List<string>();
        foreach (var name in FileAt.List(directories.Drafts))
        {
            if (PartialBlob.IsName(name)) continue;
            using var held = FileLock.TryExisting(directories.Drafts, name, shared: true, wait: false);
            if (held is null) continue;
            using var directory = FileAt.TryOpen(directories.Drafts, name, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW, out _);
            if (directory is null || FileAt.List(directory).Count > 0) dead.Add(name);
        }
        return dead;
    }
}

/// <summary>A directory for what is not finished; it is removed with all that is still in it.</summary>
internal sealed class Draft(StoreDirectories directories, string name, FileLock held) : IDisposable
{
    private bool _disposed;

    public string Path => $"{directories.RootPath}/tmp/{name}";

    public SafeFileHandle Handle { get; } = FileAt.Open(directories.Drafts, name, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW);

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        Handle.Dispose();
        try
        {
            FileAt.RemoveTree(directories.Drafts, name);
        }
        catch (CrunException)
        {
            // Whatever holds it will end, and the next process that starts a draft sweeps it.
        }
        held.Dispose();
    }
}
