using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>The directories of a store, opened (and made) when they are first asked for.</summary>
internal sealed class StoreDirectories(string root) : IDisposable
{
    private readonly Lock _lock = new();
    private SafeFileHandle? _root, _blobs, _layers, _images, _names, _drafts;

    public string RootPath => root;

    public SafeFileHandle Root => Get(ref _root, "");

    public SafeFileHandle Blobs => Get(ref _blobs, "blobs/sha256");

    public SafeFileHandle Layers => Get(ref _layers, "layers");

    public SafeFileHandle Images => Get(ref _images, "images");

    public SafeFileHandle Names => Get(ref _names, "names");

    public SafeFileHandle Drafts => Get(ref _drafts, "tmp");

    public void Dispose()
    {
        foreach (var handle in (ReadOnlySpan<SafeFileHandle?>)[_root, _blobs, _layers, _images, _names, _drafts]) handle?.Dispose();
    }

    private SafeFileHandle Get(ref SafeFileHandle? field, string name)
    {
        if (Volatile.Read(ref field) is { } known) return known;
        lock (_lock)
        {
            if (field is { } already) return already;
            var path = name.Length == 0 ? root : $"{root}/{name}";
            const OpenFlags flags = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY;
            var handle = FileAt.TryOpen(null, path, flags, out var errno);
            if (handle is null && errno == Errno.ENOENT) FileAt.MakeDirectories(path);
            handle ??= FileAt.OpenDirectory(path);
            Volatile.Write(ref field, handle);
            return handle;
        }
    }
}
