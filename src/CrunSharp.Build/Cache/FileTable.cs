using System.Buffers.Binary;
using System.Runtime.InteropServices;
using CrunSharp.Kernel.Compression;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Build.Cache;

/// <summary>A regular file as it was when it was hashed: a row of a <see cref="FileTable"/>, and 92 bytes of its file.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal readonly record struct FileRecord(ulong Key, ulong Device, ulong Inode, long Length, long Modified, long Changed, uint ModifiedPart, uint ChangedPart,
    ContentHash Content, uint HasAttributes)
{
    /// <summary>How many bytes one takes.</summary>
    public const int Size = 92;

    public FileRecord(PathKey path, in FileStatus status, KnownFile what)
        : this(path.Number, status.Device, status.Inode, status.Size, status.Modified.Seconds, status.Changed.Seconds, status.Modified.Nanoseconds,
            status.Changed.Nanoseconds, what.Content, what.HasAttributes ? 1u : 0)
    {
    }

    /// <summary>What is known of the file.</summary>
    public KnownFile What => new(Content, HasAttributes != 0);

    /// <summary>Whether it is this file, unchanged.</summary>
    public bool IsOf(in FileStatus status) =>
        Device == status.Device && Inode == status.Inode && Length == status.Size && Modified == status.Modified.Seconds && Changed == status.Changed.Seconds
        && ModifiedPart == status.Modified.Nanoseconds && ChangedPart == status.Changed.Nanoseconds;
}

/// <summary>
/// The records of a <see cref="ContextIndex"/>: a hash table in the very bytes of its file, so that nothing has to be made of
/// what was read, nor to be gathered for writing. A row with the key 0 is free.
/// </summary>
internal sealed class FileTable
{
    private const int CheckedFrom = 24;
    private const int HeadSize = 32;
    private const int LeastRows = 48;

    private byte[] _file;
    private int _used;

    private FileTable(byte[] file, int used) => (_file, _used) = (file, used);

    private static ReadOnlySpan<byte> Magic => "crun-sharp index 4\n\0"u8;

    /// <summary>How many files it has.</summary>
    public int Count => _used;

    private Span<FileRecord> Rows => MemoryMarshal.Cast<byte, FileRecord>(_file.AsSpan(HeadSize));

    /// <summary>One without records.</summary>
    public static FileTable Empty() => new(new byte[HeadSize], 0);

    /// <summary>One from its file, which it keeps; null when that is damaged.</summary>
    public static FileTable? TryRead(byte[] file)
    {
        if (file.Length < HeadSize || !file.AsSpan().StartsWith(Magic) || (file.Length - HeadSize) % FileRecord.Size != 0) return null;
        var used = BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(CheckedFrom));
        var table = new FileTable(file, (int)used);
        return used >= 0 && used <= table.Rows.Length && BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(Magic.Length)) == table.Checksum() ? table : null;
    }

    /// <summary>The bytes of its file.</summary>
    public ReadOnlySpan<byte> ToFile()
    {
        Magic.CopyTo(_file);
        BinaryPrimitives.WriteInt64LittleEndian(_file.AsSpan(CheckedFrom), _used);
        BinaryPrimitives.WriteUInt32LittleEndian(_file.AsSpan(Magic.Length), Checksum());
        return _file;
    }

    /// <summary>Makes room for more records.</summary>
    /// <param name="count">How many may come.</param>
    public void Expect(int count)
    {
        // A quarter is free, so that what is looked for is near where it should be.
        var rows = (_used + (long)count) * 4 / 3 + 1;
        if (rows <= Rows.Length) return;
        var old = MemoryMarshal.Cast<byte, FileRecord>(_file.AsSpan(HeadSize));
        _file = new byte[HeadSize + checked((int)Math.Max(rows, LeastRows) * FileRecord.Size)];
        _used = 0;
        foreach (ref readonly var record in old)
            if (record.Key != 0) Put(record);
    }

    /// <summary>The record of a path; null when there is none.</summary>
    public FileRecord? TryGet(PathKey path)
    {
        var rows = Rows;
        return RowOf(rows, path.Number) is >= 0 and var row && rows[row].Key != 0 ? rows[row] : null;
    }

    /// <summary>Adds a record, or replaces that of the same path.</summary>
    public void Set(in FileRecord record)
    {
        if ((_used + 1) * 4L > Rows.Length * 3L) Expect(_used + 1);
        Put(record);
    }

    private void Put(in FileRecord record)
    {
        var rows = Rows;
        var row = RowOf(rows, record.Key);
        if (rows[row].Key == 0) _used++;
        rows[row] = record;
    }

    // Where a key is, or would be; less than 0 when it is not there and no row is free.
    private static int RowOf(ReadOnlySpan<FileRecord> rows, ulong key)
    {
        var row = (int)Math.BigMul(key, (ulong)rows.Length, out _);
        for (var left = rows.Length; left > 0; left--)
        {
            if (rows[row].Key == key || rows[row].Key == 0) return row;
            if (++row == rows.Length) row = 0;
        }
        return -1;
    }

    // Against accidents only, and without OpenSSL, which an unchanged build does not load.
    private uint Checksum() => Crc32.Of(_file.AsSpan(CheckedFrom));
}
