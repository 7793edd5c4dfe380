using System.Globalization;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Storage.Tar;

/// <summary>
/// Writes a tar whose bytes are a pure function of its entries: ustar headers, and a PAX header before those that need
/// one (a name that does not fit, a fraction of a second, extended attributes, large numbers). There are no user names.
/// </summary>
public sealed class TarWriter
{
    private const int BufferSize = 256 * 1024;
    private const long MostSize = 0x1ffffffff; // 11 octal digits
    private const long MostId = 0x1fffff; // 7 octal digits
    private readonly Stream _output;
    private readonly byte[] _buffer = new byte[BufferSize];
    private int _used;
    private long _remaining;
    private int _padding;
    private long _open; // where the header will be of an entry that is begun

    /// <summary>Starts to write; the stream stays the caller's.</summary>
    public TarWriter(Stream output) => _output = output;

    /// <summary>How many bytes the tar has so far.</summary>
    public long Length { get; private set; }

    /// <summary>Begins an entry; <see cref="TarEntry.Size"/> bytes of content have to follow.</summary>
    /// <exception cref="CrunException">The entry cannot be said in a tar.</exception>
    public void Begin(TarEntry entry)
    {
        EndEntry();
        var name = PathEncoding.Encode(entry.Kind == TarKind.Directory && !entry.Name.EndsWith('/') ? entry.Name + "/" : entry.Name);
        var target = PathEncoding.Encode(entry.Target);
        var split = SplitAt(name);
        var records = Records(entry, split < 0 ? name : null, target.Length > TarHeader.Link.Size ? target : null);
        // .NET's reader passes over the prefix field of an entry that has records.
        if (split > 0 && records.Count > 0) (records["path"], split) = (name, -1);
        if (records.Count > 0) WritePax(records);

        var header = Take(TarHeader.Size);
        header.Clear();
        var type = "0123456"[(int)OrderOf(entry.Kind)];
        if (split > 0)
        {
            name.AsSpan(0, split).CopyTo(Field(header, TarHeader.Prefix));
            name.AsSpan(split + 1).CopyTo(Field(header, TarHeader.Name));
        }
        else
        {
            name.AsSpan(0, Math.Min(name.Length, TarHeader.Name.Size)).CopyTo(Field(header, TarHeader.Name));
        }
        target.AsSpan(0, Math.Min(target.Length, TarHeader.Link.Size)).CopyTo(Field(header, TarHeader.Link));
        Octal(Field(header, TarHeader.Mode), entry.Mode);
        Octal(Field(header, TarHeader.Uid), entry.Uid > MostId ? 0 : entry.Uid);
        Octal(Field(header, TarHeader.Gid), entry.Gid > MostId ? 0 : entry.Gid);
        Octal(Field(header, TarHeader.Length), entry.Size > MostSize ? 0 : entry.Size);
        Octal(Field(header, TarHeader.Time), Math.Clamp(entry.Modified.Seconds, 0, MostSize));
        Octal(Field(header, TarHeader.Major), entry.DeviceMajor);
        Octal(Field(header, TarHeader.Minor), entry.DeviceMinor);
        Seal(header, type);
        _remaining = entry.Size;
        _padding = (int)(-entry.Size & (TarHeader.Size - 1));
    }

    /// <summary>Begins an entry of which nothing is known yet; <see cref="EndOpen"/> has to follow its content. The stream must be one that can go back.</summary>
    public void BeginOpen()
    {
        EndEntry();
        _open = Length;
        Take(TarHeader.Size).Clear();
        _remaining = long.MaxValue;
    }

    /// <summary>Ends an entry that <see cref="BeginOpen"/> began; its size is that of what was written.</summary>
    /// <param name="entry">The entry, without extended attributes and with a short name; null if there shall be none, and nothing was written.</param>
    /// <exception cref="CrunException">It takes more than one header to say.</exception>
    public void EndOpen(TarEntry? entry)
    {
        Flush();
        var length = Length;
        _output.Seek(_open - length, SeekOrigin.Current);
        (_remaining, Length) = (0, _open);
        if (entry is null) return;
        Begin(entry with { Size = length - _open - TarHeader.Size });
        if (Length != _open + TarHeader.Size) throw CrunException.Unsupported("an entry's header is too large", "write tar");
        Flush();
        _output.Seek(length - Length, SeekOrigin.Current);
        (_remaining, Length) = (0, length);
    }

    /// <summary>Writes content of the entry.</summary>
    /// <exception cref="ArgumentException">It is more than the entry's size.</exception>
    public void Write(ReadOnlySpan<byte> content)
    {
        while (content.Length > 0)
        {
            var room = Room();
            var count = Math.Min(room.Length, content.Length);
            if (count == 0) throw new ArgumentException("more content than the entry's size", nameof(content));
            content[..count].CopyTo(room);
            Advance(count);
            content = content[count..];
        }
    }

    /// <summary>Room for content of the entry, to be read into; empty when the entry is complete.</summary>
    public Span<byte> Room()
    {
        if (_used == BufferSize) Flush();
        return _buffer.AsSpan(_used, (int)Math.Min(BufferSize - _used, _remaining));
    }

    /// <summary>Says how much of <see cref="Room"/> has been filled.</summary>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _remaining);
        _used += count;
        Length += count;
        _remaining -= count;
    }

    /// <summary>Ends the tar.</summary>
    public void Finish()
    {
        EndEntry();
        Take(TarHeader.Size).Clear();
        Take(TarHeader.Size).Clear();
        Flush();
    }

    private void EndEntry()
    {
        if (_remaining > 0) throw new InvalidOperationException($"{_remaining} bytes of the entry's content are missing");
        if (_padding > 0) Take(_padding).Clear();
        _padding = 0;
    }

    private Span<byte> Take(int count)
    {
        if (_used + count > BufferSize) Flush();
        var span = _buffer.AsSpan(_used, count);
        _used += count;
        Length += count;
        return span;
    }

    private void Flush()
    {
        _output.Write(_buffer, 0, _used);
        _used = 0;
    }

    private static int OrderOf(TarKind kind) => kind switch
    {
        TarKind.File => 0,
        TarKind.HardLink => 1,
        TarKind.SymbolicLink => 2,
        TarKind.CharacterDevice => 3,
        TarKind.BlockDevice => 4,
        TarKind.Directory => 5,
        _ => 6,
    };

    // 0: the name field alone is enough; more: the slash between prefix and name; -1: neither, so PAX has to say it.
    private static int SplitAt(ReadOnlySpan<byte> name)
    {
        if (name.Length <= TarHeader.Name.Size) return 0;
        if (name.Length > TarHeader.Prefix.Size + 1 + TarHeader.Name.Size) return -1;
        var latest = Math.Min(TarHeader.Prefix.Size, name.Length - 2);
        var slash = name[..(latest + 1)].LastIndexOf((byte)'/');
        return slash > 0 && name.Length - slash - 1 <= TarHeader.Name.Size ? slash : -1;
    }

    private static SortedDictionary<string, byte[]> Records(TarEntry entry, byte[]? longName, byte[]? longTarget)
    {
        var records = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        if (longName is not null) records["path"] = longName;
        if (longTarget is not null) records["linkpath"] = longTarget;
        if (entry.Size > MostSize) records["size"] = Decimal(entry.Size);
        if (entry.Uid > MostId) records["uid"] = Decimal(entry.Uid);
        if (entry.Gid > MostId) records["gid"] = Decimal(entry.Gid);
        if (entry.Modified.Nanoseconds != 0 || entry.Modified.Seconds is < 0 or > MostSize)
            records["mtime"] = Encoding.ASCII.GetBytes(TimeText(entry.Modified));
        foreach (var attribute in entry.Attributes)
        {
            var key = attribute.Name.Replace("%", "%25", StringComparison.Ordinal).Replace("=", "%3D", StringComparison.Ordinal);
            records["SCHILY.xattr." + key] = attribute.Value.ToArray();
        }
        return records;
    }

    private static byte[] Decimal(long value) => Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture));

    private static string TimeText(FileTime time)
    {
        var (seconds, nanoseconds, sign) = (time.Seconds, (long)time.Nanoseconds, "");
        if (seconds < 0 && nanoseconds > 0) (seconds, nanoseconds) = (seconds + 1, 1_000_000_000 - nanoseconds);
        if (time.Seconds < 0) (seconds, sign) = (-seconds, "-");
        return nanoseconds == 0 ? $"{sign}{seconds}" : $"{sign}{seconds}.{nanoseconds:d9}".TrimEnd('0');
    }

    private void WritePax(SortedDictionary<string, byte[]> records)
    {
        var text = new List<byte>();
        foreach (var (key, value) in records)
        {
            var keyBytes = PathEncoding.Encode(key);
            // The length counts its own digits.
            var rest = keyBytes.Length + value.Length + 3;
            var length = rest + Decimal(rest).Length;
            if (Decimal(length).Length != Decimal(rest).Length) length = rest + Decimal(length).Length;
            text.AddRange([.. Decimal(length), (byte)' ', .. keyBytes, (byte)'=', .. value, (byte)'\n']);
        }
        if (text.Count > 1024 * 1024) throw CrunException.Invalid("an entry has more than 1 MiB of names and extended attributes", "write tar");
        var header = Take(TarHeader.Size);
        header.Clear();
        "PaxHeaders.0/entry"u8.CopyTo(header);
        Octal(Field(header, TarHeader.Mode), 0x1a4);
        Octal(Field(header, TarHeader.Uid), 0);
        Octal(Field(header, TarHeader.Gid), 0);
        Octal(Field(header, TarHeader.Length), text.Count);
        Octal(Field(header, TarHeader.Time), 0);
        Seal(header, 'x');
        _remaining = text.Count;
        _padding = -text.Count & (TarHeader.Size - 1);
        Write(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(text));
        EndEntry();
    }

    private static Span<byte> Field(Span<byte> header, TarHeader.Field field) => header.Slice(field.Offset, field.Size);

    // Octal digits to the field's end but one, which is NUL.
    private static void Octal(Span<byte> field, long value)
    {
        for (var i = field.Length - 2; i >= 0; i--)
        {
            field[i] = (byte)('0' + (value & 7));
            value >>= 3;
        }
    }

    private static void Seal(Span<byte> header, char type)
    {
        header[TarHeader.TypeOffset] = (byte)type;
        "ustar\000"u8.CopyTo(Field(header, TarHeader.Magic));
        var checksum = Field(header, TarHeader.Checksum);
        checksum.Fill((byte)' ');
        var sum = 0;
        foreach (var b in header) sum += b;
        Octal(checksum[..7], sum);
    }
}
