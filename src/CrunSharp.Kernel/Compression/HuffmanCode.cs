namespace CrunSharp.Kernel.Compression;

/// <summary>A prefix code for symbols that occur so and so often, as deflate wants it: canonical, of limited length.</summary>
/// <seealso href="https://www.rfc-editor.org/rfc/rfc1951#section-3.2.2"/>
internal sealed class HuffmanCode(int symbols, int longest)
{
    private readonly uint[] _order = new uint[symbols];
    private readonly uint[] _sorted = new uint[symbols];
    private readonly uint[] _weights = new uint[symbols];

    /// <summary>How often each symbol occurs: at most 2^23 - 1 times.</summary>
    public uint[] Counts { get; } = new uint[symbols];

    /// <summary>The bits of each symbol's code; 0 for what does not occur.</summary>
    public byte[] Lengths { get; } = new byte[symbols];

    /// <summary>The code of each symbol, its first bit lowest.</summary>
    public ushort[] Codes { get; } = new ushort[symbols];

    /// <summary>How many bits all the symbols take.</summary>
    public long Cost
    {
        get
        {
            var bits = 0L;
            for (var i = 0; i < Counts.Length; i++) bits += (long)Counts[i] * Lengths[i];
            return bits;
        }
    }

    /// <summary>One past the last symbol that occurs, but at least so many.</summary>
    public int Used(int least)
    {
        var used = symbols;
        while (used > least && Lengths[used - 1] == 0) used--;
        return used;
    }

    /// <summary>Makes the code. It always has two symbols at least, so that it is complete.</summary>
    public void Make()
    {
        Array.Clear(Lengths);
        var count = Sort();
        Span<int> ofLength = stackalloc int[longest + 1];
        if (count == 2) ofLength[1] = 2;
        else CountLengths(count, ofLength);
        // The rarest get the longest codes.
        var at = 0;
        for (var length = longest; length > 0; length--)
        {
            for (var i = ofLength[length]; i > 0; i--) Lengths[_order[at++] & 0x1ff] = (byte)length;
        }
        Span<int> next = stackalloc int[longest + 1];
        for (var length = 1; length < longest; length++) next[length + 1] = (next[length] + ofLength[length]) << 1;
        for (var symbol = 0; symbol < symbols; symbol++)
        {
            if (Lengths[symbol] is > 0 and var length) Codes[symbol] = Reversed(next[length]++, length);
        }
    }

    // Those that occur, rarest first; equal ones in the order of symbols, so that the code is the same everywhere.
    private int Sort()
    {
        var count = 0;
        for (var symbol = 0u; symbol < Counts.Length; symbol++)
        {
            if (Counts[symbol] > 0) _order[count++] = Counts[symbol] << 9 | symbol;
        }
        for (var symbol = 0u; count < 2; symbol++)
        {
            if (Counts[symbol] == 0) _order[count++] = symbol;
        }
        SortByCount(count);
        return count;
    }

    // By each byte of the counts in turn, the lowest first.
    private void SortByCount(int count)
    {
        var most = 0u;
        for (var i = 0; i < count; i++) most |= _order[i];
        Span<int> places = stackalloc int[257];
        Span<uint> from = _order.AsSpan(0, count), to = _sorted.AsSpan(0, count);
        for (var shift = 9; most >> shift > 0; shift += 8)
        {
            places.Clear();
            foreach (var one in from) places[(byte)(one >> shift) + 1]++;
            for (var i = 0; i < 256; i++) places[i + 1] += places[i];
            foreach (var one in from) to[places[(byte)(one >> shift)]++] = one;
            to.CopyTo(from);
        }
    }

    // Two queues, one of symbols and one of what was joined: both are sorted, so the two lightest are at their heads.
    private void CountLengths(int count, Span<int> ofLength)
    {
        var (leaf, inner) = (0, 0);
        Span<ushort> parents = stackalloc ushort[2 * count];
        for (var joined = 0; joined < count - 1; joined++)
        {
            var sum = 0u;
            for (var side = 0; side < 2; side++)
            {
                if (leaf < count && (inner >= joined || _order[leaf] >> 9 <= _weights[inner]))
                {
                    parents[leaf] = (ushort)joined;
                    sum += _order[leaf++] >> 9;
                }
                else
                {
                    parents[count + inner] = (ushort)joined;
                    sum += _weights[inner++];
                }
            }
            _weights[joined] = sum;
        }
        Span<byte> depths = stackalloc byte[count];
        depths[count - 2] = 0;
        for (var i = count - 3; i >= 0; i--) depths[i] = (byte)Math.Min(depths[parents[count + i]] + 1, 254);
        for (var i = 0; i < count; i++) ofLength[Math.Min(depths[parents[i]] + 1, longest)]++;
        Limit(ofLength);
    }

    // Codes that were cut to the longest length take more room than there is: shorter ones are made longer until it fits.
    private void Limit(Span<int> ofLength)
    {
        var room = 0;
        for (var length = 1; length <= longest; length++) room += ofLength[length] << (longest - length);
        for (; room > 1 << longest; room--)
        {
            ofLength[longest]--;
            var length = longest - 1;
            while (ofLength[length] == 0) length--;
            ofLength[length]--;
            ofLength[length + 1] += 2;
        }
    }

    private static ushort Reversed(int code, int length)
    {
        var bits = (uint)code;
        bits = (bits & 0x5555) << 1 | (bits >> 1 & 0x5555);
        bits = (bits & 0x3333) << 2 | (bits >> 2 & 0x3333);
        bits = (bits & 0x0f0f) << 4 | (bits >> 4 & 0x0f0f);
        bits = (bits & 0x00ff) << 8 | bits >> 8;
        return (ushort)(bits >> (16 - length));
    }
}
