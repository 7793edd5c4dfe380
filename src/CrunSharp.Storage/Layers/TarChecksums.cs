using System.Buffers.Binary;
using CrunSharp.Kernel.Compression;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>
/// The CRC-32 of each MiB of a layer's tar: <c>layers/HEX/checksums</c>. Who compresses the layer makes them anyway, as gzip has
/// them, and so finds out that a disk or a hand changed the directory without hashing the tar once more.
/// </summary>
internal sealed class TarChecksums : WriteStream
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "checksums";

    /// <summary>How many bytes one is of.</summary>
    public const int PartSize = 1024 * 1024;

    // Less is hashed sooner than a file is written and read.
    private const int LeastParts = 4;
    private const int MostBytes = 64 * 1024 * 1024;
    private readonly List<uint> _parts = [];
    private uint _current;
    private int _length;

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var count = Math.Min(buffer.Length, PartSize - _length);
            _current = Crc32.Of(buffer[..count], _current);
            _length += count;
            buffer = buffer[count..];
            if (_length == PartSize) EndPart();
        }
    }

    /// <summary>Writes the file into a draft's layer.</summary>
    /// <exception cref="Oci.CrunException">It cannot be written.</exception>
    public void Save(LayerDraft draft)
    {
        if (_length > 0) EndPart();
        if (_parts.Count < LeastParts) return;
        // One more of them all: after a power cut the file may be anything.
        var content = new byte[(_parts.Count + 1) * sizeof(uint)];
        for (var i = 0; i < _parts.Count; i++) BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(i * sizeof(uint)), _parts[i]);
        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(content.Length - sizeof(uint)), Crc32.Of(content.AsSpan(..^sizeof(uint))));
        using var file = FileAt.Open(draft.DraftHandle, $"{LayerDraft.LayerName}/{FileName}", OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_EXCL, 0x180);
        OpenFile.WriteAt(file, content, 0);
    }

    /// <summary>Those of a layer; null when there are none, and the tar has to be hashed.</summary>
    /// <param name="layers">The directory of all layers.</param>
    /// <param name="record">The layer.</param>
    public static uint[]? TryRead(SafeFileHandle layers, LayerRecord record)
    {
        if (!record.Own || AtomicFile.TryRead(layers, $"{record.DiffId.Hex}/{FileName}", MostBytes) is not { } content) return null;
        var count = (record.TarSize + PartSize - 1) / PartSize;
        if (content.Length != (count + 1) * sizeof(uint)) return null;
        if (Crc32.Of(content.AsSpan(..^sizeof(uint))) != BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(content.Length - sizeof(uint)))) return null;
        var parts = new uint[count];
        for (var i = 0; i < parts.Length; i++) parts[i] = BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(i * sizeof(uint)));
        return parts;
    }

    private void EndPart()
    {
        _parts.Add(_current);
        (_current, _length) = (0, 0);
    }
}
