using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Storage.Tar;

/// <summary>
/// Reads a tar from a stream: V7, ustar, PAX and GNU headers, long names, sparse files, extended attributes. It checks
/// every field and allocates no more than a header may ask for; what names mean on disk is not its business.
/// </summary>
public sealed class TarReader
{
    private const int BufferSize = 256 * 1024;
    private const int MostMetadata = 1024 * 1024;
    private readonly Stream _source;
    private readonly byte[] _buffer = new byte[BufferSize];
    private int _start;
    private int _end;
    private long _remaining;
    private int _padding;
    private bool _ended;

    /// <summary>Starts to read; the stream stays the caller's.</summary>
    public TarReader(Stream source) => _source = source;

    /// <summary>How many bytes of the stream have been used.</summary>
    public long Position { get; private set; }

    /// <summary>Whether the tar ended as the format says it does, with two blocks of zeros.</summary>
    public bool HasEndMarker { get; private set; }

    /// <summary>Whether all headers so far are of the form that <see cref="TarWriter"/> gives them.</summary>
    internal bool MayBeOurs { get; private set; } = true;

    /// <summary>Goes to the next entry, past what is left of this one's content; null at the end.</summary>
    /// <exception cref="CrunException">The tar is damaged or cut off; the text gives the position.</exception>
    public TarEntry? Next()
    {
        if (_ended) return null;
        Skip(_remaining + _padding);
        (_remaining, _padding) = (0, 0);
        var at = Position;
        try
        {
            return ReadEntry();
        }
        catch (CrunException error) when (error.Kind == ErrorKind.Integrity && error.Operation is null)
        {
            throw CrunException.Integrity(error.Reason, $"read tar at byte {at}", error);
        }
    }

    /// <summary>The next bytes of the entry's content, valid until the next call; empty at its end.</summary>
    /// <exception cref="CrunException">The tar is cut off.</exception>
    public ReadOnlySpan<byte> ReadContent()
    {
        if (_remaining == 0) return default;
        if (_start == _end) Fill(1);
        var count = (int)Math.Min(_remaining, _end - _start);
        var content = _buffer.AsSpan(_start, count);
        Use(count);
        _remaining -= count;
        return content;
    }

    /// <summary>All of the entry's content.</summary>
    /// <exception cref="CrunException">It is larger than <paramref name="most"/> bytes, or the tar is cut off.</exception>
    public byte[] ReadAll(int most)
    {
        if (_remaining > most) throw CrunException.Integrity($"an entry has {_remaining} bytes, more than {most}", $"read tar at byte {Position}");
        var content = new byte[_remaining];
        for (var at = 0; at < content.Length;)
        {
            var part = ReadContent();
            part.CopyTo(content.AsSpan(at));
            at += part.Length;
        }
        return content;
    }

    /// <summary>Reads what the stream has after the end of the tar, so that a digest over the stream is whole.</summary>
    public void Drain()
    {
        Use(_end - _start);
        while (_source.Read(_buffer) is > 0 and var count) Position += count;
        (_start, _end) = (0, 0);
    }

    private TarEntry? ReadEntry()
    {
        var pax = new PaxRecords();
        string? name = null, link = null;
        for (var extended = false; ; extended = true)
        {
            if (!TryHeader(out var header))
            {
                if (extended) throw CrunException.Integrity("the tar ends after an extended header");
                _ended = true;
                return null;
            }
            var type = header[TarHeader.TypeOffset];
            var length = TarHeader.Number(TarHeader.Of(header, TarHeader.Length), "size");
            if (length < 0) throw CrunException.Integrity("the size is negative");
            MayBeOurs = MayBeOurs && TarHeader.IsAnonymous(header) && type is not ((byte)'g' or (byte)'L' or (byte)'K' or (byte)'S');
            if (type is not ((byte)'x' or (byte)'g' or (byte)'L' or (byte)'K'))
            {
                // The header is copied, as reading a sparse map moves the buffer.
                return Build(header.ToArray(), (char)type, length, pax, name, link);
            }
            var metadata = ReadMetadata(length);
            if (type == 'x') pax.Add(metadata);
            else if (type == 'L') name = GnuName(metadata);
            else if (type == 'K') link = GnuName(metadata);
            // 'g' says something about all entries after it: what git writes there is a comment, and nothing else uses it.
        }
    }

    private TarEntry Build(byte[] header, char type, long length, PaxRecords pax, string? longName, string? longLink)
    {
        var kind = KindOf(type);
        var name = pax.SparseName ?? pax.Path ?? longName ?? HeaderName(header);
        var stored = kind == TarKind.File ? pax.Size ?? length : 0;
        if (kind == TarKind.File && name.EndsWith('/'))
        {
            if (stored > 0) throw CrunException.Integrity("a file's name ends with a slash");
            kind = TarKind.Directory;
        }
        _remaining = stored;
        _padding = (int)(-stored & (TarHeader.Size - 1));
        var sparse = kind == TarKind.File ? SparseMap.Read(this, header, type, pax, ref stored, out var size) : SparseMap.None(out size);
        var isDevice = kind is TarKind.CharacterDevice or TarKind.BlockDevice;
        return new TarEntry
        {
            Name = name,
            Kind = kind,
            Target = kind is TarKind.HardLink or TarKind.SymbolicLink
                ? pax.LinkPath ?? longLink ?? PathEncoding.Decode(TarHeader.Text(header, TarHeader.Link)) : "",
            Mode = (uint)TarHeader.Number(TarHeader.Of(header, TarHeader.Mode), "mode") & 0xfff,
            Uid = Id(pax.Uid ?? TarHeader.Number(TarHeader.Of(header, TarHeader.Uid), "owner"), "owner"),
            Gid = Id(pax.Gid ?? TarHeader.Number(TarHeader.Of(header, TarHeader.Gid), "group"), "group"),
            Size = size,
            Modified = pax.Modified ?? new FileTime(TarHeader.Number(TarHeader.Of(header, TarHeader.Time), "time"), 0),
            DeviceMajor = isDevice ? Device(header, TarHeader.Major) : 0,
            DeviceMinor = isDevice ? Device(header, TarHeader.Minor) : 0,
            Attributes = pax.Attributes,
            Sparse = sparse,
            Stored = stored,
        };
    }

    private static TarKind KindOf(char type) => type switch
    {
        '0' or '\0' or '7' or 'S' => TarKind.File,
        '1' => TarKind.HardLink,
        '2' => TarKind.SymbolicLink,
        '3' => TarKind.CharacterDevice,
        '4' => TarKind.BlockDevice,
        '5' => TarKind.Directory,
        '6' => TarKind.Fifo,
        _ => throw CrunException.Integrity($"an entry has the unknown type 0x{(int)type:x2}"),
    };

    private static string HeaderName(ReadOnlySpan<byte> header)
    {
        var name = PathEncoding.Decode(TarHeader.Text(header, TarHeader.Name));
        // GNU has other fields where ustar has the first part of a long name.
        if (!TarHeader.Of(header, TarHeader.Magic)[..6].SequenceEqual("ustar\0"u8)) return name;
        var prefix = TarHeader.Text(header, TarHeader.Prefix);
        return prefix.IsEmpty ? name : $"{PathEncoding.Decode(prefix)}/{name}";
    }

    private static uint Id(long value, string what) =>
        value is >= 0 and <= int.MaxValue ? (uint)value : throw CrunException.Integrity($"the {what} {value} is not within 0 to {int.MaxValue}");

    private static uint Device(ReadOnlySpan<byte> header, TarHeader.Field field) =>
        TarHeader.Number(TarHeader.Of(header, field), "device number") is >= 0 and < 1 << 20 and var number
            ? (uint)number : throw CrunException.Integrity("the device number is out of range");

    private static string GnuName(ReadOnlySpan<byte> metadata)
    {
        metadata = metadata.TrimEnd((byte)0);
        return metadata.Contains((byte)0) ? throw CrunException.Integrity("a name contains a NUL byte") : PathEncoding.Decode(metadata);
    }

    private byte[] ReadMetadata(long length)
    {
        if (length > MostMetadata) throw CrunException.Integrity($"an extended header has {length} bytes, more than {MostMetadata}");
        var metadata = new byte[length];
        for (var at = 0; at < metadata.Length;)
        {
            if (_start == _end) Fill(1);
            var count = Math.Min(metadata.Length - at, _end - _start);
            _buffer.AsSpan(_start, count).CopyTo(metadata.AsSpan(at));
            Use(count);
            at += count;
        }
        Skip(-length & (TarHeader.Size - 1));
        return metadata;
    }

    /// <summary>A block of the entry's content, for the map of a sparse file.</summary>
    internal ReadOnlySpan<byte> ReadBlock(bool ofContent)
    {
        if (ofContent)
        {
            if (_remaining < TarHeader.Size) throw CrunException.Integrity("the map of a sparse file is cut off");
            _remaining -= TarHeader.Size;
        }
        Fill(TarHeader.Size);
        var block = _buffer.AsSpan(_start, TarHeader.Size);
        Use(TarHeader.Size);
        return block;
    }

    private bool TryHeader(out ReadOnlySpan<byte> header)
    {
        header = default;
        if (!TryFill(TarHeader.Size))
        {
            return _start == _end ? false : throw CrunException.Integrity("the tar is cut off within a header");
        }
        header = _buffer.AsSpan(_start, TarHeader.Size);
        Use(TarHeader.Size);
        if (header.ContainsAnyExcept((byte)0))
        {
            return TarHeader.HasRightChecksum(header) ? true : throw CrunException.Integrity("a header's checksum is wrong");
        }
        if (!TryFill(TarHeader.Size)) return false;
        if (_buffer.AsSpan(_start, TarHeader.Size).ContainsAnyExcept((byte)0))
            throw CrunException.Integrity("one block of zeros stands where the end has two");
        Use(TarHeader.Size);
        HasEndMarker = true;
        return false;
    }

    private void Skip(long count)
    {
        while (count > 0)
        {
            if (_start == _end && count > BufferSize && _source is HandleStream file)
            {
                var skipped = file.Skip(count);
                Position += skipped;
                if (skipped == 0) throw CrunException.Integrity("the tar is cut off", $"read tar at byte {Position}");
                count -= skipped;
                continue;
            }
            if (_start == _end) Fill(1);
            var part = (int)Math.Min(count, _end - _start);
            Use(part);
            count -= part;
        }
    }

    private void Use(int count)
    {
        _start += count;
        Position += count;
    }

    private void Fill(int least)
    {
        if (!TryFill(least)) throw CrunException.Integrity("the tar is cut off", $"read tar at byte {Position}");
    }

    private bool TryFill(int least)
    {
        if (_end - _start >= least) return true;
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        while (_end < least)
        {
            var count = _source.Read(_buffer.AsSpan(_end));
            if (count == 0) return false;
            _end += count;
        }
        return true;
    }
}
