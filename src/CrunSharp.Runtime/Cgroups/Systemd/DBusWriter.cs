using System.Buffers.Binary;
using System.Text;

namespace CrunSharp.Runtime.Cgroups.Systemd;

/// <summary>Writes D-Bus messages, little-endian.</summary>
/// <seealso href="https://dbus.freedesktop.org/doc/dbus-specification.html#message-protocol-marshaling"/>
internal sealed class DBusWriter
{
    private byte[] _bytes = new byte[256];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    /// <summary>A whole method call.</summary>
    public static byte[] Call(uint serial, string? destination, string path, string @interface, string member, string signature, Action<DBusWriter>? arguments)
    {
        var body = new DBusWriter();
        arguments?.Invoke(body);
        var message = new DBusWriter();
        message.Byte((byte)'l');
        message.Byte(DBusMessage.MethodCall);
        message.Byte(0);
        message.Byte(1);
        message.UInt32((uint)body.Length);
        message.UInt32(serial);
        message.Array(8, fields =>
        {
            fields.Field(DBusMessage.PathField, "o", path);
            fields.Field(DBusMessage.InterfaceField, "s", @interface);
            fields.Field(DBusMessage.MemberField, "s", member);
            if (destination is not null) fields.Field(DBusMessage.DestinationField, "s", destination);
            if (signature.Length > 0) fields.Field(DBusMessage.SignatureField, "g", signature);
        });
        message.Align(8);
        return [.. message.Written, .. body.Written];
    }

    public void Byte(byte value)
    {
        Reserve(1)[0] = value;
    }

    public void Boolean(bool value) => UInt32(value ? 1u : 0u);

    public void Int16(short value)
    {
        Align(2);
        BinaryPrimitives.WriteInt16LittleEndian(Reserve(2), value);
    }

    public void UInt32(uint value)
    {
        Align(4);
        BinaryPrimitives.WriteUInt32LittleEndian(Reserve(4), value);
    }

    public void UInt64(ulong value)
    {
        Align(8);
        BinaryPrimitives.WriteUInt64LittleEndian(Reserve(8), value);
    }

    /// <summary>A string or an object's path.</summary>
    public void String(string value)
    {
        UInt32((uint)Encoding.UTF8.GetByteCount(value));
        Encoding.UTF8.GetBytes(value, Reserve(Encoding.UTF8.GetByteCount(value)));
        Byte(0);
    }

    public void Signature(string value)
    {
        Byte((byte)value.Length);
        Encoding.ASCII.GetBytes(value, Reserve(value.Length));
        Byte(0);
    }

    public void Variant(DBusValue value)
    {
        Signature(value.Signature);
        value.Write(this);
    }

    /// <summary>An array.</summary>
    /// <param name="alignment">Of its elements.</param>
    /// <param name="elements">Writes them.</param>
    public void Array(int alignment, Action<DBusWriter> elements)
    {
        UInt32(0);
        var length = Length - 4;
        // The space before the first element does not count.
        Align(alignment);
        var start = Length;
        elements(this);
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(length), (uint)(Length - start));
    }

    public void Align(int alignment) => Reserve((alignment - Length % alignment) % alignment);

    private void Field(byte code, string signature, string value)
    {
        Align(8);
        Byte(code);
        Signature(signature);
        if (signature == "g") Signature(value);
        else String(value);
    }

    private Span<byte> Reserve(int count)
    {
        if (Length + count > _bytes.Length) System.Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + count));
        Length += count;
        return _bytes.AsSpan(Length - count, count);
    }
}
