using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace CrunSharp.Network.Names;

/// <summary>What a DNS message asks. Whoever wrote it may be hostile: nothing is read beyond its end, and no name is followed.</summary>
/// <param name="Id">The message's number.</param>
/// <param name="Flags">The flags of its header.</param>
/// <param name="Name">The name in lower case, without the dot at its end; empty for the root.</param>
/// <param name="Type">The type of the records that are asked for.</param>
/// <param name="Class">Their class.</param>
/// <param name="End">Where the question ends in the message.</param>
/// <seealso href="https://www.rfc-editor.org/rfc/rfc1035"/>
internal readonly record struct Question(ushort Id, ushort Flags, string Name, ushort Type, ushort Class, int End)
{
    /// <summary>The size of a message's header.</summary>
    public const int HeaderSize = 12;

    /// <summary>IPv4 addresses.</summary>
    public const ushort A = 1;

    /// <summary>The name that belongs to an address.</summary>
    public const ushort Pointer = 12;

    /// <summary>IPv6 addresses.</summary>
    public const ushort Aaaa = 28;

    /// <summary>Records of all types.</summary>
    public const ushort Any = 255;

    /// <summary>The class of the internet.</summary>
    public const ushort Internet = 1;

    private const int MostNameBytes = 255, MostLabelBytes = 63;
    private const ushort IsAnswer = 0x8000, OperationMask = 0x7800;
    private const string ReverseZone = ".in-addr.arpa";

    /// <summary>Reads a message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="question">What it asks; when it is refused, at least its number.</param>
    /// <param name="refusal">With which code it is refused; null when nobody is answered at all.</param>
    /// <returns>Whether it asks one question, as everybody does.</returns>
    public static bool TryRead(ReadOnlySpan<byte> message, out Question question, out ResponseCode? refusal)
    {
        (question, refusal) = (default, null);
        if (message.Length < HeaderSize) return false;
        var flags = BinaryPrimitives.ReadUInt16BigEndian(message[2..]);
        // An answer to an answer would be answered again, for ever.
        if ((flags & IsAnswer) != 0) return false;
        question = new Question(BinaryPrimitives.ReadUInt16BigEndian(message), flags, "", 0, 0, HeaderSize);
        refusal = (flags & OperationMask) != 0 ? ResponseCode.NotImplemented : ResponseCode.FormatError;
        if (refusal == ResponseCode.NotImplemented || BinaryPrimitives.ReadUInt16BigEndian(message[4..]) != 1) return false;
        if (!TryReadName(message, HeaderSize, out var name, out var at) || message.Length < at + 4) return false;
        refusal = null;
        question = question with
        {
            Name = name,
            Type = BinaryPrimitives.ReadUInt16BigEndian(message[at..]),
            Class = BinaryPrimitives.ReadUInt16BigEndian(message[(at + 2)..]),
            End = at + 4,
        };
        return true;
    }

    /// <summary>The address whose name is asked for; null when it is none, or the question is another one.</summary>
    public IPAddress? ReversedAddress()
    {
        if (Type != Pointer || !Name.EndsWith(ReverseZone, StringComparison.Ordinal)) return null;
        var parts = Name[..^ReverseZone.Length].Split('.');
        Span<byte> address = stackalloc byte[4];
        if (parts.Length != address.Length) return null;
        for (var i = 0; i < parts.Length; i++)
            if (!byte.TryParse(parts[i], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out address[3 - i])) return null;
        return new IPAddress(address);
    }

    // Labels to the root. A pointer in a question has nothing to point to.
    private static bool TryReadName(ReadOnlySpan<byte> message, int start, out string name, out int end)
    {
        var text = new StringBuilder();
        (name, end) = ("", start);
        for (; ; )
        {
            if (end >= message.Length || end - start >= MostNameBytes) return false;
            var length = message[end++];
            if (length == 0) break;
            if (length > MostLabelBytes || end + length > message.Length) return false;
            if (text.Length > 0) text.Append('.');
            foreach (var c in message.Slice(end, length)) text.Append(char.ToLowerInvariant((char)c));
            end += length;
        }
        name = text.ToString();
        return true;
    }
}

/// <summary>How a question was answered.</summary>
internal enum ResponseCode : byte
{
    /// <summary>It was, perhaps with no record.</summary>
    Success = 0,

    /// <summary>It makes no sense.</summary>
    FormatError = 1,

    /// <summary>The server could not find out.</summary>
    ServerFailure = 2,

    /// <summary>There is no such name.</summary>
    NameError = 3,

    /// <summary>The server does not do that.</summary>
    NotImplemented = 4,
}
