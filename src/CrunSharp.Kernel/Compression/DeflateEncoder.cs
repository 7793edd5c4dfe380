using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CrunSharp.Kernel.Compression;

/// <summary>
/// Compresses with deflate, about three times as fast as zlib at its usual level and to a few percent more. What it makes of
/// some content is the same for ever: it depends on no library and no processor.
/// </summary>
/// <remarks>
/// The last two places where four bytes began as here do are tried, and a match is put off by a byte if the next one is
/// longer. An object is for one thread at a time.
/// </remarks>
internal sealed unsafe class DeflateEncoder
{
    private const int HashBits = 14;
    private const int Window = 32768;
    private const int ShortestMatch = 4;
    private const int LongestMatch = 258;
    private const int Step = 16; // bytes that are compared at once
    private const int Margin = 2 * Step; // a match is put off 12 times at most, as it gets longer each time
    private const int Patience = 8; // after so many misses ever more is passed over
    private const int MostPassed = 8;
    private const int BlockSize = DeflateBlock.MostMatches * ShortestMatch;
    private readonly uint[] _places = new uint[1 << HashBits];
    private readonly DeflateBlock _block = new();

    /// <summary>How much room the result may need.</summary>
    public static int Bound(int length) => length + length / 1000 + 1024;

    /// <summary>Compresses; returns the number of bytes.</summary>
    public int Compress(ReadOnlySpan<byte> content, Span<byte> output)
    {
        if (output.Length < Bound(content.Length)) throw new ArgumentException("there is too little room", nameof(output));
        Array.Clear(_places);
        fixed (byte* start = content, to = output)
        fixed (uint* places = _places)
        {
            var writer = new BitWriter(to);
            byte* at = start, end = start + content.Length;
            do at = CompressBlock(start, at, end, places, ref writer);
            while (at < end);
            writer.End();
            return (int)(writer.At - to);
        }
    }

    private byte* CompressBlock(byte* start, byte* from, byte* end, uint* places, ref BitWriter writer)
    {
        var block = _block;
        block.Begin();
        var last = end - from > BlockSize ? from + BlockSize : end;
        var search = end - from > Margin ? (last < end - Margin ? last : end - Margin) : from; // behind it is too little to compare
        byte* literals = from, at = from;
        var misses = 0;
        fixed (uint* counts = block.SymbolCounts, farCounts = block.DistanceCounts)
        fixed (byte* slotOfLength = block.SlotOfLength, slotOfDistance = block.SlotOfDistance)
        fixed (ulong* matches = block.Matches)
        {
            var match = matches;
            if (at == start && at < search) counts[*at++]++; // there is nothing before it
            while (at < search)
            {
                Look(start, at, places, out var first, out var second);
                if (!first.IsLonger(second, ShortestMatch - 1))
                {
                    counts[*at++]++;
                    if (++misses < Patience) continue;
                    for (var skip = Math.Min(misses / Patience, MostPassed); skip > 0 && at < search; skip--) counts[*at++]++;
                    continue;
                }
                misses = 0;
                var length = first.Longer(second, out var distance);
                while (length < Step)
                {
                    Look(start, at + 1, places, out first, out second);
                    if (!first.IsLonger(second, length)) break;
                    counts[*at++]++;
                    length = first.Longer(second, out distance);
                }
                if (length == Step) length = Common(at, at - distance - 1, end);
                var slot = slotOfDistance[DeflateBlock.PlaceOfSlot(distance)];
                counts[DeflateBlock.Lengths + slotOfLength[length]]++;
                farCounts[slot]++;
                *match++ = DeflateBlock.Match((int)(at - literals), slot, length, distance);
                Note(start, at + 3, places); // of what is within a match, this one place has to do
                at += length;
                literals = at;
            }
            for (; at < last; at++) counts[*at]++;
            block.Write(from, (int)(at - from), (int)(match - matches), (int)(at - literals), at == end, ref writer);
        }
        return at;
    }

    // Compares what is here with the last two places where it may have been.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Look(byte* start, byte* at, uint* places, out Candidate first, out Candidate second)
    {
        var bucket = places + (*(uint*)at * 0x9E3779B1 >> (32 - HashBits));
        var here = (uint)(at - start);
        var two = *bucket;
        *bucket = two << 16 | (here & 0xffff);
        // Places are known by their last 15 bits: what they stand for is looked at anyway, so that it may be any other.
        here--;
        uint one = (here - two) & (Window - 1), other = (here - (two >> 16)) & (Window - 1);
        if (here < Window) (one, other) = (Math.Min(one, here), Math.Min(other, here));
        var value = Vector128.Load(at--);
        first = new Candidate((int)one, ~Vector128.Equals(value, Vector128.Load(at - one)).ExtractMostSignificantBits());
        second = new Candidate((int)other, ~Vector128.Equals(value, Vector128.Load(at - other)).ExtractMostSignificantBits());
    }

    private static void Note(byte* start, byte* at, uint* places)
    {
        var bucket = places + (*(uint*)at * 0x9E3779B1 >> (32 - HashBits));
        *bucket = *bucket << 16 | (ushort)(at - start);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Common(byte* a, byte* b, byte* end)
    {
        var most = (int)Math.Min(LongestMatch, end - a);
        var length = Step;
        for (; length + 8 <= most; length += 8)
        {
            var difference = *(ulong*)(a + length) ^ *(ulong*)(b + length);
            if (difference != 0) return length + (BitOperations.TrailingZeroCount(difference) >> 3);
        }
        while (length < most && a[length] == b[length]) length++;
        return length;
    }

    // A distance less one, and a bit for each of 16 bytes that differs; all above are set.
    private readonly struct Candidate(int distance, uint differences)
    {
        private readonly int _distance = distance;
        private readonly uint _differences = differences;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public bool IsLonger(Candidate other, int length)
        {
            var wanted = (2u << length) - 1;
            return (int)((_differences & wanted) - 1 | (other._differences & wanted) - 1) < 0;
        }

        // The longer one's length and distance, the nearer one's if they are equal; without a branch that nobody can foresee.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public int Longer(Candidate other, out int distance)
        {
            uint mine = _differences & (0 - _differences), its = other._differences & (0 - other._differences);
            var chosen = (int)(mine - its) >> 31;
            distance = _distance + (other._distance - _distance & chosen);
            return BitOperations.TrailingZeroCount(mine + (its - mine & (uint)chosen));
        }
    }
}
