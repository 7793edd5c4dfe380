using System.Runtime.InteropServices;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Compression;

/// <summary>Compresses with the system's libzstd, which is loaded at the first use. The same version gives the same bytes each time.</summary>
/// <seealso href="https://facebook.github.io/zstd/zstd_manual.html"/>
public static unsafe partial class ZstdFrame
{
    /// <summary>The highest level; the lowest is 1.</summary>
    public const int MostLevel = 22;

    private const string Library = "libzstd.so.1";

    /// <summary>How many bytes a frame has at most.</summary>
    /// <param name="length">How many bytes are in it.</param>
    /// <exception cref="CrunException">libzstd is not on this host.</exception>
    public static int Bound(int length)
    {
        try
        {
            return checked((int)ZSTD_compressBound((nuint)length));
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
        {
            throw CrunException.Unsupported($"{Library} is not on this host", "compress zstd");
        }
    }

    /// <summary>Compresses bytes into a frame of their own.</summary>
    /// <param name="content">The bytes.</param>
    /// <param name="output">Where to; <see cref="Bound"/> bytes are always enough.</param>
    /// <param name="level">From 1 to <see cref="MostLevel"/>.</param>
    /// <returns>How many bytes the frame has.</returns>
    /// <exception cref="CrunException">There is not enough memory.</exception>
    public static int Compress(ReadOnlySpan<byte> content, Span<byte> output, int level)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(level, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(level, MostLevel);
        fixed (byte* from = content)
        fixed (byte* to = output)
        {
            var length = ZSTD_compress(to, (nuint)output.Length, from, (nuint)content.Length, level);
            return ZSTD_isError(length) == 0 ? (int)length
                : throw new CrunException(ErrorKind.System, Marshal.PtrToStringUTF8(ZSTD_getErrorName(length)) ?? "failed", "compress zstd");
        }
    }

    [LibraryImport(Library)]
    private static partial nuint ZSTD_compressBound(nuint length);

    [LibraryImport(Library)]
    private static partial nuint ZSTD_compress(byte* output, nuint room, byte* content, nuint length, int level);

    [LibraryImport(Library)]
    private static partial uint ZSTD_isError(nuint code);

    [LibraryImport(Library)]
    private static partial nint ZSTD_getErrorName(nuint code);
}
