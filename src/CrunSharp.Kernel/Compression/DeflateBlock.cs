using System.Runtime.CompilerServices;

namespace CrunSharp.Kernel.Compression;

/// <summary>Literals and matches that are counted by who finds them, and written as a block of deflate with codes of its own.</summary>
/// <seealso href="https://www.rfc-editor.org/rfc/rfc1951"/>
internal sealed unsafe class DeflateBlock
{
    /// <summary>How many matches a block may have.</summary>
    public const int MostMatches = 16 * 1024;

    /// <summary>The symbol of the shortest lengths.</summary>
    public const int Lengths = 257;

    private const int EndOfBlock = 256;
    private const int LongestMatch = 258;
    private readonly HuffmanCode _symbols = new(288, 14); // four literals and what is left of a byte fit into 64 bits
    private readonly HuffmanCode _distances = new(30, 15);
    private readonly HuffmanCode _lengthsOfCodes = new(19, 7);
    private readonly uint[] _lengthCodes = new uint[LongestMatch + 1];
    private readonly uint[] _distanceCodes = new uint[32];

    /// <summary>Makes its tables.</summary>
    public DeflateBlock()
    {
        for (var slot = 0; slot < 29; slot++)
        {
            var last = slot == 28 ? LongestMatch : LengthBase(slot + 1) - 1;
            for (var length = LengthBase(slot); length <= last; length++) SlotOfLength[length] = (byte)slot;
        }
        SlotOfLength[LongestMatch] = 28;
        for (var slot = 0; slot < 30; slot++)
        {
            for (var at = DistanceBase(slot); at < DistanceBase(slot + 1); at += at < 256 ? 1 : 128)
                SlotOfDistance[PlaceOfSlot(at)] = (byte)slot;
        }
    }

    private static ReadOnlySpan<byte> OrderOfLengths => [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    /// <summary>How often each literal and each class of lengths occurs.</summary>
    public uint[] SymbolCounts => _symbols.Counts;

    /// <summary>How often each class of distances occurs.</summary>
    public uint[] DistanceCounts => _distances.Counts;

    /// <summary>The class of a length.</summary>
    public byte[] SlotOfLength { get; } = new byte[LongestMatch + 1];

    /// <summary>The class of a distance, at its <see cref="PlaceOfSlot"/>.</summary>
    public byte[] SlotOfDistance { get; } = new byte[512];

    /// <summary>The matches of a block, made by <see cref="Match"/>.</summary>
    public ulong[] Matches { get; } = new ulong[MostMatches];

    /// <summary>Starts a block.</summary>
    public void Begin()
    {
        Array.Clear(_symbols.Counts);
        Array.Clear(_distances.Counts);
    }

    /// <summary>Where the class of a distance less one is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int PlaceOfSlot(int distance) => distance < 256 ? distance : 256 + (distance >> 7);

    /// <summary>A match.</summary>
    /// <param name="run">The literals before it.</param>
    /// <param name="slot">The class of its distance.</param>
    /// <param name="length">3 to 258.</param>
    /// <param name="distance">Its distance less one.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Match(int run, int slot, int length, int distance) => (ulong)run << 32 | (uint)slot << 25 | (uint)length << 16 | (uint)distance;

    /// <summary>Writes the block.</summary>
    /// <param name="content">All that it says.</param>
    /// <param name="length">How many bytes that are.</param>
    /// <param name="count">How many matches it has.</param>
    /// <param name="run">How many bytes come after the last match.</param>
    /// <param name="isLast">Whether it ends the stream.</param>
    /// <param name="output">Where to.</param>
    public void Write(byte* content, int length, int count, int run, bool isLast, ref BitWriter output)
    {
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
        var cost = 14 + 3 * written + CostOfLengths() + _symbols.Cost + _distances.Cost + CostOfExtra();
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
        WriteContent(content, count, run, ref output);
    }

    private long CostOfLengths()
    {
        var counts = _lengthsOfCodes.Counts;
        return _lengthsOfCodes.Cost + 2 * counts[16] + 3 * counts[17] + 7 * counts[18];
    }

    private long CostOfExtra()
    {
        var bits = 0L;
        for (var slot = 0; slot < 29; slot++) bits += _symbols.Counts[Lengths + slot] * LengthExtra(slot);
        for (var slot = 0; slot < 30; slot++) bits += _distances.Counts[slot] * DistanceExtra(slot);
        return bits;
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

    private void WriteContent(byte* content, int count, int run, ref BitWriter output)
    {
        for (var length = 3; length <= LongestMatch; length++)
        {
            var slot = SlotOfLength[length];
            var bits = _symbols.Lengths[Lengths + slot];
            var code = _symbols.Codes[Lengths + slot] | (uint)(length - LengthBase(slot)) << bits;
            _lengthCodes[length] = code << 8 | (uint)bits + LengthExtra(slot);
        }
        for (var slot = 0; slot < 30; slot++) _distanceCodes[slot] = (uint)_distances.Codes[slot] << 16 | DistanceExtra(slot) << 8 | _distances.Lengths[slot];
        Span<uint> packed = stackalloc uint[256];
        for (var i = 0; i < packed.Length; i++) packed[i] = (uint)_symbols.Codes[i] << 8 | _symbols.Lengths[i];
        var to = output;
        fixed (uint* literals = packed, lengthCodes = _lengthCodes, distanceCodes = _distanceCodes)
        fixed (ulong* matches = Matches)
        {
            var end = matches + count;
            for (var next = matches; next < end; next++)
            {
                var match = *next;
                var before = (int)(match >> 32);
                for (; before > 4; before -= 4, content += 4) WriteFour(content, literals, ref to);
                // Up to four, without a branch that nobody can foresee.
                var a = literals[content[0]] & (uint)(-before >> 31);
                var b = literals[content[1]] & (uint)(1 - before >> 31);
                var c = literals[content[2]] & (uint)(2 - before >> 31);
                var d = literals[content[3]] & (uint)(3 - before >> 31);
                to.Add(a >> 8, (byte)a);
                to.Add(b >> 8, (byte)b);
                to.Add(c >> 8, (byte)c);
                to.Add(d >> 8, (byte)d);
                to.Flush();
                var length = (int)(match >> 16) & 0x1ff;
                content += before + length;
                var code = lengthCodes[length];
                to.Add(code >> 8, (byte)code);
                code = distanceCodes[match >> 25 & 0x1f];
                to.Add(code >> 16, (byte)code);
                var extra = (int)(code >> 8) & 0xff;
                to.Add((uint)match & 0xffff & (1u << extra) - 1, extra);
                to.Flush();
            }
            for (; run >= 4; run -= 4, content += 4) WriteFour(content, literals, ref to);
            for (; run > 0; run--, content++)
            {
                to.Add(literals[*content] >> 8, (byte)literals[*content]);
                to.Flush();
            }
        }
        to.Add(_symbols.Codes[EndOfBlock], _symbols.Lengths[EndOfBlock]);
        to.Flush();
        output = to;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteFour(byte* content, uint* codes, ref BitWriter to)
    {
        uint a = codes[content[0]], b = codes[content[1]], c = codes[content[2]], d = codes[content[3]];
        to.Add(a >> 8, (byte)a);
        to.Add(b >> 8, (byte)b);
        to.Add(c >> 8, (byte)c);
        to.Add(d >> 8, (byte)d);
        to.Flush();
    }

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
