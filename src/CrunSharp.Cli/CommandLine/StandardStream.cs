using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Cli.CommandLine;

/// <summary>
/// Standard input, output or error as bytes. The runtime's console would start a thread and take signals over for them,
/// and a <see cref="FileStream"/> would write a redirected file at an offset of its own.
/// </summary>
/// <param name="number">0, 1 or 2.</param>
/// <param name="endsQuietly">
/// Whether what is written after the reader has gone is dropped instead of an error: for text. What cannot be written to
/// standard error is dropped whatever the reason, as there is nobody left to tell.
/// </param>
internal sealed class StandardStream(int number, bool endsQuietly = false) : Stream
{
    private static readonly string[] Names = ["standard input", "standard output", "standard error"];
    private readonly SafeFileHandle _file = FileDescriptor.Standard(number);
    private bool _ended;

    public override bool CanRead => number == 0;

    public override bool CanWrite => number != 0;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        for (; ; )
        {
            var count = FileDescriptor.Read(_file, buffer, out var errno);
            if (count >= 0) return count;
            if (errno != Errno.EAGAIN) throw new CrunException(ErrorKind.System, "", $"read {Names[number]}", errno);
            Poll.Wait(_file, PollEvents.POLLIN, null);
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0 && !_ended)
        {
            var count = FileDescriptor.Write(_file, buffer, out var errno);
            if (count >= 0) buffer = buffer[count..];
            else if (errno == Errno.EAGAIN) Poll.Wait(_file, PollEvents.POLLOUT, null);
            else if (endsQuietly && (errno == Errno.EPIPE || number == 2)) _ended = true;
            else throw new CrunException(ErrorKind.System, "", $"write {Names[number]}", errno);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
