using System.Runtime.InteropServices;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Compression;

/// <summary>Decodes bzip2 with the system's libbz2, which is loaded when the first such stream is opened.</summary>
/// <seealso href="https://sourceware.org/bzip2/manual/manual.html"/>
public sealed unsafe partial class Bzip2DecodeStream : DecodeStream
{
    private const string Library = "libbz2.so.1.0";
    private const int BZ_OK = 0, BZ_STREAM_END = 4;
    private State* _state;
    private bool _inFrame;

    /// <summary>Starts to decode <paramref name="source"/>, which is disposed with this stream.</summary>
    /// <exception cref="CrunException">libbz2 is not on this host.</exception>
    public Bzip2DecodeStream(Stream source) : base(source, "bzip2")
    {
        _state = (State*)NativeMemory.AllocZeroed((nuint)sizeof(State));
        Start();
    }

    private protected override DecodeStep Decode(byte* input, int length, byte* output, int room, bool isEnd)
    {
        if (!_inFrame)
        {
            if (length == 0) return new DecodeStep(0, 0, isEnd);
            Start();
        }
        (_state->next_in, _state->avail_in) = ((nint)input, (uint)length);
        (_state->next_out, _state->avail_out) = ((nint)output, (uint)room);
        var code = BZ2_bzDecompress(_state);
        if (code is not (BZ_OK or BZ_STREAM_END)) throw Damaged($"libbz2's error {code}");
        if (code == BZ_STREAM_END) End();
        return new DecodeStep(length - (int)_state->avail_in, room - (int)_state->avail_out, false);
    }

    private protected override void Free()
    {
        if (_state is null) return;
        End();
        NativeMemory.Free(_state);
        _state = null;
    }

    private void Start()
    {
        *_state = default;
        var state = (nint)_state;
        var code = Loaded(Library, () => BZ2_bzDecompressInit((State*)state, 0, 0));
        if (code != BZ_OK) throw Damaged($"libbz2's error {code}");
        _inFrame = true;
    }

    private void End()
    {
        if (_inFrame) _ = BZ2_bzDecompressEnd(_state);
        _inFrame = false;
    }

#pragma warning disable CS0649 // the library sets them
    // bz_stream; that it decodes is the proof of its layout, as the header is seldom installed.
    private struct State
    {
        public nint next_in;
        public uint avail_in;
        public uint total_in_lo32;
        public uint total_in_hi32;
        public nint next_out;
        public uint avail_out;
        public uint total_out_lo32;
        public uint total_out_hi32;
        public nint state;
        public nint bzalloc;
        public nint bzfree;
        public nint opaque;
    }
#pragma warning restore CS0649

    [LibraryImport(Library)]
    private static partial int BZ2_bzDecompressInit(State* state, int verbosity, int small);

    [LibraryImport(Library)]
    private static partial int BZ2_bzDecompress(State* state);

    [LibraryImport(Library)]
    private static partial int BZ2_bzDecompressEnd(State* state);
}
