using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CrunSharp.Kernel.Compression;

/// <summary>The checksum that gzip has.</summary>
/// <seealso href="https://www.rfc-editor.org/rfc/rfc1952#section-8"/>
public static class Crc32
{
    private const uint Polynomial = 0xedb88320;
    private static uint[]? s_tables;

    /// <summary>The checksum of these bytes.</summary>
    /// <param name="content">The bytes.</param>
    /// <param name="before">The checksum of those before them.</param>
    public static uint Of(ReadOnlySpan<byte> content, uint before = 0)
    {
        var checksum = ~before;
        if (Pclmulqdq.IsSupported && Sse41.IsSupported && content.Length >= 128)
        {
            var folded = content.Length & ~15;
            checksum = Fold(content[..folded], checksum);
            content = content[folded..];
        }
        return ~ByTables(content, checksum);
    }

    /// <summary>Goes on with a checksum, 8 bytes at a time.</summary>
    internal static uint ByTables(ReadOnlySpan<byte> content, uint checksum)
    {
        var tables = s_tables ??= MakeTables();
        for (; content.Length >= 8; content = content[8..])
        {
            var eight = BinaryPrimitives.ReadUInt64LittleEndian(content) ^ checksum;
            checksum = 0;
            for (var i = 0; i < 8; i++) checksum ^= tables[(7 - i) * 256 + (byte)(eight >> 8 * i)];
        }
        foreach (var one in content) checksum = tables[(byte)(checksum ^ one)] ^ checksum >> 8;
        return checksum;
    }

    private static uint[] MakeTables()
    {
        var tables = new uint[8 * 256];
        for (var i = 0u; i < 256; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++) value = (value & 1) != 0 ? value >> 1 ^ Polynomial : value >> 1;
            tables[i] = value;
        }
        for (var i = 256; i < tables.Length; i++) tables[i] = tables[i - 256] >> 8 ^ tables[(byte)tables[i - 256]];
        return tables;
    }

    // Four times 16 bytes at once are multiplied by what x^512 leaves, then joined; Gopal and others, "Fast CRC Computation
    // for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009. The length is a multiple of 16, at least 64.
    private static uint Fold(ReadOnlySpan<byte> content, uint checksum)
    {
        var parts = MemoryMarshal.Cast<byte, Vector128<ulong>>(content);
        var by64 = Vector128.Create(0x0154442bd4ul, 0x01c6e41596ul);
        var by16 = Vector128.Create(0x01751997d0ul, 0x00ccaa009eul);
        var (a, b, c, d) = (parts[0] ^ Vector128.CreateScalar((ulong)checksum), parts[1], parts[2], parts[3]);
        var at = 4;
        for (; at + 4 <= parts.Length; at += 4)
        {
            a = Multiply(a, by64) ^ parts[at];
            b = Multiply(b, by64) ^ parts[at + 1];
            c = Multiply(c, by64) ^ parts[at + 2];
            d = Multiply(d, by64) ^ parts[at + 3];
        }
        a = Multiply(a, by16) ^ b;
        a = Multiply(a, by16) ^ c;
        a = Multiply(a, by16) ^ d;
        for (; at < parts.Length; at++) a = Multiply(a, by16) ^ parts[at];
        return Reduce(a, by16);
    }

    private static Vector128<ulong> Multiply(Vector128<ulong> value, Vector128<ulong> by) =>
        Pclmulqdq.CarrylessMultiply(value, by, 0x00) ^ Pclmulqdq.CarrylessMultiply(value, by, 0x11);

    // 128 bits become 64, and 64 the 32 of the remainder, by Barrett.
    private static uint Reduce(Vector128<ulong> value, Vector128<ulong> by16)
    {
        var low32 = Vector128.Create(~0u, 0, ~0u, 0).AsUInt64();
        value = Pclmulqdq.CarrylessMultiply(value, by16, 0x10) ^ Sse2.ShiftRightLogical128BitLane(value, 8);
        value = Pclmulqdq.CarrylessMultiply(value & low32, Vector128.CreateScalar(0x0163cd6124ul), 0x00) ^ Sse2.ShiftRightLogical128BitLane(value, 4);
        var polynomial = Vector128.Create(0x01db710641ul, 0x01f7011641ul);
        var quotient = Pclmulqdq.CarrylessMultiply(value & low32, polynomial, 0x10) & low32;
        return (Pclmulqdq.CarrylessMultiply(quotient, polynomial, 0x00) ^ value).AsUInt32()[1];
    }
}
