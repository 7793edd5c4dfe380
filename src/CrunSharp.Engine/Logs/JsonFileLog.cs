using System.Buffers;
using System.Globalization;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Engine.Logs;

/// <summary>
/// A container's log as Docker writes it: a line of JSON for each line of output, in
/// <c>{"log":"text\n","stream":"stdout","time":"2026-01-02T03:04:05.678Z"}</c>; longer lines are cut at 16 KiB.
/// </summary>
internal sealed class JsonFileLog : IDisposable
{
    private const int MostBytes = 16 * 1024;

    private readonly SafeFileHandle _file;
    private readonly TimeProvider _time;
    private readonly ArrayBufferWriter<byte> _line = new(512);
    private readonly Partial _output = new("stdout");
    private readonly Partial _error = new("stderr");

    /// <summary>Opens a log to append to it.</summary>
    public JsonFileLog(SafeFileHandle directory, string name, TimeProvider time)
    {
        _file = FileAt.Open(directory, name, OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_APPEND | OpenFlags.O_NOFOLLOW, 0x1a0);
        _time = time;
    }

    /// <summary>Appends output; what is no whole line yet waits for its rest.</summary>
    public void Append(bool isError, ReadOnlySpan<byte> data)
    {
        var partial = isError ? _error : _output;
        while (data.Length > 0)
        {
            var end = data.IndexOf((byte)'\n');
            var take = Math.Min(end < 0 ? data.Length : end + 1, MostBytes - partial.Text.WrittenCount);
            partial.Text.Write(data[..take]);
            data = data[take..];
            if (partial.Text.WrittenSpan[^1] == '\n' || partial.Text.WrittenCount == MostBytes) Write(partial);
        }
        WriteOut();
    }

    /// <summary>Writes what waits for its rest.</summary>
    public void End()
    {
        if (_output.Text.WrittenCount > 0) Write(_output);
        if (_error.Text.WrittenCount > 0) Write(_error);
        WriteOut();
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private void WriteOut()
    {
        // One write for all lines that are whole: a reader never sees half of one.
        if (_line.WrittenCount > 0) FileDescriptor.WriteAll(_file, _line.WrittenSpan);
        _line.ResetWrittenCount();
    }

    private void Write(Partial partial)
    {
        _line.Write("{\"log\":\""u8);
        WriteEscaped(partial.Text.WrittenSpan);
        _line.Write("\",\"stream\":\""u8);
        _line.Write(partial.Stream);
        _line.Write("\",\"time\":\""u8);
        Span<byte> time = stackalloc byte[32];
        _time.GetUtcNow().TryFormat(time, out var length, "yyyy-MM-ddTHH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture);
        _line.Write(time[..length]);
        _line.Write("Z\"}\n"u8);
        partial.Text.ResetWrittenCount();
    }

    // As Docker's encoder does: what HTML could mistake is escaped as well, and bytes that are no UTF-8 are replaced.
    private void WriteEscaped(ReadOnlySpan<byte> text)
    {
        Span<byte> escape = stackalloc byte[6];
        while (text.Length > 0)
        {
            var plain = text.IndexOfAnyExcept(Plain);
            if (plain < 0) plain = text.Length;
            _line.Write(text[..plain]);
            text = text[plain..];
            if (text.Length == 0) return;
            if (text[0] >= 0x80)
            {
                var isValid = Rune.DecodeFromUtf8(text, out var rune, out var used) == OperationStatus.Done;
                if (isValid && rune.Value is not (0x2028 or 0x2029)) _line.Write(text[..used]);
                else if (isValid) _line.Write(rune.Value == 0x2028 ? "\\u2028"u8 : "\\u2029"u8);
                else _line.Write("\\ufffd"u8);
                text = text[used..];
                continue;
            }
            switch (text[0])
            {
                case (byte)'\n': _line.Write("\\n"u8); break;
                case (byte)'\r': _line.Write("\\r"u8); break;
                case (byte)'"': _line.Write("\\\""u8); break;
                case (byte)'\\': _line.Write("\\\\"u8); break;
                default:
                    "\\u00"u8.CopyTo(escape);
                    escape[4] = Digits[text[0] >> 4];
                    escape[5] = Digits[text[0] & 15];
                    _line.Write(escape);
                    break;
            }
            text = text[1..];
        }
    }

    private static ReadOnlySpan<byte> Digits => "0123456789abcdef"u8;

    private static readonly SearchValues<byte> Plain = SearchValues.Create(
        " !#$%'()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~\u007f"u8);

    private sealed class Partial(string stream)
    {
        public byte[] Stream { get; } = Encoding.ASCII.GetBytes(stream);
        public ArrayBufferWriter<byte> Text { get; } = new(256);
    }
}
