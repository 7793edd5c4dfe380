using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Cache.Transfers;

/// <summary>
/// A directory that is an OCI layout. Its index is written last, by rename, and then what no name leads to any more is
/// removed: who exports again and again into the same directory does not fill the disk.
/// </summary>
internal sealed class LocalPlace(string path, string tag, Digest? digest) : CachePlace
{
    private const string IndexName = "index.json";
    private const string LayoutName = "oci-layout";
    private const string Blobs = "blobs/sha256";
    private const string TagNote = "org.opencontainers.image.ref.name";
    private const string Unfinished = ".new";
    private const OpenFlags Folder = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    public override async Task<byte[]> ReadManifestAsync(CancellationToken cancellationToken)
    {
        var index = TryReadIndex() ?? throw CrunException.NotFound($"{path}/{IndexName}: no such file");
        var found = index.Manifests.FirstOrDefault(m => digest is { } wanted ? m.Digest == wanted : IsTagged(m)) ?? (digest is null ? null
            : new Descriptor { MediaType = MediaTypes.Manifest, Digest = digest.Value, Size = SizeOf(digest.Value) })
            ?? throw CrunException.NotFound($"{path} has no cache named {tag}");
        if (found.Size > ManifestReader.MostBytes) throw CrunException.Integrity($"{found.Digest} has {found.Size} bytes, more than {ManifestReader.MostBytes}");
        await using var stream = new VerifyingStream(await OpenAsync(found, cancellationToken).ConfigureAwait(false), found.Digest, found.Size, $"{path}: {found.Digest}");
        using var content = new MemoryStream();
        await stream.CopyToAsync(content, cancellationToken).ConfigureAwait(false);
        return content.ToArray();
    }

    public override Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken)
    {
        using var directory = FileAt.OpenDirectory(path);
        var file = FileAt.TryOpenBeneath(directory, $"{Blobs}/{blob.Digest.Hex}", OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK, out var errno)
            ?? throw new CrunException(ErrorKind.NotFound, $"{path}/{Blobs}/{blob.Digest.Hex}", "open", errno);
        if (FileAt.Status(file).Kind == FileKind.Regular) return Task.FromResult<Stream>(new FileStream(file, FileAccess.Read, 128 * 1024));
        file.Dispose();
        throw CrunException.Integrity($"{path}/{Blobs}/{blob.Digest.Hex} is no regular file");
    }

    public override async Task<IDisposable?> BeginAsync(CancellationToken cancellationToken)
    {
        FileAt.MakeDirectories(path, 0x1ed);
        using (var directory = FileAt.OpenDirectory(path))
            foreach (var folder in (ReadOnlySpan<string>)["blobs", Blobs])
                if (!FileAt.TryMakeDirectory(directory, folder, 0x1ed, out var errno) && errno != Errno.EEXIST) throw new CrunException(ErrorKind.System, $"{path}/{folder}", "make directory", errno);
        OpenBlobs().Dispose();
        for (; ; )
        {
            if (FileLock.TryExisting(null, path, shared: false, wait: false) is { } held) return held;
            await Task.Delay(Look, cancellationToken).ConfigureAwait(false);
        }
    }

    // The lock makes it the only one with this name; what a killed one left is written anew.
    public override async Task PutAsync(Descriptor blob, Func<Stream> open, CancellationToken cancellationToken)
    {
        using var blobs = OpenBlobs();
        var name = blob.Digest.Hex;
        if (FileAt.TryStatus(blobs, name) is { Kind: FileKind.Regular } there && there.Size == blob.Size) return;
        FileAt.Remove(blobs, name + Unfinished);
        using (var file = FileAt.Open(blobs, name + Unfinished, OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOFOLLOW, 0x1a4))
        {
            await using var target = new FileStream(new SafeFileHandle(file.DangerousGetHandle(), ownsHandle: false), FileAccess.Write, 0);
            await using var source = open();
            await source.CopyToAsync(target, 256 * 1024, cancellationToken).ConfigureAwait(false);
        }
        FileAt.Rename(blobs, name + Unfinished, blobs, name);
    }

    public override async Task PublishAsync(string mediaType, byte[] manifest, CancellationToken cancellationToken)
    {
        var descriptor = new Descriptor
        {
            MediaType = mediaType,
            Digest = Digest.Of(manifest),
            Size = manifest.Length,
            Annotations = new Dictionary<string, string> { [TagNote] = tag },
        };
        await PutAsync(descriptor, () => new MemoryStream(manifest, writable: false), cancellationToken).ConfigureAwait(false);
        ImageIndex? old = null;
        try
        {
            old = TryReadIndex();
        }
        catch (CrunException)
        {
            // It was no index: it is replaced.
        }
        var others = (old?.Manifests ?? []).Where(m => !IsTagged(m)).ToList();
        using var directory = FileAt.OpenDirectory(path);
        AtomicFile.Write(directory, LayoutName, """{"imageLayoutVersion":"1.0.0"}"""u8, mode: 0x1a4);
        AtomicFile.Write(directory, IndexName, ImageJson.Write(new ImageIndex { MediaType = MediaTypes.Index, Manifests = [.. others, descriptor] }), mode: 0x1a4);
        RemoveUnused([.. others, descriptor]);
    }

    private bool IsTagged(Descriptor manifest) => manifest.Annotations is { } notes && notes.TryGetValue(TagNote, out var name) && name == tag;

    private ImageIndex? TryReadIndex()
    {
        using var directory = FileAt.TryOpen(null, path, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
        if (directory is null || FileAt.TryStatus(directory, IndexName) is not { } status) return null;
        if (status.Kind != FileKind.Regular) throw CrunException.Integrity($"{path}/{IndexName} is no regular file");
        return AtomicFile.TryRead(directory, IndexName, ManifestReader.MostBytes) is { } json ? ManifestReader.ReadIndex(json) : null;
    }

    // Somebody else may have made the directory: a link in it leads nowhere.
    private SafeFileHandle OpenBlobs()
    {
        using var directory = FileAt.OpenDirectory(path);
        return FileAt.TryOpenBeneath(directory, Blobs, Folder, out var errno) ?? throw new CrunException(ErrorKind.System, $"{path}/{Blobs}", "open directory", errno);
    }

    private long SizeOf(Digest blob) => FileAt.TryStatus(null, $"{path}/{Blobs}/{blob.Hex}")?.Size ?? throw CrunException.NotFound($"{path} has no {blob}");

    // Only if all that the index names can be read: what is not understood may need any of the others.
    private void RemoveUnused(IReadOnlyList<Descriptor> manifests)
    {
        using var blobs = OpenBlobs();
        var used = new HashSet<Digest>();
        try
        {
            foreach (var manifest in manifests) Mark(blobs, manifest, used, 0);
        }
        catch (CrunException)
        {
            return;
        }
        foreach (var name in FileAt.List(blobs))
        {
            var hex = name.EndsWith(Unfinished, StringComparison.Ordinal) ? name[..^Unfinished.Length] : name;
            if (Digest.TryParseHex(hex, out var blob) && (hex != name || !used.Contains(blob))) FileAt.Remove(blobs, name);
        }
    }

    private static void Mark(SafeFileHandle blobs, Descriptor descriptor, HashSet<Digest> used, int depth)
    {
        const int mostDepth = 4;
        if (!used.Add(descriptor.Digest)) return;
        if (depth > mostDepth) throw CrunException.Integrity($"indexes are nested more than {mostDepth} deep");
        var isIndex = descriptor.MediaType is MediaTypes.Index or MediaTypes.DockerManifestList;
        if (!isIndex && descriptor.MediaType is not (MediaTypes.Manifest or MediaTypes.DockerManifest)) return;
        if (FileAt.TryStatus(blobs, descriptor.Digest.Hex) is not { Kind: FileKind.Regular }) throw CrunException.NotFound($"{descriptor.Digest} is missing");
        var content = AtomicFile.TryRead(blobs, descriptor.Digest.Hex, ManifestReader.MostBytes) ?? throw CrunException.NotFound($"{descriptor.Digest} is missing");
        IEnumerable<Descriptor> inner = isIndex ? ManifestReader.ReadIndex(content).Manifests
            : ManifestReader.Read(content) is var manifest ? [manifest.Config, .. manifest.Layers] : [];
        foreach (var one in inner) Mark(blobs, one, used, depth + 1);
    }
}
