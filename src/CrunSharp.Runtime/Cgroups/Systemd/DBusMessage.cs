using System.Buffers.Binary;
using System.Text;
using CrunSharp.Oci;

namespace CrunSharp.Runtime.Cgroups.Systemd;

/// <summary>A message that came: an answer, an error or a signal. Its sender is not trusted to write it well.</summary>
/// <param name="Type">What it is.</param>
/// <param name="ReplySerial">The call that it answers.</param>
/// <param name="Member">The signal's name.</param>
/// <param name="Error">The error's name.</param>
/// <param name="Signature">The types of the arguments.</param>
/// <param name="Body">The arguments.</param>
internal sealed record DBusMessage(byte Type, uint ReplySerial, string? Member, string? Error, string Signature, byte[] Body)
{
    public const byte MethodCall = 1;
    public const byte MethodReturn = 2;
    public const byte ErrorReturn = 3;
    public const byte Signal = 4;

    public const byte PathField = 1;
    public const byte InterfaceField = 2;
    public const byte MemberField = 3;
    public const byte ErrorField = 4;
    public const byte ReplySerialField = 5;
    public const byte DestinationField = 6;
    public const byte SignatureField = 8;

    /// <summary>The bytes before the fields.</summary>
    public const int FixedSize = 16;

    private const int MostBytes = 1 << 20;

    /// <summary>The bytes after the first <see cref="FixedSize"/>, and how many of them are fields.</summary>
    /// <exception cref="CrunException">It is no message, or a huge one.</exception>
    public static (int Fields, int Remaining) Measure(ReadOnlySpan<byte> start)
    {
        if (start[0] is not (byte)'l' || start[3] != 1) throw Malformed();
        var body = BinaryPrimitives.ReadUInt32LittleEndian(start[4..]);
        var fields = BinaryPrimitives.ReadUInt32LittleEndian(start[12..]);
        if (body > MostBytes || fields > MostBytes) throw Malformed();
        return ((int)fields, (int)(fields + 7 & ~7u) + (int)body);
    }

    /// <summary>Reads a message.</summary>
    /// <param name="start">The first <see cref="FixedSize"/> bytes.</param>
    /// <param name="rest">The others.</param>
    /// <exception cref="CrunException">It is malformed.</exception>
    public static DBusMessage Read(ReadOnlySpan<byte> start, ReadOnlySpan<byte> rest)
    {
        var (length, _) = Measure(start);
        var (reply, member, error, signature) = (0u, (string?)null, (string?)null, "");
        // Fields begin at 16, which is aligned to 8.
        for (var at = 0; at < length;)
        {
            at = at + 7 & ~7;
            if (at >= length) break;
            var code = At(rest, at);
            var type = SignatureAt(rest, at + 1, out at);
            switch (type)
            {
                case "u":
                    at = at + 3 & ~3;
                    if (code == ReplySerialField) reply = UInt32At(rest, at);
                    at += 4;
                    break;
                case "s" or "o":
                    var text = StringAt(rest, at + 3 & ~3, out at);
                    if (code == MemberField) member = text;
                    else if (code == ErrorField) error = text;
                    break;
                case "g":
                    signature = SignatureAt(rest, at, out at);
                    break;
                default:
                    throw Malformed();
            }
        }
        return new DBusMessage(start[1], reply, member, error, signature, rest[(length + 7 & ~7)..].ToArray());
    }

    /// <summary>An argument that is a string or a path, by its index; null when it is not.</summary>
    /// <remarks>Only behind arguments that are numbers of four bytes, strings and paths.</remarks>
    /// <exception cref="CrunException">It is malformed.</exception>
    public string? TextOf(int index)
    {
        var at = 0;
        for (var i = 0; i < Signature.Length; i++)
        {
            at = at + 3 & ~3;
            switch (Signature[i])
            {
                case 'u' or 'i' or 'b':
                    if (i == index) return null;
                    at += 4;
                    break;
                case 's' or 'o':
                    var text = StringAt(Body, at, out at);
                    if (i == index) return text;
                    break;
                case 'v' when i == index:
                    return SignatureAt(Body, at, out at) is "s" or "o" ? StringAt(Body, at + 3 & ~3, out _) : null;
                default:
                    return null;
            }
        }
        return null;
    }

    private static string StringAt(ReadOnlySpan<byte> bytes, int at, out int next)
    {
        var length = UInt32At(bytes, at);
        if (length > bytes.Length || at + 4 + (long)length + 1 > bytes.Length) throw Malformed();
        next = at + 4 + (int)length + 1;
        return Encoding.UTF8.GetString(bytes.Slice(at + 4, (int)length));
    }

    private static string SignatureAt(ReadOnlySpan<byte> bytes, int at, out int next)
    {
        var length = At(bytes, at);
        next = at + 1 + length + 1;
        return next > bytes.Length ? throw Malformed() : Encoding.ASCII.GetString(bytes.Slice(at + 1, length));
    }

    private static uint UInt32At(ReadOnlySpan<byte> bytes, int at) =>
        at + 4 > bytes.Length ? throw Malformed() : BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static byte At(ReadOnlySpan<byte> bytes, int at) => at >= bytes.Length ? throw Malformed() : bytes[at];

    private static CrunException Malformed() => CrunException.Integrity("what came is no D-Bus message", "read from systemd");
}
