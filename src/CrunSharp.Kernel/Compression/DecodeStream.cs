using System.Runtime.InteropServices;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Compression;

/// <summary>A stream that reads compressed bytes from another and gives what they stand for.</summary>
/// <remarks>Concatenated frames are read one after the other. A stream that ends within a frame is an error.</remarks>
public abstract unsafe class DecodeStream : ReadStream
{
    private const int InputSize = 128 * 1024;
    private readonly Stream _source;
    private readonly string _format;
    private byte* _input;
    private int _at;
    private int _end;
    private bool _sourceEnded;
    private bool _done;

    private protected DecodeStream(Stream source, string format)
    {
        (_source, _format) = (source, format);
        _input = (byte*)NativeMemory.Alloc(InputSize);
    }

    /// <summary>Reads decoded bytes; 0 at the end.</summary>
    /// <exception cref="CrunException">The compressed bytes are damaged or cut off.</exception>
    public override int Read(Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_input is null, this);
        if (buffer.IsEmpty) return 0;
        fixed (byte* output = buffer)
        {
            while (!_done)
            {
                if (_at == _end && !_sourceEnded)
                {
                    _at = 0;
                    _end = _source.Read(new Span<byte>(_input, InputSize));
                    _sourceEnded = _end == 0;
                }
                var step = Decode(_input + _at, _end - _at, output, buffer.Length, _sourceEnded);
                _at += step.Consumed;
                _done = step.Finished;
                if (step.Produced > 0) return step.Produced;
                if (!_done && _sourceEnded && step.Consumed == 0) throw Damaged("the stream is cut off");
            }
        }
        return 0;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (_input is not null)
        {
            Free();
            NativeMemory.Free(_input);
            _input = null;
            if (disposing) _source.Dispose();
        }
        base.Dispose(disposing);
    }

    private protected abstract DecodeStep Decode(byte* input, int length, byte* output, int room, bool isEnd);

    private protected abstract void Free();

    private protected CrunException Damaged(string reason) => CrunException.Integrity(reason, $"decompress {_format}");

    private protected static T Loaded<T>(string library, Func<T> first)
    {
        try
        {
            return first();
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
        {
            throw CrunException.Unsupported($"{library} is not on this host");
        }
    }
}

/// <summary>What one step of a decoder did.</summary>
internal readonly record struct DecodeStep(int Consumed, int Produced, bool Finished);
