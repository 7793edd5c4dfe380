using System.Runtime.InteropServices;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Compression;

/// <summary>Decodes xz and the older lzma with the system's liblzma, which is loaded when the first such stream is opened.</summary>
/// <seealso href="https://tukaani.org/xz/liblzma-api/"/>
public sealed unsafe partial class XzDecodeStream : DecodeStream
{
    private const string Library = "liblzma.so.5";
    private const uint LZMA_CONCATENATED = 8;
    private const int LZMA_OK = 0, LZMA_STREAM_END = 1, LZMA_MEMLIMIT_ERROR = 6, LZMA_BUF_ERROR = 10;
    private const int LZMA_RUN = 0, LZMA_FINISH = 3;
    private const ulong MostMemory = 256UL << 20;
    private State* _state;

    /// <summary>Starts to decode <paramref name="source"/>, which is disposed with this stream.</summary>
    /// <exception cref="CrunException">liblzma is not on this host.</exception>
    public XzDecodeStream(Stream source) : base(source, "xz")
    {
        _state = (State*)NativeMemory.AllocZeroed((nuint)sizeof(State));
        var state = (nint)_state;
        var code = Loaded(Library, () => lzma_auto_decoder((State*)state, MostMemory, LZMA_CONCATENATED));
        if (code != LZMA_OK) throw Damaged($"liblzma's error {code}");
    }

    private protected override DecodeStep Decode(byte* input, int length, byte* output, int room, bool isEnd)
    {
        (_state->next_in, _state->avail_in) = ((nint)input, (nuint)length);
        (_state->next_out, _state->avail_out) = ((nint)output, (nuint)room);
        var code = lzma_code(_state, isEnd ? LZMA_FINISH : LZMA_RUN);
        if (code is not (LZMA_OK or LZMA_STREAM_END or LZMA_BUF_ERROR))
            throw Damaged(code == LZMA_MEMLIMIT_ERROR ? $"decoding needs more than {MostMemory >> 20} MiB of memory" : $"liblzma's error {code}");
        return new DecodeStep(length - (int)_state->avail_in, room - (int)_state->avail_out, code == LZMA_STREAM_END);
    }

    private protected override void Free()
    {
        if (_state is null) return;
        if (_state->internal_ != 0) lzma_end(_state);
        NativeMemory.Free(_state);
        _state = null;
    }

#pragma warning disable CS0649 // the library sets them
    // lzma_stream; that it decodes is the proof of its layout, as the header is seldom installed.
    private struct State
    {
        public nint next_in;
        public nuint avail_in;
        public ulong total_in;
        public nint next_out;
        public nuint avail_out;
        public ulong total_out;
        public nint allocator;
        public nint internal_;
        public fixed ulong reserved[9];
    }
#pragma warning restore CS0649

    [LibraryImport(Library)]
    private static partial int lzma_auto_decoder(State* state, ulong memlimit, uint flags);

    [LibraryImport(Library)]
    private static partial int lzma_code(State* state, int action);

    [LibraryImport(Library)]
    private static partial void lzma_end(State* state);
}
