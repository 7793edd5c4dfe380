using System.Buffers.Binary;

namespace CrunSharp.Engine.Supervision;

/// <summary>What the frames between a supervisor and its clients carry.</summary>
internal enum FrameType : byte
{
    /// <summary>To the supervisor: bytes for the program's standard input.</summary>
    Input = 1,

    /// <summary>To the supervisor: the standard input has ended.</summary>
    InputEnd = 2,

    /// <summary>To the supervisor: the terminal's size, rows and columns of two bytes each.</summary>
    Resize = 3,

    /// <summary>To the supervisor: a signal for the program, four bytes.</summary>
    Signal = 4,

    /// <summary>To the supervisor, the first of all: the container that it is to start, by its id.</summary>
    Start = 5,

    /// <summary>To the supervisor: this client wants what the program writes from now on, and not only to know the end.</summary>
    Watch = 6,

    /// <summary>From the supervisor: bytes of the program's standard output.</summary>
    Output = 16,

    /// <summary>From the supervisor: bytes of the program's standard error.</summary>
    Error = 17,

    /// <summary>From the supervisor: the program runs.</summary>
    Started = 18,

    /// <summary>From the supervisor: the program could not be started; the kind of error in four bytes, and its text.</summary>
    Failed = 19,

    /// <summary>From the supervisor: the program has ended; its exit code in four bytes.</summary>
    Exited = 20,
}

/// <summary>A frame's header: type, three bytes of nothing, and the length of what follows.</summary>
internal static class Frame
{
    /// <summary>The header's size in bytes.</summary>
    public const int HeaderSize = 8;

    /// <summary>The most bytes that one frame carries.</summary>
    public const int MostBytes = 64 * 1024;

    /// <summary>Writes a header.</summary>
    public static void WriteHeader(Span<byte> to, FrameType type, int length)
    {
        to[..HeaderSize].Clear();
        to[0] = (byte)type;
        BinaryPrimitives.WriteInt32LittleEndian(to[4..], length);
    }

    /// <summary>Reads a header; false when it is none.</summary>
    public static bool TryReadHeader(ReadOnlySpan<byte> from, out FrameType type, out int length)
    {
        type = (FrameType)from[0];
        length = BinaryPrimitives.ReadInt32LittleEndian(from[4..]);
        return length is >= 0 and <= MostBytes;
    }
}
