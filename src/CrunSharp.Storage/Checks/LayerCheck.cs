using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>Compares layers with their digests, and mends them.</summary>
internal sealed class LayerCheck(CheckRun run)
{
    private readonly SafeFileHandle _layers = run.Store.Directories.Layers;
    private readonly LayerStore _store = run.Store.Layers;
    private readonly Lazy<Dictionary<Digest, Digest>> _blobs = new(() => BlobsOfManifests(run.Store));

    /// <summary>Checks all layers; how many there were.</summary>
    public int Run()
    {
        var layers = new List<(Digest Digest, long Size)>();
        foreach (var name in FileAt.List(_layers))
        {
            if (Digest.TryParseHex(name, out var diffId)) layers.Add((diffId, _store.TryReadRecord(diffId)?.TarSize ?? 0));
        }
        if (!run.Options.Quick) run.Expect(layers.Sum(static l => l.Size));
        CheckRun.ForEach(layers, Check);
        Restore();
        return layers.Count;
    }

    // Layers that are not there, but their blobs are. Images whose layers cannot be had are reported by their own check.
    private void Restore()
    {
        foreach (var (diffId, blob) in _blobs.Value)
        {
            if (!_store.Exists(diffId) && IsWhole(blob)) run.Found(FindingKind.Layer, diffId.ToString(), "it is missing", () => Unpack(diffId, blob));
        }
    }

    private void Check(Digest diffId)
    {
        if (FileAt.TryStatus(_layers, diffId.Hex) is not { } status) return;
        var record = _store.TryReadRecord(diffId);
        string? problem;
        try
        {
            problem = status.Kind != FileKind.Directory ? "it is no directory"
                : record is null ? "its record is damaged or missing"
                : ProblemOf(record);
        }
        catch (CrunException error)
        {
            problem = error.Message;
        }
        if (problem is not null)
        {
            if (IsStill(diffId, status)) run.Found(FindingKind.Layer, diffId.ToString(), problem, () => Mend(diffId, record, status));
            return;
        }
        CheckRecord(record!);
    }

    // The layer is right; what its record says beside that need not be.
    private void CheckRecord(LayerRecord record)
    {
        using (var own = FileAt.TryOpen(_layers, record.DiffId.Hex, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _))
        {
            if (own is not null) LeftoverCheck.Look(run, own, $"layers/{record.DiffId.Hex}", static name => name is "diff" or LayerStore.RecordName or TarChecksums.FileName);
        }
        if (!_store.IsTrusted(record))
        {
            run.Found(FindingKind.Layer, record.DiffId.ToString(), "the host went down before it was known to be on the disk", () =>
            {
                if (run.Options.Quick) return Mending.Failed("whether it is right, a check that is not quick can say");
                _store.WriteSynced(record);
                return Mending.Succeeded("it is right, and marked so");
            });
        }
        if (record is { Own: true, Blob: { } blob } && !IsWhole(blob.Digest))
        {
            run.Found(FindingKind.Layer, record.DiffId.ToString(), $"its compressed form {blob.Digest} is damaged or missing", () =>
            {
                _store.Write(record.DiffId, record with { Blob = null });
                return Mending.Succeeded("will be compressed again when it is needed");
            });
        }
    }

    private string? ProblemOf(LayerRecord record)
    {
        using var directory = FileAt.TryOpen(_layers, $"{record.DiffId.Hex}/diff", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW, out _);
        if (directory is null) return "its directory is missing";
        if (!record.Own)
        {
            if (record.Blob is not { } blob) return "its record names no blob";
            if (!IsWhole(blob.Digest)) return $"its blob {blob.Digest} is damaged or missing";
        }
        if (run.Options.Quick) return record.Own ? SizeProblem(record, directory) : null;
        var wanted = record.Own ? record.DiffId : record.Tree ?? TreeOfBlob(record);
        run.Read(record.TarSize);
        if (TreeOf(directory) is var actual && actual == wanted) return null;
        return record.Own ? $"its directory was changed: its tar has the digest {actual}" : "its directory was changed: it is not what its blob unpacks to";
    }

    // As many entries and bytes as it was made of.
    private static string? SizeProblem(LayerRecord record, SafeFileHandle directory)
    {
        var (names, opaque, bytes) = LayerTar.Count(directory);
        // In a layer that was unpacked, a mark that hides what is beneath was an entry of its own.
        if (names != record.Entries && names + opaque != record.Entries) return $"it has {names} entries where {record.Entries} were recorded";
        return bytes != record.Size ? $"its files have {bytes} bytes where {record.Size} were recorded" : null;
    }

    // What the directory of a layer must look like whose tar is not a function of it. It is unpacked once, and remembered.
    private Digest TreeOfBlob(LayerRecord record)
    {
        using var draft = _store.Begin();
        _store.UnpackBlob(draft, record.Blob!.Digest, record.DiffId);
        var tree = TreeOf(draft.Directory);
        using var held = FileLock.TryExisting(_layers, record.DiffId.Hex, shared: false, wait: false);
        if (held is not null && _store.TryReadRecord(record.DiffId) is { Own: false } now) _store.Write(record.DiffId, now with { Tree = tree });
        return tree;
    }

    private static Digest TreeOf(SafeFileHandle directory)
    {
        using var hash = new HashingSink();
        LayerTar.Write(directory, hash);
        return hash.Finish();
    }

    private Mending Mend(Digest diffId, LayerRecord? record, in FileStatus status)
    {
        run.Store.Pins.Release(_layers, diffId.Hex);
        using var held = status.Kind == FileKind.SymbolicLink ? null : FileLock.TryExisting(_layers, diffId.Hex, shared: false, wait: false);
        if (!IsStill(diffId, status)) return Mending.Succeeded("another process replaced it");
        if (held is null && status.Kind != FileKind.SymbolicLink) return Mending.InUse;
        var uses = run.Options.Uses().Where(u => u.DiffId == diffId).ToList();
        if (uses.Find(static u => u.IsRunning) is { } running) return Mending.Failed($"kept while {running.User} runs on it");
        if (record is null && TryDescribe(diffId) is { } described)
        {
            _store.WriteSynced(described);
            return Mending.Succeeded("its directory is right: its record was written anew");
        }
        if ((record?.Blob?.Digest ?? Known(diffId)) is { } blob && IsWhole(blob) && Unpack(diffId, blob) is { IsDone: true } done) return done;
        if (uses.Find(static u => u.IsNeeded) is { } user) return Mending.Failed($"kept for {user.User}: it cannot be made anew");
        GarbageCollector.RemoveLayer(run.Store, diffId);
        return Mending.Succeeded("removed: it cannot be made anew");
    }

    // The record of a layer that has lost it; null when the directory is not the layer's.
    private LayerRecord? TryDescribe(Digest diffId)
    {
        using var directory = FileAt.TryOpen(_layers, $"{diffId.Hex}/diff", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW, out _);
        if (directory is null) return null;
        using var hash = new HashingSink();
        try
        {
            var tar = LayerTar.Write(directory, hash);
            return hash.Finish() != diffId ? null
                : new LayerRecord { DiffId = diffId, Size = tar.Bytes, Entries = tar.Entries, TarSize = tar.Length, Own = true, BootId = "" };
        }
        catch (CrunException error) when (error.Kind == ErrorKind.InvalidInput)
        {
            return null;
        }
    }

    private Mending Unpack(Digest diffId, Digest blob)
    {
        try
        {
            using var draft = _store.Begin();
            var record = _store.UnpackBlob(draft, blob, diffId);
            var tree = TreeOf(draft.Directory);
            _store.Replace(draft, record with { Own = tree == diffId, Tree = tree == diffId ? null : tree });
            return Mending.Succeeded("unpacked again from its blob");
        }
        catch (CrunException error) when (error.Kind == ErrorKind.Integrity)
        {
            return Mending.Failed(error.Message);
        }
    }

    private bool IsWhole(Digest blob)
    {
        lock (run.DamagedBlobs)
        {
            if (run.DamagedBlobs.Contains(blob)) return false;
        }
        return run.Store.Content.SizeOf(blob) is not null;
    }

    private Digest? Known(Digest diffId) => _blobs.Value.TryGetValue(diffId, out var blob) ? blob : null;

    private bool IsStill(Digest diffId, in FileStatus status) =>
        FileAt.TryStatus(_layers, diffId.Hex) is { } now && (now.Device, now.Inode) == (status.Device, status.Inode);

    // Which blob is which layer, as manifests and configurations say together.
    private static Dictionary<Digest, Digest> BlobsOfManifests(Store store)
    {
        var blobs = new Dictionary<Digest, Digest>();
        foreach (var id in store.Images.Ids())
        {
            if (store.Images.TryGet(id) is not { } image || image.TryGetDiffIds() is not { } diffIds || image.TryReadManifest() is not { } manifest) continue;
            for (var i = 0; i < Math.Min(diffIds.Count, manifest.Layers.Count); i++) blobs[diffIds[i]] = manifest.Layers[i].Digest;
        }
        return blobs;
    }
}
