using System.Security.Cryptography;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>Compares content with its digests.</summary>
internal sealed class BlobCheck(CheckRun run)
{
    private readonly SafeFileHandle _blobs = run.Store.Directories.Blobs;
    private readonly Dictionary<Digest, long> _sizes = [];

    /// <summary>Checks all content; how many there were.</summary>
    public int Run()
    {
        var blobs = new List<(Digest Digest, long Size)>();
        foreach (var name in FileAt.List(_blobs))
        {
            if (Digest.TryParseHex(name, out var digest)) blobs.Add((digest, run.Store.Content.SizeOf(digest) ?? 0));
        }
        if (run.Options.Quick) ReadSizes();
        else run.Expect(blobs.Sum(static b => b.Size));
        CheckRun.ForEach(blobs, Check);
        return blobs.Count;
    }

    // What layers and manifests say of the sizes of content.
    private void ReadSizes()
    {
        foreach (var name in FileAt.List(run.Store.Directories.Layers))
        {
            if (!Digest.TryParseHex(name, out var diffId) || run.Store.Layers.TryReadRecord(diffId) is not { } record) continue;
            foreach (var blob in record.Descriptors) _sizes[blob.Digest] = blob.Size;
        }
        foreach (var id in run.Store.Images.Ids())
        {
            if (run.Store.Images.TryGet(id)?.TryReadManifest() is not { } manifest) continue;
            foreach (var part in manifest.Layers.Append(manifest.Config)) _sizes[part.Digest] = part.Size;
        }
    }

    private void Check(Digest digest)
    {
        if (FileAt.TryStatus(_blobs, digest.Hex) is not { } status) return;
        string? problem;
        try
        {
            problem = ProblemOf(digest, status);
        }
        catch (CrunException error)
        {
            problem = error.Message;
        }
        if (problem is null || !IsStill(digest, status)) return;
        lock (run.DamagedBlobs) run.DamagedBlobs.Add(digest);
        run.Found(FindingKind.Blob, digest.ToString(), problem, () => Remove(digest, status));
    }

    private string? ProblemOf(Digest digest, in FileStatus status)
    {
        if (status.Kind != FileKind.Regular) return "it is no file";
        if (run.Options.Quick) return _sizes.TryGetValue(digest, out var size) && size != status.Size ? $"it has {status.Size} bytes where {size} were promised" : null;
        using var file = FileAt.TryOpen(_blobs, digest.Hex, OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK, out var errno);
        if (file is null) return errno == Errno.ENOENT ? null : $"it cannot be opened: {errno.Describe()}";
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[256 * 1024];
        while (OpenFile.Read(file, buffer) is > 0 and var count)
        {
            hash.AppendData(buffer.AsSpan(0, count));
            run.Read(count);
        }
        return Digest.FromHash(hash.GetHashAndReset()) is var actual && actual != digest ? $"its bytes have the digest {actual}" : null;
    }

    private bool IsStill(Digest digest, in FileStatus status) =>
        FileAt.TryStatus(_blobs, digest.Hex) is { } now && (now.Device, now.Inode) == (status.Device, status.Inode);

    private Mending Remove(Digest digest, in FileStatus status)
    {
        run.Store.Pins.Release(_blobs, digest.Hex);
        using var held = status.Kind == FileKind.SymbolicLink ? null : FileLock.TryExisting(_blobs, digest.Hex, shared: false, wait: false);
        if (!IsStill(digest, status)) return Mending.Succeeded("another process replaced it");
        if (held is null && status.Kind != FileKind.SymbolicLink) return Mending.InUse;
        FileAt.RemoveTree(_blobs, digest.Hex);
        return Mending.Succeeded("removed");
    }
}
