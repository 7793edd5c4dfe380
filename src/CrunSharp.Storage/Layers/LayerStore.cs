using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Storage.Tar;
using Descriptor = CrunSharp.Oci.Images.Descriptor;

namespace CrunSharp.Storage;

/// <summary>Layers by the digests of their uncompressed tars.</summary>
/// <remarks>A layer that this object makes stays until its <see cref="Store"/> is closed, even if nothing refers to it.</remarks>
public sealed class LayerStore
{
    internal const string RecordName = "layer.json";
    private readonly StoreDirectories _directories;
    private readonly Pins _pins;
    private readonly Drafts _drafts;
    private readonly ContentStore _content;
    private readonly Lazy<string> _bootId;
    private readonly UnsyncedLayers _unsynced = new();

    private readonly LayerLimits _limits;

    internal LayerStore(StoreDirectories directories, Pins pins, Drafts drafts, ContentStore content, Lazy<string> bootId, LayerLimits limits) =>
        (_directories, _pins, _drafts, _content, _bootId, _limits) = (directories, pins, drafts, content, bootId, limits);

    /// <summary>The layer; null when it is not there.</summary>
    /// <remarks>After a power cut, a layer that was not synced is unpacked once more if its blob is there, and else missing.</remarks>
    public Layer? TryGet(Digest diffId)
    {
        if (TryGetTrusted(diffId) is { } layer) return layer;
        return TryReadRecord(diffId) is { Blob: { } blob } && _content.Contains(blob.Digest)
            ? Apply(_content.Open(blob.Digest), diffId, blob.Digest, LayerLimits.None)
            : null;
    }

    /// <summary>The layer.</summary>
    /// <exception cref="CrunException">It is not there.</exception>
    public Layer Get(Digest diffId) => TryGet(diffId) ?? throw CrunException.NotFound($"layer {diffId} is not in the store");

    /// <summary>Starts a layer.</summary>
    public LayerDraft Begin() => new(_drafts.Begin(), _limits);

    /// <summary>Keeps layers from being removed until the store is closed.</summary>
    /// <exception cref="CrunException">One is not there.</exception>
    public void Pin(IEnumerable<Digest> diffIds)
    {
        foreach (var diffId in diffIds)
        {
            // The lock alone in most cases: who uses the layer reads its record.
            if (!_pins.TryPin(_directories.Layers, diffId.Hex) && (TryGet(diffId) is null || !_pins.TryPin(_directories.Layers, diffId.Hex))) throw CrunException.NotFound($"layer {diffId} is not in the store");
        }
    }

    /// <summary>
    /// Turns a draft's directory into a layer whose tar is a function of it. Nobody may change the directory from here on;
    /// the draft is disposed when nobody uses its directory any more, as it stays in place when the layer existed already.
    /// </summary>
    /// <exception cref="CrunException">The directory has something that no layer can say.</exception>
    public Layer Commit(LayerDraft draft)
    {
        using var hash = new HashingSink();
        using var apart = new ThreadedSink(hash);
        using var checksums = new TarChecksums();
        var tar = LayerTar.WriteNew(draft.Directory, new TeeSink(apart, checksums));
        apart.Finish();
        checksums.Save(draft);
        return Publish(draft, new LayerRecord
        {
            DiffId = hash.Finish(),
            Size = tar.Bytes,
            Entries = tar.Entries,
            TarSize = tar.Length,
            Own = true,
            BootId = _bootId.Value,
        });
    }

    /// <summary>Unpacks a layer's tar, compressed or not. When the expected layer is there already, nothing is read.</summary>
    /// <param name="tar">The tar; it is read to its end and disposed.</param>
    /// <param name="expectedDiffId">The digest that the uncompressed tar must have.</param>
    /// <param name="blob">The digest under which the content store has this very stream; null to keep it there now.</param>
    /// <param name="limits">How much it may unpack to; null for the store's limits.</param>
    /// <exception cref="CrunException">The tar is damaged, hostile, too large or another one; nothing is left of it.</exception>
    public Layer Apply(Stream tar, Digest? expectedDiffId, Digest? blob, LayerLimits? limits = null)
    {
        if (blob is not { } held) return ApplyKeeping(tar, expectedDiffId, limits: limits);
        using (tar)
        {
            if (Known(expectedDiffId) is { } known) return known;
            var size = _content.SizeOf(held) ?? throw CrunException.NotFound($"content {held} is not in the store");
            return ApplyNew(tar, (expectedDiffId, blob), limits, kind => LayerForm.Describe(held, size, kind));
        }
    }

    /// <summary>
    /// Unpacks a layer's tar, compressed or not, and keeps the stream's bytes in the content store, all in one pass.
    /// When the expected layer is there already, nothing is read.
    /// </summary>
    /// <param name="tar">The tar; it is read to its end and disposed.</param>
    /// <param name="expectedDiffId">The digest that the uncompressed tar must have.</param>
    /// <param name="expectedBlob">The digest that the stream itself must have.</param>
    /// <param name="size">The size that the stream itself must have, in bytes.</param>
    /// <param name="limits">How much it may unpack to; null for the store's limits.</param>
    /// <exception cref="CrunException">The stream is damaged, hostile, too large or another one; nothing is left of it.</exception>
    public Layer ApplyKeeping(Stream tar, Digest? expectedDiffId, Digest? expectedBlob = null, long? size = null, LayerLimits? limits = null)
    {
        using var verified = new VerifyingStream(tar, expectedBlob, size, expectedBlob is { } digest ? $"blob {digest}" : "layer");
        if (Known(expectedDiffId) is { } known) return known;
        using var draft = _content.Begin();
        return ApplyNew(new TeeStream(verified, draft), (expectedDiffId, expectedBlob), limits, kind => LayerForm.Describe(draft.Publish(verified.Actual), draft.Count, kind));
    }

    /// <summary>
    /// Unpacks a layer's tar whose first bytes are here, and keeps them in the content store. What has arrived when the rest
    /// cannot be had stays for the next attempt.
    /// </summary>
    /// <param name="arrived">What has arrived; it gets the rest.</param>
    /// <param name="rest">The bytes after those; it is read to its end and disposed.</param>
    /// <param name="expectedDiffId">The digest that the uncompressed tar must have.</param>
    /// <param name="expectedBlob">The digest that the bytes themselves must have.</param>
    /// <param name="size">How many they must be.</param>
    /// <exception cref="CrunException">They are damaged, hostile, too many or others; or they are cut off.</exception>
    public Layer ApplyResumed(PartialBlob arrived, Stream rest, Digest expectedDiffId, Digest expectedBlob, long size)
    {
        using var verified = new VerifyingStream(arrived.Followed(rest), expectedBlob, size, $"blob {expectedBlob}");
        try
        {
            return ApplyNew(new TeeStream(verified, arrived.Draft), (expectedDiffId, expectedBlob), null, kind => LayerForm.Describe(arrived.Draft.Publish(verified.Actual), size, kind));
        }
        catch (Exception error)
        {
            arrived.Blame(error);
            throw;
        }
    }

    /// <summary>One layer with what several lying on each other show, and hide.</summary>
    /// <param name="layers">The layers, the lowest first.</param>
    /// <param name="below">The layers beneath, the lowest first.</param>
    /// <exception cref="CrunException">One hides all that is beneath it, which no mark of one layer can say.</exception>
    public Layer Merge(IReadOnlyList<Layer> layers, IReadOnlyList<Layer> below)
    {
        if (layers.Any(static layer => layer.HidesAll)) throw CrunException.Unsupported("a layer hides all that is beneath it", "merge layers");
        var open = new List<ViewLayer>();
        try
        {
            foreach (var layer in below)
            {
                // What it hides is not there.
                if (layer.HidesAll) Close(open);
                open.Add(new ViewLayer(layer.OpenDirectory(), layer.Implied));
            }
            var beneath = open.Count;
            foreach (var layer in layers) open.Add(new ViewLayer(layer.OpenDirectory(), layer.Implied));
            using var draft = Begin();
            LayerMerge.Write([.. Enumerable.Reverse(open[beneath..])], beneath == 0 ? null : LayerView.OfLayers([.. Enumerable.Reverse(open[..beneath])]), draft.Directory);
            return Commit(draft);
        }
        finally
        {
            Close(open);
        }

        static void Close(List<ViewLayer> layers)
        {
            foreach (var layer in layers) layer.Directory.Dispose();
            layers.Clear();
        }
    }

    /// <summary>The layer with no time after another one: the same one if it has none.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="latest">The latest time that an entry may have.</param>
    /// <exception cref="CrunException">The layer's directory was changed.</exception>
    public Layer Rewrite(Layer layer, FileTime latest)
    {
        using var directory = layer.OpenDirectory();
        using var hash = new HashingSink();
        LayerTar.Write(directory, hash, latest: latest);
        var diffId = hash.Finish();
        return diffId == layer.DiffId ? layer : Known(diffId) ?? ApplyKeeping(new WrittenStream(tar => LayerTar.Write(directory, tar, latest: latest)), diffId);
    }

    /// <summary>Writes the layer's uncompressed tar, the one that has its diffID.</summary>
    /// <exception cref="CrunException">The layer's directory or blob was changed; what was written has to be thrown away.</exception>
    public void WriteTar(Layer layer, Stream output)
    {
        if (!layer.Record.Own)
        {
            var blob = layer.Blob ?? throw CrunException.NotFound($"layer {layer.DiffId} has no blob that its tar could be had from");
            // What it decodes to is compared with its digest, which says the same of the blob; the decoder has a processor of its own.
            var content = _content.OpenUnverified(blob);
            using var tar = new VerifyingStream(blob == layer.DiffId ? content : new ReadAheadStream(Compression.Open(content)), layer.DiffId, layer.TarSize, $"layer {layer.DiffId}");
            try
            {
                tar.CopyTo(output, 256 * 1024);
            }
            catch (CrunException error) when (!error.Message.Contains(layer.DiffId.Hex, StringComparison.Ordinal))
            {
                throw error.Within($"layer {layer.DiffId}");
            }
            return;
        }
        using var hash = new HashingSink(output);
        using (var directory = layer.OpenDirectory()) LayerTar.Write(directory, hash);
        if (hash.Finish() is var actual && actual != layer.DiffId)
            throw CrunException.Integrity($"its directory was changed: the tar has the digest {actual}", $"layer {layer.DiffId}");
    }

    /// <summary>The layer as registries and OCI layouts want it, compressed with gzip or zstd: now if it was not yet, and kept.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="how">How it has to be compressed; null for as it is, and with gzip if it is not.</param>
    /// <param name="copy">Gets the compressed bytes too if they are made now; it is flushed after the last one.</param>
    /// <param name="cancellationToken">Ends the work; nothing is left of it.</param>
    /// <exception cref="CrunException">The layer's directory or blob was changed.</exception>
    public Descriptor Compress(Layer layer, LayerCompression? how = null, Stream? copy = null, CancellationToken cancellationToken = default)
    {
        if (layer.Record.FindForm(how) is { } there && _content.Contains(there.Digest)) return there;
        if (TryReadRecord(layer.DiffId)?.FindForm(how) is { } made && _content.Contains(made.Digest)) return made;
        var form = how ?? LayerCompression.Usual;
        using var draft = _content.Begin();
        using var hash = new HashingSink(copy is null ? draft : new TeeSink(draft, copy));
        var checksums = form.IsUsual ? TarChecksums.TryRead(_directories.Layers, layer.Record) : null;
        using (var compressed = new DeterministicCompressStream(hash, form) { Checksums = checksums })
        {
            var tar = new CancellableSink(compressed, cancellationToken);
            if (checksums is null) WriteTar(layer, tar);
            else using (var directory = layer.OpenDirectory()) LayerTar.Write(directory, tar);
            if (!compressed.Finish()) throw CrunException.Integrity("its directory was changed", $"layer {layer.DiffId}");
        }
        copy?.Flush();
        var blob = LayerForm.Describe(_content.Publish(draft, hash.Finish()), draft.Count, form.Kind);
        if (TryReadRecord(layer.DiffId) is { } record) Write(layer.DiffId, record.With(form with { Level = form.ActualLevel }, blob));
        return blob;
    }

    internal void BeginSync(Action sync) => _unsynced.BeginSync(sync);

    internal void MarkSynced(Action sync)
    {
        var pending = _unsynced.TakeAll();
        if (pending.Count == 0) return;
        sync();
        foreach (var diffId in pending)
        {
            if (TryReadRecord(diffId) is { Synced: false } record) Write(diffId, record with { Synced = true });
        }
    }

    /// <summary>Whether there is a directory of this name, whatever is in it.</summary>
    internal bool Exists(Digest diffId) => FileAt.TryStatus(_directories.Layers, diffId.Hex) is not null;

    internal LayerRecord? TryReadRecord(Digest diffId)
    {
        try
        {
            var json = AtomicFile.TryRead(_directories.Layers, $"{diffId.Hex}/{RecordName}", 16 * 1024 * 1024);
            if (json is null) return null;
            return StoreJson.Layer.Parse(json, "record") is var record && record.DiffId == diffId ? record : null;
        }
        catch (CrunException error) when (error.Kind is ErrorKind.Integrity or ErrorKind.InvalidInput)
        {
            // A power cut tore it.
            return null;
        }
    }

    /// <summary>Unpacks a blob of the store into a draft, with a record; the draft is not published.</summary>
    internal LayerRecord UnpackBlob(LayerDraft draft, Digest blob, Digest diffId)
    {
        using var source = _content.Open(blob);
        var size = _content.SizeOf(blob) ?? 0;
        return Unpack(draft, source, diffId, LayerLimits.None, kind => LayerForm.Describe(blob, size, kind));
    }

    /// <summary>
    /// Puts a draft that was unpacked in the place of a layer, or of nothing, once it would survive a power cut. The caller
    /// holds the lock of what was there; that is removed with the draft.
    /// </summary>
    internal void Replace(LayerDraft draft, LayerRecord record)
    {
        AtomicFile.Write(draft.DraftHandle, $"{LayerDraft.LayerName}/{RecordName}", StoreJson.Layer.Format(record with { BootId = _bootId.Value, Synced = true }));
        OpenFile.SyncFileSystem(draft.DraftHandle);
        if (!FileAt.TryRename(draft.DraftHandle, LayerDraft.LayerName, _directories.Layers, record.DiffId.Hex))
            FileAt.Exchange(draft.DraftHandle, LayerDraft.LayerName, _directories.Layers, record.DiffId.Hex);
    }

    /// <summary>Writes the record of a layer whose content is known to be right, and on the disk.</summary>
    internal void WriteSynced(LayerRecord record)
    {
        OpenFile.SyncFileSystem(_directories.Root);
        Write(record.DiffId, record with { BootId = _bootId.Value, Synced = true });
    }

    /// <summary>Whether the record was written in this boot, or everything was synced: no power cut can have torn the layer.</summary>
    internal bool IsTrusted(LayerRecord record) => record.Synced || record.BootId == _bootId.Value;

    internal void Write(Digest diffId, LayerRecord record) =>
        AtomicFile.Write(_directories.Layers, $"{diffId.Hex}/{RecordName}", StoreJson.Layer.Format(record));

    private Layer? TryGetTrusted(Digest diffId) =>
        TryReadRecord(diffId) is { } record && IsTrusted(record)
            ? new Layer(record, $"{_directories.RootPath}/layers/{diffId.Hex}/diff") : null;

    private Layer? Known(Digest? diffId) =>
        diffId is { } known && TryGetTrusted(known) is { } layer && _pins.TryPin(_directories.Layers, known.Hex) ? layer : null;

    private Layer ApplyNew(Stream source, (Digest? DiffId, Digest? Blob) expected, LayerLimits? limits, Func<CompressionKind, Descriptor> blobAfterReading)
    {
        using var draft = Begin();
        try
        {
            return Publish(draft, Unpack(draft, source, expected.DiffId, limits, blobAfterReading));
        }
        catch (CrunException error) when ((expected.Blob ?? expected.DiffId) is { } name && !error.Message.Contains(name.Hex, StringComparison.Ordinal)
            && expected.DiffId?.Hex is var hex && (hex is null || !error.Message.Contains(hex, StringComparison.Ordinal)))
        {
            throw error.Within($"layer {name}");
        }
    }

    // Fills a draft; its record.
    private LayerRecord Unpack(LayerDraft draft, Stream source, Digest? expectedDiffId, LayerLimits? limits, Func<CompressionKind, Descriptor> blobAfterReading)
    {
        var limit = (limits ?? _limits).Within(_directories.Root);
        var compressed = new CountingStream(source);
        var what = expectedDiffId is { } promised ? $"layer {promised}" : "layer";
        using var verified = new VerifyingStream(
            new LimitingStream(Compression.Open(compressed, out var kind), compressed, limit), expectedDiffId, null, what);
        using var ahead = new ReadAheadStream(verified);
        using var extractor = new LayerExtractor(draft.Directory, new ExtractOptions { Limits = limit });
        var reader = new TarReader(ahead);
        extractor.Extract(reader);
        reader.Drain();
        // What a decoder has no use for belongs to the blob all the same.
        compressed.ReadToEnd();
        var own = kind == CompressionKind.None && reader.MayBeOurs && IsFunctionOf(draft, verified.Actual, verified.Count);
        return new LayerRecord
        {
            DiffId = verified.Actual,
            Size = extractor.Bytes,
            Entries = extractor.Entries,
            TarSize = verified.Count,
            Own = own,
            Blob = own ? null : blobAfterReading(kind),
            Implied = extractor.Implied.Count == 0 ? null : extractor.Implied,
            HidesAll = extractor.HidesAll,
            BootId = _bootId.Value,
        };
    }

    // An uncompressed tar that we would write just so need not be kept.
    private static bool IsFunctionOf(LayerDraft draft, Digest diffId, long size)
    {
        using var hash = new HashingSink();
        try
        {
            LayerTar.Write(draft.Directory, hash, size);
        }
        catch (CrunException error) when (error.Kind == ErrorKind.InvalidInput)
        {
            return false;
        }
        return hash.Finish() == diffId;
    }

    private Layer Publish(LayerDraft draft, LayerRecord record)
    {
        var hex = record.DiffId.Hex;
        AtomicFile.Write(draft.DraftHandle, $"{LayerDraft.LayerName}/{RecordName}", StoreJson.Layer.Format(record));
        var held = FileLock.TryExisting(draft.DraftHandle, LayerDraft.LayerName, shared: true, wait: true)!;
        for (; ; )
        {
            if (FileAt.TryRename(draft.DraftHandle, LayerDraft.LayerName, _directories.Layers, hex))
            {
                _pins.Add(_directories.Layers, hex, held);
                _unsynced.Add(record.DiffId, record.TarSize);
                return new Layer(record, $"{_directories.RootPath}/layers/{hex}/diff");
            }
            if (Known(record.DiffId) is { } known)
            {
                held.Dispose();
                return known;
            }
            // What has the name is torn by a power cut: it makes way. Or it is just being removed: then try again.
            using var torn = FileLock.TryExisting(_directories.Layers, hex, shared: false, wait: true);
            if (torn is not null && TryGetTrusted(record.DiffId) is null)
                FileAt.TryRename(_directories.Layers, hex, draft.DraftHandle, $"torn-{Random.Shared.NextInt64():x}");
        }
    }
}
