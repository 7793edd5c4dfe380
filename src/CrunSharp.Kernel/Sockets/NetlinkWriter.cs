using System.Buffers.Binary;
using System.Runtime.InteropServices;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Sockets;

/// <summary>
/// Writes netlink messages one after another: a header, a fixed part, attributes that may contain attributes. Lengths
/// are checked when a message or an attribute ends, so a value that is too long is an error and never wraps around.
/// </summary>
/// <remarks>The fixed parts are written field by field in the order of the C structures.</remarks>
public sealed class NetlinkWriter
{
    internal const int HeaderSize = 16;
    private const int AttributeHeaderSize = 4;

    private readonly List<(int Start, string Operation)> _messages = [];
    private byte[] _buffer = new byte[2048];
    private int _length;

    /// <summary>The number of messages begun so far.</summary>
    public int Count => _messages.Count;

    /// <summary>The bytes written so far.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _length);

    /// <summary>Begins a message; the one before it ends.</summary>
    /// <param name="type">The message type, such as RTM_NEWLINK.</param>
    /// <param name="flags">Its flags; NLM_F_REQUEST is added.</param>
    /// <param name="operation">What it does, for error messages: <c>add bridge crun0</c>.</param>
    public NetlinkWriter Begin(ushort type, ushort flags, string operation)
    {
        EndMessage();
        _messages.Add((_length, operation));
        var header = Reserve(HeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], type);
        BinaryPrimitives.WriteUInt16LittleEndian(header[6..], (ushort)(flags | NLM.NLM_F_REQUEST));
        return this;
    }

    /// <summary>Writes one byte of a fixed part.</summary>
    public NetlinkWriter Byte(byte value)
    {
        Reserve(1)[0] = value;
        return this;
    }

    /// <summary>Writes a 16-bit number of a fixed part in the machine's byte order.</summary>
    public NetlinkWriter UInt16(ushort value)
    {
        MemoryMarshal.Write(Reserve(2), value);
        return this;
    }

    /// <summary>Writes a 32-bit number of a fixed part in the machine's byte order.</summary>
    public NetlinkWriter UInt32(uint value)
    {
        MemoryMarshal.Write(Reserve(4), value);
        return this;
    }

    /// <summary>Writes an attribute with these bytes.</summary>
    /// <exception cref="CrunException">The value is longer than an attribute can be (65,531 bytes).</exception>
    public NetlinkWriter Attribute(ushort type, ReadOnlySpan<byte> value)
    {
        var mark = BeginAttribute(type);
        value.CopyTo(Reserve(value.Length));
        return End(mark);
    }

    /// <summary>Writes an attribute with one byte.</summary>
    public NetlinkWriter AttributeByte(ushort type, byte value) => Attribute(type, [value]);

    /// <summary>Writes an attribute with a 32-bit number in the machine's byte order.</summary>
    public NetlinkWriter AttributeUInt32(ushort type, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        MemoryMarshal.Write(bytes, value);
        return Attribute(type, bytes);
    }

    /// <summary>Writes an attribute with a 32-bit number in network byte order, as netfilter wants them.</summary>
    public NetlinkWriter AttributeBigEndian(ushort type, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return Attribute(type, bytes);
    }

    /// <summary>Writes an attribute with a text and its final NUL.</summary>
    /// <exception cref="CrunException">The text contains a NUL character or is too long.</exception>
    public NetlinkWriter AttributeText(ushort type, string value)
    {
        if (value.Contains('\0')) throw CrunException.Invalid("a text contains a NUL character", Operation);
        var mark = BeginAttribute(type);
        var count = System.Text.Encoding.UTF8.GetByteCount(value);
        System.Text.Encoding.UTF8.GetBytes(value, Reserve(count + 1));
        return End(mark);
    }

    /// <summary>Begins an attribute that contains attributes (or a fixed part and then attributes).</summary>
    /// <param name="type">The attribute's type.</param>
    /// <param name="flagged">Whether NLA_F_NESTED is set; old attributes of rtnetlink go without it.</param>
    /// <returns>The place to hand to <see cref="End"/>.</returns>
    public int BeginNested(ushort type, bool flagged = true) => BeginAttribute((ushort)(flagged ? type | NLMSG.NLA_F_NESTED : type));

    /// <summary>Ends the attribute that began at <paramref name="mark"/>.</summary>
    /// <exception cref="CrunException">It is longer than an attribute can be (65,535 bytes with its header).</exception>
    public NetlinkWriter End(int mark)
    {
        var length = _length - mark;
        if (length > ushort.MaxValue) throw CrunException.Invalid($"a netlink attribute of {length} bytes is longer than 65535", Operation);
        BinaryPrimitives.WriteUInt16LittleEndian(_buffer.AsSpan(mark), (ushort)length);
        Align();
        return this;
    }

    /// <summary>Forgets all messages, keeping the memory.</summary>
    public void Clear()
    {
        _buffer.AsSpan(0, _length).Clear();
        _length = 0;
        _messages.Clear();
    }

    internal string OperationOf(int message) => _messages[message].Operation;

    internal ushort TypeOf(int message) => BinaryPrimitives.ReadUInt16LittleEndian(_buffer.AsSpan(_messages[message].Start + 4));

    internal ushort FlagsOf(int message) => BinaryPrimitives.ReadUInt16LittleEndian(_buffer.AsSpan(_messages[message].Start + 6));

    /// <summary>Ends the last message and numbers all of them from <paramref name="firstSequence"/> on.</summary>
    internal ReadOnlySpan<byte> Finish(uint firstSequence)
    {
        EndMessage();
        foreach (var (start, _) in _messages) MemoryMarshal.Write(_buffer.AsSpan(start + 8), firstSequence++);
        return Written;
    }

    private string? Operation => _messages.Count > 0 ? _messages[^1].Operation : null;

    private int BeginAttribute(ushort type)
    {
        Align();
        var mark = _length;
        BinaryPrimitives.WriteUInt16LittleEndian(Reserve(AttributeHeaderSize)[2..], type);
        return mark;
    }

    private void EndMessage()
    {
        if (_messages.Count == 0) return;
        Align();
        var start = _messages[^1].Start;
        MemoryMarshal.Write(_buffer.AsSpan(start), (uint)(_length - start));
    }

    private void Align() => Reserve(-_length & 3);

    private Span<byte> Reserve(int count)
    {
        if (_length + count > _buffer.Length) System.Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + count));
        var span = _buffer.AsSpan(_length, count);
        _length += count;
        return span;
    }
}
