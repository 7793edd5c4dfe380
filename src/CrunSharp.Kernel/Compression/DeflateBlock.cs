namespace CrunSharp.Kernel.Compression;

/// <summary>Gathers literals and matches, and writes them as a block of deflate with codes of its own.</summary>
/// <seealso href="https://www.rfc-editor.org/rfc/rfc1951"/>
internal sealed unsafe class DeflateBlock
{
    /// <summary>How many matches a block may have.</summary>
    public const int MostMatches = 16 * 1024;

    private const int EndOfBlock = 256;
    private const int Lengths = 257;
    private const int LongestMatch = 258;
    private readonly byte[] _slotOfLength = new byte[LongestMatch + 1];
    private readonly byte[] _slotOfDistance = new byte[512];
    private readonly HuffmanCode _symbols = new(288, 14); // four literals and what is left of a byte fit into 64 bits
    private readonly HuffmanCode _distances = new(30, 15);
    private readonly HuffmanCode _lengthsOfCodes = new(19, 7);
    private readonly uint[] _lengthCodes = new uint[LongestMatch + 1];
    private readonly byte[] _lengthBits = new byte[LongestMatch + 1];

    // The literals before it, its length and its distance less one.
    private readonly ulong[] _matches = new ulong[MostMatches];
    private int _count;
    private ulong _extraBits;

    /// <summary>Makes its tables.</summary>
    public DeflateBlock()
    {
        for (var slot = 0; slot < 29; slot++)
        {
            var last = slot == 28 ? LongestMatch : LengthBase(slot + 1) - 1;
            for (var length = LengthBase(slot); length <= last; length++) _slotOfLength[length] = (byte)slot;
        }
        _slotOfLength[LongestMatch] = 28;
        for (var slot = 0; slot < 30; slot++)
        {
            for (var at = DistanceBase(slot); at < DistanceBase(slot + 1); at += at < 256 ? 1 : 128)
                _slotOfDistance[at < 256 ? at : 256 + (at >> 7)] = (byte)slot;
        }
    }

    private static ReadOnlySpan<byte> OrderOfLengths => [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    /// <summary>Whether no more matches fit.</summary>
    public bool IsFull => _count == MostMatches;

    /// <summary>Starts a block.</summary>
    public void Begin()
    {
        (_count, _extraBits) = (0, 0);
        Array.Clear(_symbols.Counts);
        Array.Clear(_distances.Counts);
    }

    /// <summary>Adds literals and then a match.</summary>
    /// <param name="literals">Where the literals begin.</param>
    /// <param name="run">How many there are, up to 2^31.</param>
    /// <param name="length">3 to 258.</param>
    /// <param name="distance">1 to 32768.</param>
    public void Add(byte* literals, int run, int length, int distance)
    {
        fixed (uint* counts = _symbols.Counts)
        {
            for (var i = 0; i < run; i++) counts[literals[i]]++;
            var slot = _slotOfLength[length];
            counts[Lengths + slot]++;
            var far = SlotOf(distance - 1);
            _distances.Counts[far]++;
            _extraBits += LengthExtra(slot) + DistanceExtra(far);
        }
        _matches[_count++] = (ulong)run << 32 | (uint)length << 16 | (uint)(distance - 1);
    }

    /// <summary>Writes the block.</summary>
    /// <param name="content">All that it says.</param>
    /// <param name="length">How many bytes that are.</param>
    /// <param name="run">How many of them come after the last match.</param>
    /// <param name="isLast">Whether it ends the stream.</param>
    /// <param name="output">Where to.</param>
    public void Write(byte* content, int length, int run, bool isLast, ref BitWriter output)
    {
        for (var i = length - run; i < length; i++) _symbols.Counts[content[i]]++;
        _symbols.Counts[EndOfBlock] = 1;
        _symbols.Make();
        _distances.Make();
        Span<byte> codes = stackalloc byte[288 + 30];
        var (symbols, distances) = (_symbols.Used(257), _distances.Used(1));
        _symbols.Lengths.AsSpan(0, symbols).CopyTo(codes);
        _distances.Lengths.AsSpan(0, distances).CopyTo(codes[symbols..]);
        codes = codes[..(symbols + distances)];
        Span<byte> packed = stackalloc byte[2 * codes.Length];
        packed = packed[..Pack(codes, packed)];
        var written = 19;
        while (written > 4 && _lengthsOfCodes.Lengths[OrderOfLengths[written - 1]] == 0) written--;
        var cost = 14 + 3 * written + CostOfLengths() + _symbols.Cost + _distances.Cost + (long)_extraBits;
        if (cost >= 8L * length + 40 * (1 + length / 65535))
        {
            output.Store(content, length, isLast);
            return;
        }
        output.Add(isLast ? 0b101u : 0b100u, 3);
        output.Add((uint)(symbols - 257 | (distances - 1) << 5 | (written - 4) << 10), 14);
        output.Flush();
        for (var i = 0; i < written; i++)
        {
            output.Add(_lengthsOfCodes.Lengths[OrderOfLengths[i]], 3);
            output.Flush();
        }
        for (var i = 0; i < packed.Length; i += 2)
        {
            var symbol = packed[i];
            output.Add(_lengthsOfCodes.Codes[symbol], _lengthsOfCodes.Lengths[symbol]);
            if (symbol >= 16) output.Add(packed[i + 1], symbol switch { 16 => 2, 17 => 3, _ => 7 });
            output.Flush();
        }
        WriteContent(content, run, ref output);
    }

    private long CostOfLengths()
    {
        var counts = _lengthsOfCodes.Counts;
        return _lengthsOfCodes.Cost + 2 * counts[16] + 3 * counts[17] + 7 * counts[18];
    }

    // Runs of equal lengths become one symbol: pairs of a symbol and what goes with it.
    private int Pack(ReadOnlySpan<byte> codes, Span<byte> packed)
    {
        var counts = _lengthsOfCodes.Counts;
        Array.Clear(counts);
        var used = 0;
        for (var at = 0; at < codes.Length;)
        {
            var length = codes[at];
            var run = 1;
            while (at + run < codes.Length && codes[at + run] == length) run++;
            at += run;
            if (length == 0)
            {
                for (; run >= 11; run -= Math.Min(run, 138)) Put(18, Math.Min(run, 138) - 11, packed);
                if (run >= 3)
                {
                    Put(17, run - 3, packed);
                    run = 0;
                }
            }
            else if (run >= 4)
            {
                Put(length, 0, packed);
                for (run--; run >= 3; run -= Math.Min(run, 6)) Put(16, Math.Min(run, 6) - 3, packed);
            }
            for (; run > 0; run--) Put(length, 0, packed);
        }
        _lengthsOfCodes.Make();
        return used;

        void Put(int symbol, int extra, Span<byte> to)
        {
            counts[symbol]++;
            to[used++] = (byte)symbol;
            to[used++] = (byte)extra;
        }
    }

    private void WriteContent(byte* content, int run, ref BitWriter output)
    {
        for (var length = 3; length <= LongestMatch; length++)
        {
            var slot = _slotOfLength[length];
            var bits = _symbols.Lengths[Lengths + slot];
            _lengthCodes[length] = _symbols.Codes[Lengths + slot] | (uint)(length - LengthBase(slot)) << bits;
            _lengthBits[length] = (byte)(bits + LengthExtra(slot));
        }
        Span<uint> packed = stackalloc uint[256];
        for (var i = 0; i < packed.Length; i++) packed[i] = _symbols.Codes[i] | (uint)_symbols.Lengths[i] << 16;
        var to = output;
        fixed (uint* literals = packed, lengthCodes = _lengthCodes)
        fixed (byte* lengthBits = _lengthBits, far = _slotOfDistance, farBits = _distances.Lengths)
        fixed (ushort* farCodes = _distances.Codes)
        {
            for (var i = 0; i < _count; i++)
            {
                var match = _matches[i];
                var (before, length, distance) = ((int)(match >> 32), (int)(match >> 16) & 0xffff, (uint)match & 0xffff);
                WriteLiterals(content, before, literals, ref to);
                content += before + length;
                to.Add(lengthCodes[length], lengthBits[length]);
                var slot = far[distance < 256 ? distance : 256 + (distance >> 7)];
                to.Add(farCodes[slot], farBits[slot]);
                to.Add(distance - (uint)DistanceBase(slot), (int)DistanceExtra(slot));
                to.Flush();
            }
            WriteLiterals(content, run, literals, ref to);
        }
        to.Add(_symbols.Codes[EndOfBlock], _symbols.Lengths[EndOfBlock]);
        to.Flush();
        output = to;
    }

    private static void WriteLiterals(byte* content, int run, uint* codes, ref BitWriter to)
    {
        var end = content + run;
        for (; content + 4 <= end; content += 4)
        {
            uint a = codes[content[0]], b = codes[content[1]], c = codes[content[2]], d = codes[content[3]];
            to.Add((ushort)a, (int)(a >> 16));
            to.Add((ushort)b, (int)(b >> 16));
            to.Add((ushort)c, (int)(c >> 16));
            to.Add((ushort)d, (int)(d >> 16));
            to.Flush();
        }
        for (; content < end; content++)
        {
            to.Add((ushort)codes[*content], (int)(codes[*content] >> 16));
            to.Flush();
        }
    }

    private int SlotOf(int distance) => _slotOfDistance[distance < 256 ? distance : 256 + (distance >> 7)];

    private static uint LengthExtra(int slot) => slot is < 8 or 28 ? 0 : (uint)(slot - 4) >> 2;

    private static int LengthBase(int slot) => slot == 28 ? LongestMatch : slot < 8 ? slot + 3 : 3 + ((4 + (slot & 3)) << (int)LengthExtra(slot));

    private static uint DistanceExtra(int slot) => slot < 4 ? 0 : (uint)(slot - 2) >> 1;

    // Less one, as everywhere here.
    private static int DistanceBase(int slot) => slot < 4 ? slot : (2 + (slot & 1)) << (int)DistanceExtra(slot);
}

/// <summary>Writes bits, the first one lowest, to memory that has room for all.</summary>
internal unsafe struct BitWriter(byte* start)
{
    private ulong _bits;
    private int _count;

    /// <summary>Where the next whole byte goes.</summary>
    public byte* At { get; private set; } = start;

    /// <summary>Adds bits; up to 56 of them between two flushes.</summary>
    public void Add(uint bits, int count)
    {
        _bits |= (ulong)bits << _count;
        _count += count;
    }

    /// <summary>Writes the whole bytes; up to 8 bytes after the last one are overwritten.</summary>
    public void Flush()
    {
        *(ulong*)At = _bits;
        At += _count >> 3;
        _bits >>= _count & 0x38;
        _count &= 7;
    }

    /// <summary>Writes blocks that hold the bytes as they are.</summary>
    public void Store(byte* content, int length, bool isLast)
    {
        do
        {
            var count = Math.Min(length, 65535);
            length -= count;
            Add(isLast && length == 0 ? 1u : 0, 3);
            End();
            Add((uint)count | (uint)~count << 16, 32);
            Flush();
            System.Buffer.MemoryCopy(content, At, count, count);
            At += count;
            content += count;
        }
        while (length > 0);
    }

    /// <summary>Fills the last byte up.</summary>
    public void End()
    {
        _count = _count + 7 & ~7;
        Flush();
    }
}
