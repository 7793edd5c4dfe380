using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;
using Descriptor = CrunSharp.Oci.Images.Descriptor;

namespace CrunSharp.Storage;

/// <summary>A layer in the store: a directory that never changes and is used by overlayfs as it is.</summary>
public sealed class Layer
{
    private readonly LayerRecord _record;

    internal Layer(LayerRecord record, string path) => (_record, Path) = (record, path);

    /// <summary>The digest of the layer's uncompressed tar.</summary>
    public Digest DiffId => _record.DiffId;

    /// <summary>The directory: a lower directory of an overlay.</summary>
    public string Path { get; }

    /// <summary>How many bytes the layer's files have.</summary>
    public long Size => _record.Size;

    /// <summary>How many files, directories, links and whiteouts there are.</summary>
    public long Entries => _record.Entries;

    /// <summary>How many bytes the layer's uncompressed tar has.</summary>
    public long TarSize => _record.TarSize;

    /// <summary>The digest of the layer's compressed form, if the store has one.</summary>
    public Digest? Blob => _record.Blob?.Digest;

    /// <summary>The layer's compressed form, if the store has one.</summary>
    public Descriptor? BlobDescriptor => _record.Blob;

    /// <summary>
    /// Directories that the layer's tar puts something into without saying how they are; here they have mode 0755 and
    /// owner 0, which overlayfs would show instead of what the layers beneath say. Who mounts gives them that back.
    /// </summary>
    public IReadOnlyList<string> Implied => _record.Implied ?? [];

    /// <summary>Whether the layer hides all that is beneath it; who mounts leaves the layers beneath out.</summary>
    public bool HidesAll => _record.HidesAll;

    internal LayerRecord Record => _record;

    /// <summary>Opens the directory.</summary>
    public SafeFileHandle OpenDirectory() => FileAt.OpenDirectory(Path);
}
