using System.Runtime.InteropServices;

namespace CrunSharp.Kernel.Compression;

/// <summary>Decodes zstd with the system's libzstd, which is loaded when the first such stream is opened.</summary>
/// <seealso href="https://facebook.github.io/zstd/zstd_manual.html"/>
public sealed unsafe partial class ZstdDecodeStream : DecodeStream
{
    private const string Library = "libzstd.so.1";
    private nint _context;
    private bool _betweenFrames = true;

    /// <summary>Starts to decode <paramref name="source"/>, which is disposed with this stream.</summary>
    /// <exception cref="Oci.CrunException">libzstd is not on this host.</exception>
    public ZstdDecodeStream(Stream source) : base(source, "zstd") => _context = Loaded(Library, ZSTD_createDStream);

    private protected override DecodeStep Decode(byte* input, int length, byte* output, int room, bool isEnd)
    {
        if (isEnd && length == 0 && _betweenFrames) return new DecodeStep(0, 0, true);
        var from = new Buffer { Start = input, Size = (nuint)length };
        var to = new Buffer { Start = output, Size = (nuint)room };
        var hint = ZSTD_decompressStream(_context, &to, &from);
        if (ZSTD_isError(hint) != 0) throw Damaged(Marshal.PtrToStringUTF8(ZSTD_getErrorName(hint)) ?? "damaged");
        _betweenFrames = hint == 0;
        return new DecodeStep((int)from.Position, (int)to.Position, false);
    }

    private protected override void Free()
    {
        if (_context != 0) ZSTD_freeDStream(_context);
        _context = 0;
    }

    // ZSTD_inBuffer and ZSTD_outBuffer have the same layout.
    private struct Buffer
    {
        public byte* Start;
        public nuint Size;
        public nuint Position;
    }

    [LibraryImport(Library)]
    private static partial nint ZSTD_createDStream();

    [LibraryImport(Library)]
    private static partial nuint ZSTD_freeDStream(nint context);

    [LibraryImport(Library)]
    private static partial nuint ZSTD_decompressStream(nint context, Buffer* output, Buffer* input);

    [LibraryImport(Library)]
    private static partial uint ZSTD_isError(nuint code);

    [LibraryImport(Library)]
    private static partial nint ZSTD_getErrorName(nuint code);
}
