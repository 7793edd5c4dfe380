using CrunSharp.Oci;

namespace CrunSharp.Runtime.Criu;

/// <summary>The fields of a message of protocol buffers, one after the other; what is in no message is refused.</summary>
/// <param name="message">The message.</param>
internal ref struct ProtobufFields(ReadOnlySpan<byte> message)
{
    private readonly ReadOnlySpan<byte> _message = message;
    private int _at;

    /// <summary>The field's number.</summary>
    public int Field { get; private set; }

    /// <summary>Its value as a number; 0 when it is none.</summary>
    public ulong Number { get; private set; }

    /// <summary>Its value as bytes: a text or a message; empty when it is neither.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>Goes to the next field; false at the end.</summary>
    /// <exception cref="CrunException">The message ends within a field, or has a wire type that there is not.</exception>
    public bool Next()
    {
        if (_at == _message.Length) return false;
        var key = Varint();
        Field = (int)Math.Min(key >> 3, int.MaxValue);
        Number = 0;
        Bytes = default;
        switch (key & 7)
        {
            case ProtobufMessage.VarintType:
                Number = Varint();
                return true;
            case ProtobufMessage.BytesType:
                Bytes = Take(Varint());
                return true;
            case 1: // eight and four bytes: nothing that we read
                Take(8);
                return true;
            case 5:
                Take(4);
                return true;
            default:
                throw Broken();
        }
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)(_message.Length - _at)) throw Broken();
        var bytes = _message.Slice(_at, (int)length);
        _at += (int)length;
        return bytes;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (_at == _message.Length) break;
            var part = _message[_at++];
            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80) return value;
        }
        throw Broken();
    }

    private readonly CrunException Broken() => CrunException.Integrity($"criu's answer is broken at byte {_at} of {_message.Length}");
}
