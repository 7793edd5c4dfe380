using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace CrunSharp.Network.Names;

/// <summary>Writes DNS answers.</summary>
internal static class Answer
{
    /// <summary>The largest answer over UDP that everybody takes.</summary>
    public const int MostOverUdp = 512;

    /// <summary>For how many seconds an answer may be remembered: the container may be another one soon.</summary>
    private const uint TimeToLive = 1;

    private const ushort IsAnswer = 0x8000, IsAuthoritative = 0x0400, IsTruncated = 0x0200, WantsRecursion = 0x0100, HasRecursion = 0x0080;
    private const ushort ToQuestionName = 0xc000 | Question.HeaderSize;
    private const int RecordHeader = 12;

    /// <summary>An answer without records.</summary>
    /// <param name="query">What was asked.</param>
    /// <param name="question">The same, read.</param>
    /// <param name="code">How it was answered.</param>
    public static byte[] Empty(ReadOnlySpan<byte> query, Question question, ResponseCode code) => Begin(query, question, code, 0);

    /// <summary>An answer with addresses; those that do not fit are left out, and that is told.</summary>
    /// <param name="query">What was asked.</param>
    /// <param name="question">The same, read.</param>
    /// <param name="addresses">The IPv4 addresses.</param>
    /// <param name="most">The size of the largest answer.</param>
    public static byte[] Addresses(ReadOnlySpan<byte> query, Question question, IReadOnlyList<IPAddress> addresses, int most)
    {
        const int size = RecordHeader + 4;
        var count = Math.Min(addresses.Count, (most - question.End) / size);
        var answer = Begin(query, question, ResponseCode.Success, count * size);
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(6), (ushort)count);
        if (count < addresses.Count) answer[2] |= IsTruncated >> 8;
        for (var i = 0; i < count; i++)
        {
            var record = answer.AsSpan(question.End + i * size);
            WriteHeader(record, Question.A, 4);
            addresses[i].TryWriteBytes(record[RecordHeader..], out _);
        }
        return answer;
    }

    /// <summary>An answer with the name of an address.</summary>
    /// <param name="query">What was asked.</param>
    /// <param name="question">The same, read.</param>
    /// <param name="name">The name, of labels that DNS allows.</param>
    public static byte[] Name(ReadOnlySpan<byte> query, Question question, string name)
    {
        var encoded = new List<byte>(name.Length + 2);
        foreach (var label in name.Split('.'))
        {
            encoded.Add((byte)label.Length);
            encoded.AddRange(Encoding.ASCII.GetBytes(label));
        }
        encoded.Add(0);
        var answer = Begin(query, question, ResponseCode.Success, RecordHeader + encoded.Count);
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(6), 1);
        WriteHeader(answer.AsSpan(question.End), Question.Pointer, encoded.Count);
        encoded.CopyTo(answer, question.End + RecordHeader);
        return answer;
    }

    // The header and the question; what follows that in the query (EDNS) is left out.
    private static byte[] Begin(ReadOnlySpan<byte> query, Question question, ResponseCode code, int room)
    {
        var hasQuestion = question.End > Question.HeaderSize;
        var answer = new byte[question.End + room];
        query[..question.End].CopyTo(answer);
        var flags = IsAnswer | IsAuthoritative | HasRecursion | (question.Flags & (0x7800 | WantsRecursion)) | (int)code;
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(2), (ushort)flags);
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(4), (ushort)(hasQuestion ? 1 : 0));
        answer.AsSpan(6, 6).Clear();
        return answer;
    }

    private static void WriteHeader(Span<byte> record, ushort type, int length)
    {
        BinaryPrimitives.WriteUInt16BigEndian(record, ToQuestionName);
        BinaryPrimitives.WriteUInt16BigEndian(record[2..], type);
        BinaryPrimitives.WriteUInt16BigEndian(record[4..], Question.Internet);
        BinaryPrimitives.WriteUInt32BigEndian(record[6..], TimeToLive);
        BinaryPrimitives.WriteUInt16BigEndian(record[10..], (ushort)length);
    }
}
