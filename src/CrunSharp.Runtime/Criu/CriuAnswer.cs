using System.Text;
using CrunSharp.Oci;

namespace CrunSharp.Runtime.Criu;

/// <summary>What criu says: that it has come to a point of its work, or how it ended.</summary>
/// <seealso href="https://github.com/checkpoint-restore/criu/blob/criu-dev/images/rpc.proto"/>
internal readonly record struct CriuAnswer
{
    /// <summary>What it is about.</summary>
    public CriuRequestType Type { get; init; }

    /// <summary>Whether it was done.</summary>
    public bool Succeeded { get; init; }

    /// <summary>criu's error number; 0 for none.</summary>
    public int Error { get; init; }

    /// <summary>criu's error in words; null when it tells none.</summary>
    public string? Message { get; init; }

    /// <summary>The point it has come to, such as <c>post-restore</c>; null when it is none.</summary>
    public string? Point { get; init; }

    /// <summary>The first process of what is restored; 0 when it tells none.</summary>
    public int Pid { get; init; }

    /// <summary>Of an answer to <see cref="CriuRequestType.FeatureCheck"/>: whether the kernel tells what memory changed.</summary>
    public bool TracksMemory { get; init; }

    /// <summary>Of the same: whether memory can be brought over when it is used.</summary>
    public bool BringsPagesLater { get; init; }

    /// <summary>Reads an answer.</summary>
    /// <exception cref="CrunException">It is none.</exception>
    public static CriuAnswer Parse(ReadOnlySpan<byte> message)
    {
        var answer = new CriuAnswer();
        var fields = new ProtobufFields(message);
        while (fields.Next())
        {
            answer = fields.Field switch
            {
                1 => answer with { Type = (CriuRequestType)fields.Number },
                2 => answer with { Succeeded = fields.Number != 0 },
                4 => answer with { Pid = NumberIn(fields.Bytes, 1) },
                5 => answer with { Point = TextIn(fields.Bytes, 1), Pid = NumberIn(fields.Bytes, 2) },
                7 => answer with { Error = (int)fields.Number },
                8 => answer with { TracksMemory = NumberIn(fields.Bytes, 1) != 0, BringsPagesLater = NumberIn(fields.Bytes, 2) != 0 },
                9 => answer with { Message = Encoding.UTF8.GetString(fields.Bytes) },
                _ => answer,
            };
        }
        return answer;
    }

    private static int NumberIn(ReadOnlySpan<byte> message, int number)
    {
        var fields = new ProtobufFields(message);
        while (fields.Next())
        {
            if (fields.Field == number) return (int)fields.Number;
        }
        return 0;
    }

    private static string? TextIn(ReadOnlySpan<byte> message, int number)
    {
        var fields = new ProtobufFields(message);
        while (fields.Next())
        {
            if (fields.Field == number) return Encoding.UTF8.GetString(fields.Bytes);
        }
        return null;
    }
}
