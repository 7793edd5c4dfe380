using System.Buffers.Binary;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Terminals;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Engine.Supervision;

/// <summary>A client's side of a supervisor: sends input, size and signals, and gets output and the exit code.</summary>
public sealed class AttachConnection(SafeFileHandle socket) : IDisposable
{
    private const int NobodyReads = 128 + 13; // as a shell sees who was ended by SIGPIPE

    private readonly byte[] _frame = GC.AllocateUninitializedArray<byte>(Frame.HeaderSize + Frame.MostBytes);
    private readonly Lock _sending = new();

    /// <summary>Waits until the program runs.</summary>
    /// <exception cref="CrunException">It could not be started, or its supervisor was killed.</exception>
    public void WaitForStart()
    {
        while (Read() is { } frame)
        {
            if (frame.Type == FrameType.Started) return;
            if (frame.Type == FrameType.Failed) throw FailureOf(frame.Data.Span);
        }
        throw new CrunException(ErrorKind.System, "the container's supervisor ended before the container started");
    }

    /// <summary>Copies between the container and descriptors until the program has ended; its exit code.</summary>
    /// <param name="input">Where the program's input comes from; null for none.</param>
    /// <param name="output">Where its output goes.</param>
    /// <param name="error">Where its errors go.</param>
    /// <param name="detached">Asked of each piece of input: whether it is the wish to leave. Null for never.</param>
    /// <returns>The exit code; that of SIGPIPE when nobody reads the output any more; null when the user left.</returns>
    /// <exception cref="CrunException">The supervisor was killed.</exception>
    public int? Copy(SafeFileHandle? input, SafeFileHandle output, SafeFileHandle error, Func<ReadOnlyMemory<byte>, bool>? detached = null)
    {
        var buffer = input is null ? [] : GC.AllocateUninitializedArray<byte>(Frame.MostBytes);
        var poll = new Poll();
        for (; ; )
        {
            poll.Clear();
            var answer = poll.Add(socket, PollEvents.POLLIN);
            var typed = input is null ? -1 : poll.Add(input, PollEvents.POLLIN);
            poll.Wait(null);
            if (typed >= 0 && poll.EventsOf(typed) != PollEvents.None)
            {
                var count = FileDescriptor.Read(input!, buffer, out var errno);
                if (count > 0 && detached?.Invoke(buffer.AsMemory(0, count)) == true) return null;
                if (count > 0) Send(FrameType.Input, buffer.AsSpan(0, count));
                else if (count == 0 || errno is not (Errno.EAGAIN or Errno.EINTR))
                {
                    Send(FrameType.InputEnd, []);
                    input = null;
                }
            }
            if (poll.EventsOf(answer) == PollEvents.None) continue;
            var frame = Read() ?? throw new CrunException(ErrorKind.System, "the container's supervisor was killed");
            switch (frame.Type)
            {
                case FrameType.Output:
                    if (!FileDescriptor.WriteAll(output, frame.Data.Span)) return NobodyReads;
                    break;
                case FrameType.Error:
                    if (!FileDescriptor.WriteAll(error, frame.Data.Span)) return NobodyReads;
                    break;
                case FrameType.Failed:
                    throw FailureOf(frame.Data.Span);
                case FrameType.Exited:
                    return BinaryPrimitives.ReadInt32LittleEndian(frame.Data.Span);
            }
        }
    }

    /// <summary>Waits until the program has ended; its exit code, or null when the supervisor was killed.</summary>
    public int? WaitForEnd()
    {
        while (Read() is { } frame)
        {
            if (frame.Type == FrameType.Exited) return BinaryPrimitives.ReadInt32LittleEndian(frame.Data.Span);
        }
        return null;
    }

    /// <summary>Tells the terminal's size.</summary>
    public void Resize(TerminalSize size)
    {
        Span<byte> data = stackalloc byte[4];
        BinaryPrimitives.WriteUInt16LittleEndian(data, size.Rows);
        BinaryPrimitives.WriteUInt16LittleEndian(data[2..], size.Columns);
        Send(FrameType.Resize, data);
    }

    /// <summary>Sends the program a signal.</summary>
    public void Signal(int number)
    {
        Span<byte> data = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(data, number);
        Send(FrameType.Signal, data);
    }

    /// <summary>Asks for what the program writes from now on.</summary>
    internal void Watch() => Send(FrameType.Watch, []);

    /// <summary>Tells the supervisor which container it is to start.</summary>
    internal void Start(string id) => Send(FrameType.Start, Encoding.ASCII.GetBytes(id));

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();

    private void Send(FrameType type, ReadOnlySpan<byte> data)
    {
        Span<byte> header = stackalloc byte[Frame.HeaderSize];
        Frame.WriteHeader(header, type, data.Length);
        // Signals come from another thread.
        lock (_sending)
        {
            if (FileDescriptor.WriteAll(socket, header)) FileDescriptor.WriteAll(socket, data);
        }
    }

    private (FrameType Type, ReadOnlyMemory<byte> Data)? Read()
    {
        if (!FileDescriptor.ReadAll(socket, _frame.AsSpan(0, Frame.HeaderSize))
            || !Frame.TryReadHeader(_frame, out var type, out var length)
            || !FileDescriptor.ReadAll(socket, _frame.AsSpan(Frame.HeaderSize, length))) return null;
        return (type, _frame.AsMemory(Frame.HeaderSize, length));
    }

    private static CrunException FailureOf(ReadOnlySpan<byte> data) =>
        new((ErrorKind)BinaryPrimitives.ReadInt32LittleEndian(data), Encoding.UTF8.GetString(data[4..]));
}
