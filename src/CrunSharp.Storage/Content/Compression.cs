using System.IO.Compression;
using CrunSharp.Kernel.Compression;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>How bytes are compressed.</summary>
public enum CompressionKind
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>gzip.</summary>
    Gzip,

    /// <summary>zstd.</summary>
    Zstd,

    /// <summary>xz.</summary>
    Xz,

    /// <summary>bzip2.</summary>
    Bzip2,
}

/// <summary>Finds out by the first bytes how a stream is compressed, and decodes it. Media types and names are not asked.</summary>
public static class Compression
{
    private const int MagicSize = 6;

    private static ReadOnlySpan<byte> GzipMagic => [0x1f, 0x8b];

    private static ReadOnlySpan<byte> ZstdMagic => [0x28, 0xb5, 0x2f, 0xfd];

    private static ReadOnlySpan<byte> ZstdSkippableMagic => [0x2a, 0x4d, 0x18];

    private static ReadOnlySpan<byte> XzMagic => [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0];

    /// <summary>How bytes that begin so are compressed.</summary>
    public static CompressionKind Detect(ReadOnlySpan<byte> start) =>
        start.StartsWith(GzipMagic) ? CompressionKind.Gzip
        : start.StartsWith(ZstdMagic) ? CompressionKind.Zstd
        : start.Length >= 4 && (start[0] & 0xf0) == 0x50 && start[1..4].SequenceEqual(ZstdSkippableMagic) ? CompressionKind.Zstd
        : start.StartsWith(XzMagic) ? CompressionKind.Xz
        : start.StartsWith("BZh"u8) ? CompressionKind.Bzip2
        : CompressionKind.None;

    /// <summary>The decoded bytes of a stream, which is disposed with the result.</summary>
    /// <exception cref="CrunException">The decoder's library is not on this host.</exception>
    public static Stream Open(Stream source) => Open(source, out _);

    /// <summary>The decoded bytes of a stream, which is disposed with the result.</summary>
    /// <exception cref="CrunException">The decoder's library is not on this host.</exception>
    public static Stream Open(Stream source, out CompressionKind kind)
    {
        var start = new byte[MagicSize];
        var length = source.ReadAtLeast(start, MagicSize, throwOnEndOfStream: false);
        kind = Detect(start.AsSpan(0, length));
        var whole = new StartedStream(start.AsMemory(0, length), source);
        return kind switch
        {
            CompressionKind.Gzip => new GzipDecodeStream(whole),
            CompressionKind.Zstd => new ZstdDecodeStream(whole),
            CompressionKind.Xz => new XzDecodeStream(whole),
            CompressionKind.Bzip2 => new Bzip2DecodeStream(whole),
            _ => whole,
        };
    }

    /// <summary>.NET's decoder, with our error.</summary>
    private sealed class GzipDecodeStream(Stream source) : ReadStream
    {
        private readonly GZipStream _gzip = new(source, CompressionMode.Decompress);

        public override int Read(Span<byte> buffer)
        {
            try
            {
                return _gzip.Read(buffer);
            }
            catch (InvalidDataException error)
            {
                throw CrunException.Integrity("the stream is damaged or cut off", "decompress gzip", error);
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) _gzip.Dispose();
            base.Dispose(disposing);
        }
    }
}
