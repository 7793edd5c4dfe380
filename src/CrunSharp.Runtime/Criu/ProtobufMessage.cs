using System.Buffers;
using System.Text;

namespace CrunSharp.Runtime.Criu;

/// <summary>A message of protocol buffers that is being written: of its wire types the two that criu's messages need.</summary>
/// <seealso href="https://protobuf.dev/programming-guides/encoding/"/>
internal sealed class ProtobufMessage
{
    internal const int VarintType = 0;
    internal const int BytesType = 2;

    private readonly ArrayBufferWriter<byte> _bytes = new(512);

    /// <summary>What was written.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.WrittenSpan;

    /// <summary>Writes a number.</summary>
    public ProtobufMessage Number(int field, ulong value)
    {
        Varint((ulong)field << 3 | VarintType);
        Varint(value);
        return this;
    }

    /// <summary>Writes that something is so; what is not so need not be said.</summary>
    public ProtobufMessage Flag(int field, bool value) => value ? Number(field, 1) : this;

    /// <summary>Writes a text; none for null and the empty one.</summary>
    public ProtobufMessage Text(int field, string? value) => string.IsNullOrEmpty(value) ? this : Text(field, Encoding.UTF8.GetBytes(value));

    /// <summary>Writes a message as a part of this one.</summary>
    public ProtobufMessage Message(int field, ProtobufMessage value) => Text(field, value.Bytes);

    private ProtobufMessage Text(int field, ReadOnlySpan<byte> value)
    {
        Varint((ulong)field << 3 | BytesType);
        Varint((ulong)value.Length);
        _bytes.Write(value);
        return this;
    }

    private void Varint(ulong value)
    {
        var to = _bytes.GetSpan(10);
        var length = 0;
        for (; value >= 0x80; value >>= 7) to[length++] = (byte)(value | 0x80);
        to[length++] = (byte)value;
        _bytes.Advance(length);
    }
}
