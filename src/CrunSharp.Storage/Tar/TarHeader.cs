using System.Buffers.Binary;
using CrunSharp.Oci;

namespace CrunSharp.Storage.Tar;

/// <summary>The fields of a tar's 512-byte header, read strictly.</summary>
/// <seealso href="https://www.gnu.org/software/tar/manual/html_node/Standard.html"/>
internal static class TarHeader
{
    public const int Size = 512;

    public static readonly Field Name = new(0, 100), Mode = new(100, 8), Uid = new(108, 8), Gid = new(116, 8),
        Length = new(124, 12), Time = new(136, 12), Checksum = new(148, 8), Link = new(157, 100), Magic = new(257, 8),
        Major = new(329, 8), Minor = new(337, 8), Prefix = new(345, 155);

    public const int TypeOffset = 156;

    public readonly record struct Field(int Offset, int Size);

    public static ReadOnlySpan<byte> Of(ReadOnlySpan<byte> header, Field field) => header.Slice(field.Offset, field.Size);

    /// <summary>A text field up to its first NUL.</summary>
    public static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> header, Field field)
    {
        var bytes = Of(header, field);
        var end = bytes.IndexOf((byte)0);
        return end < 0 ? bytes : bytes[..end];
    }

    /// <summary>A number in octal digits, or in base 256 when the first bit is set.</summary>
    public static long Number(ReadOnlySpan<byte> bytes, string what)
    {
        if ((bytes[0] & 0x80) != 0) return Base256(bytes, what);
        bytes = bytes.Trim(" \0"u8);
        // Some writers end a field with NUL and leave rubbish behind it.
        if (bytes.IndexOf((byte)0) is >= 0 and var end) bytes = bytes[..end].Trim((byte)' ');
        long value = 0;
        foreach (var digit in bytes)
        {
            if (digit is < (byte)'0' or > (byte)'7') throw CrunException.Integrity($"the {what} is no octal number");
            value = value << 3 | (uint)(digit - '0');
        }
        return value;
    }

    /// <summary>Whether the header's checksum is right: the sum of its bytes, unsigned or (as some wrote it) signed.</summary>
    public static bool HasRightChecksum(ReadOnlySpan<byte> header)
    {
        long unsigned = 0, signed = 0;
        for (var i = 0; i < Size; i++)
        {
            var b = i >= Checksum.Offset && i < Checksum.Offset + Checksum.Size ? (byte)' ' : header[i];
            unsigned += b;
            signed += (sbyte)b;
        }
        var stated = Number(Of(header, Checksum), "checksum");
        return stated == unsigned || stated == signed;
    }

    /// <summary>Whether the header is ustar's and names neither user nor group.</summary>
    public static bool IsAnonymous(ReadOnlySpan<byte> header) =>
        Of(header, Magic).SequenceEqual("ustar\000"u8) && header[265] == 0 && header[297] == 0;

    private static long Base256(ReadOnlySpan<byte> bytes, string what)
    {
        var negative = (bytes[0] & 0x40) != 0;
        Span<byte> number = stackalloc byte[8];
        var excess = bytes.Length - 8;
        var sign = negative ? (byte)0xff : (byte)0;
        for (var i = 0; i < excess; i++)
        {
            if ((i == 0 && !negative ? (byte)(bytes[0] & 0x7f) : bytes[i]) != sign) throw CrunException.Integrity($"the {what} is out of range");
        }
        bytes[Math.Max(excess, 0)..].CopyTo(number);
        if (excess <= 0)
        {
            // The marker bit is in the number itself: 63 bits are left, the sign is the next bit.
            number[0] = negative ? number[0] : (byte)(number[0] & 0x7f);
        }
        var value = BinaryPrimitives.ReadInt64BigEndian(number);
        if (value < 0 != negative) throw CrunException.Integrity($"the {what} is out of range");
        return value;
    }
}
