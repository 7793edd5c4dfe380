using System.Runtime.CompilerServices;

namespace CrunSharp.Kernel.Compression;

/// <summary>
/// Compresses with deflate, about twice as fast as zlib at its usual level and to about the same size. What it makes of
/// some content is the same for ever: it depends on no library and no processor.
/// </summary>
/// <remarks>
/// The last two places where four bytes began as here do are tried, and a match is put off by a byte if the next one is
/// longer. An object is for one thread at a time.
/// </remarks>
internal sealed unsafe class DeflateEncoder
{
    private const int HashBits = 15;
    private const int Window = 32768;
    private const int ShortestMatch = 4;
    private const int LongestMatch = 258;
    private const int GoodMatch = 32;
    private const int BlockSize = 64 * 1024;
    private readonly ushort[] _places = new ushort[2 << HashBits];
    private readonly DeflateBlock _block = new();

    /// <summary>How much room the result may need.</summary>
    public static int Bound(int length) => length + length / 1000 + 1024;

    /// <summary>Compresses; returns the number of bytes.</summary>
    public int Compress(ReadOnlySpan<byte> content, Span<byte> output)
    {
        if (output.Length < Bound(content.Length)) throw new ArgumentException("there is too little room", nameof(output));
        Array.Clear(_places);
        fixed (byte* start = content, to = output)
        fixed (ushort* places = _places)
        {
            var writer = new BitWriter(to);
            byte* at = start, end = start + content.Length;
            do at = CompressBlock(start, at, end, places, ref writer);
            while (at < end);
            writer.End();
            return (int)(writer.At - to);
        }
    }

    private byte* CompressBlock(byte* start, byte* from, byte* end, ushort* places, ref BitWriter writer)
    {
        _block.Begin();
        var last = end - from > BlockSize ? from + BlockSize : end;
        var search = end - from > LongestMatch ? (last < end - 12 ? last : end - 12) : from; // behind it is too little to compare
        byte* literals = from, at = from;
        var misses = 0;
        while (at < search)
        {
            var length = Find(start, at, end, places, ShortestMatch - 1, out var distance);
            if (length < ShortestMatch)
            {
                at += 1 + Math.Min(misses++ >> 5, 8);
                continue;
            }
            misses = 0;
            while (length < GoodMatch && at + 1 < search && Find(start, at + 1, end, places, length, out var other) is var next && next > length)
            {
                at++;
                (length, distance) = (next, other);
            }
            _block.Add(literals, (int)(at - literals), length, distance);
            var behind = at + length;
            var known = behind < search ? behind : search;
            for (at += 2; at < known; at += 2) Note(start, at, places);
            literals = at = behind;
            if (_block.IsFull) break;
        }
        if (!_block.IsFull && at < last) at = last;
        if (at < literals) at = literals;
        _block.Write(from, (int)(at - from), (int)(at - literals), at == end, ref writer);
        return at;
    }

    // The longest match that is longer than `least`, or something shorter.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Find(byte* start, byte* at, byte* end, ushort* places, int least, out int distance)
    {
        var four = *(uint*)at;
        var bucket = places + 2 * (four * 0x9E3779B1 >> (32 - HashBits));
        var here = (uint)(at - start);
        var two = *(uint*)bucket;
        *(uint*)bucket = two << 16 | (here & 0xffff);
        uint first = (here - two) & 0xffff, second = (here - (two >> 16)) & 0xffff;
        // Places are known by their last 16 bits: what they stand for is looked at anyway, so that it may be any other.
        var (isFirst, isSecond) = (*(uint*)(at - Math.Min(first, here)) == four, *(uint*)(at - Math.Min(second, here)) == four);
        distance = 0;
        if (!(isFirst | isSecond)) return 0;
        var best = least;
        if (isFirst && first - 1 < Window && first <= here)
        {
            var length = Common(at, at - first, end);
            if (length > best) (best, distance) = (length, (int)first);
        }
        if (isSecond && second - 1 < Window && second <= here && best < GoodMatch)
        {
            var length = Common(at, at - second, end);
            if (length > best) (best, distance) = (length, (int)second);
        }
        return distance == 0 ? 0 : best;
    }

    private static void Note(byte* start, byte* at, ushort* places)
    {
        var bucket = places + 2 * (*(uint*)at * 0x9E3779B1 >> (32 - HashBits));
        *(uint*)bucket = *(uint*)bucket << 16 | (ushort)(at - start);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Common(byte* a, byte* b, byte* end)
    {
        var most = (int)Math.Min(LongestMatch, end - a);
        var length = 4;
        for (; length + 8 <= most; length += 8)
        {
            var difference = *(ulong*)(a + length) ^ *(ulong*)(b + length);
            if (difference != 0) return length + (System.Numerics.BitOperations.TrailingZeroCount(difference) >> 3);
        }
        while (length < most && a[length] == b[length]) length++;
        return length;
    }
}
