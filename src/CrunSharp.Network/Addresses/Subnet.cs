using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using CrunSharp.Oci;

namespace CrunSharp.Network.Addresses;

/// <summary>A range of IPv4 addresses with a common prefix.</summary>
/// <param name="First">Its first address as a number.</param>
/// <param name="PrefixLength">The length of the prefix in bits, 0 to 32.</param>
internal readonly record struct Subnet(uint First, int PrefixLength)
{
    /// <summary>Its last address.</summary>
    public uint Last => First | ~Mask(PrefixLength);

    /// <summary>The bridge's address, unless another one is asked for: the first one that a host can have.</summary>
    public uint Gateway => First + 1;

    /// <summary>Whether an address is in the range.</summary>
    public bool Contains(uint address) => address >= First && address <= Last;

    /// <summary>Whether two ranges have an address in common.</summary>
    public bool Overlaps(Subnet other) => First <= other.Last && other.First <= Last;

    /// <summary>Whether all of another range is in this one.</summary>
    public bool Contains(Subnet other) => other.First >= First && other.Last <= Last;

    /// <summary>Reads <c>10.88.0.0/16</c>.</summary>
    /// <exception cref="CrunException">The text is no range, or has bits after the prefix, or is too small or large for a network.</exception>
    public static Subnet Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !IPAddress.TryParse(text.AsSpan(0, slash), out var address) || address.AddressFamily != AddressFamily.InterNetwork
            || !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            || length is < 8 or > 30 || (ToNumber(address) & ~Mask(length)) != 0)
            throw CrunException.Invalid($"\"{text}\" is no IPv4 range of /8 to /30");
        return new Subnet(ToNumber(address), length);
    }

    /// <summary>The range of a length that an address is in.</summary>
    public static Subnet Of(uint address, int prefixLength) => new(address & Mask(prefixLength), prefixLength);

    /// <inheritdoc/>
    public override string ToString() => $"{ToAddress(First)}/{PrefixLength}";

    /// <summary>An address as a number.</summary>
    public static uint ToNumber(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        return address.TryWriteBytes(bytes, out var count) && count == 4
            ? BinaryPrimitives.ReadUInt32BigEndian(bytes)
            : throw new ArgumentException($"{address} is no IPv4 address", nameof(address));
    }

    /// <summary>A number as an address.</summary>
    public static IPAddress ToAddress(uint number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return new IPAddress(bytes);
    }

    /// <summary>The Ethernet address that belongs to an IP address: locally administered, so a reused IP address keeps it.</summary>
    public static byte[] ToMac(uint address) =>
        [0x02, 0xc5, (byte)(address >> 24), (byte)(address >> 16), (byte)(address >> 8), (byte)address];

    /// <summary>An Ethernet address as text, <c>02:c5:0a:58:00:02</c>.</summary>
    public static string FormatMac(ReadOnlySpan<byte> mac) => string.Create(CultureInfo.InvariantCulture,
        $"{mac[0]:x2}:{mac[1]:x2}:{mac[2]:x2}:{mac[3]:x2}:{mac[4]:x2}:{mac[5]:x2}");

    private static uint Mask(int length) => length == 0 ? 0 : uint.MaxValue << (32 - length);
}
