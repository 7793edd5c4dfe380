using System.Buffers.Binary;
using System.Runtime.InteropServices;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Sockets;

/// <summary>The attributes of a netlink answer, in order; each length is checked against what is there.</summary>
/// <param name="data">The bytes after the message's fixed part, or the value of a nested attribute.</param>
public readonly ref struct NetlinkAttributes(ReadOnlySpan<byte> data)
{
    private const ushort TypeMask = 0x3fff; // without NLA_F_NESTED and NLA_F_NET_BYTEORDER

    private readonly ReadOnlySpan<byte> _data = data;

    /// <summary>The attributes of a message.</summary>
    /// <param name="body">The message without its netlink header.</param>
    /// <param name="fixedPart">The size of its fixed part in bytes.</param>
    /// <exception cref="CrunException">The message is shorter than its fixed part.</exception>
    public static NetlinkAttributes After(ReadOnlySpan<byte> body, int fixedPart) => body.Length >= fixedPart
        ? new NetlinkAttributes(body[fixedPart..])
        : throw CrunException.Integrity($"a netlink answer of {body.Length} bytes is shorter than its fixed part of {fixedPart}");

    /// <summary>Finds the first attribute of a type.</summary>
    /// <exception cref="CrunException">An attribute before it is malformed.</exception>
    public bool TryFind(ushort type, out ReadOnlySpan<byte> value)
    {
        foreach (var attribute in this)
        {
            if (attribute.Type != type) continue;
            value = attribute.Value;
            return true;
        }
        value = default;
        return false;
    }

    /// <summary>Finds a 32-bit number in the machine's byte order; null when it is missing.</summary>
    /// <exception cref="CrunException">An attribute is malformed.</exception>
    public uint? FindUInt32(ushort type) => TryFind(type, out var value) && value.Length >= 4 ? MemoryMarshal.Read<uint>(value) : null;

    /// <summary>Finds a 32-bit number in network byte order; null when it is missing.</summary>
    /// <exception cref="CrunException">An attribute is malformed.</exception>
    public uint? FindBigEndian(ushort type) => TryFind(type, out var value) && value.Length >= 4 ? BinaryPrimitives.ReadUInt32BigEndian(value) : null;

    /// <summary>Finds the attributes in an attribute; none when it is missing.</summary>
    /// <exception cref="CrunException">An attribute is malformed.</exception>
    public NetlinkAttributes FindNested(ushort type) => TryFind(type, out var value) ? new NetlinkAttributes(value) : default;

    /// <summary>Goes through the attributes.</summary>
    public Enumerator GetEnumerator() => new(_data);

    /// <summary>One attribute.</summary>
    /// <param name="type">Its type without flags.</param>
    /// <param name="value">Its value.</param>
    public readonly ref struct Attribute(ushort type, ReadOnlySpan<byte> value)
    {
        /// <summary>Its type without flags.</summary>
        public ushort Type { get; } = type;

        /// <summary>Its value.</summary>
        public ReadOnlySpan<byte> Value { get; } = value;

        /// <summary>The attributes in it.</summary>
        public NetlinkAttributes Nested => new(Value);
    }

    /// <summary>Goes through attributes.</summary>
    /// <param name="data">Their bytes.</param>
    public ref struct Enumerator(ReadOnlySpan<byte> data)
    {
        private readonly int _total = data.Length;
        private ReadOnlySpan<byte> _rest = data;

        /// <summary>The attribute that was reached.</summary>
        public Attribute Current { get; private set; }

        /// <summary>Goes to the next attribute.</summary>
        /// <exception cref="CrunException">Its length does not fit.</exception>
        public bool MoveNext()
        {
            if (_rest.Length < 4) return false;
            int length = BinaryPrimitives.ReadUInt16LittleEndian(_rest);
            if (length < 4 || length > _rest.Length)
                throw CrunException.Integrity($"a netlink answer has an attribute of {length} bytes at byte {_total - _rest.Length} of {_total}");
            Current = new Attribute((ushort)(BinaryPrimitives.ReadUInt16LittleEndian(_rest[2..]) & TypeMask), _rest[4..length]);
            _rest = _rest[Math.Min((length + 3) & ~3, _rest.Length)..];
            return true;
        }
    }
}
