using System.Security.Cryptography;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>
/// Reads another stream and makes sure that its bytes are those that were promised: the check is in the stream, so that
/// no reader can forget it. What comes after the promised size is never handed on; the end is an error unless all is right.
/// </summary>
public sealed class VerifyingStream : ReadStream
{
    private readonly Stream _source;
    private readonly Digest? _digest;
    private readonly long? _size;
    private readonly string _what;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly bool _leaveOpen;

    /// <summary>Starts to read <paramref name="source"/>.</summary>
    /// <param name="source">The stream.</param>
    /// <param name="digest">The digest that it must have; null to find out.</param>
    /// <param name="size">The size that it must have, in bytes; null to find out.</param>
    /// <param name="what">What it is, for the error: <c>layer sha256:…</c>.</param>
    /// <param name="leaveOpen">Whether the source stays open when this stream is disposed.</param>
    public VerifyingStream(Stream source, Digest? digest, long? size, string what, bool leaveOpen = false) =>
        (_source, _digest, _size, _what, _leaveOpen) = (source, digest, size, what, leaveOpen);

    /// <summary>How many bytes were read.</summary>
    public long Count { get; private set; }

    /// <summary>The digest of all bytes; empty until the end was reached.</summary>
    public Digest Actual { get; private set; }

    /// <summary>Reads; 0 at the end, when digest and size were right.</summary>
    /// <exception cref="CrunException">There are more or fewer bytes than promised, or others.</exception>
    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty || !Actual.IsEmpty) return 0;
        var count = _source.Read(buffer);
        if (count == 0)
        {
            Verify();
            return 0;
        }
        Count += count;
        if (Count > _size) throw CrunException.Integrity($"it has more than the {_size} bytes that were promised", _what);
        _hash.AppendData(buffer[..count]);
        return count;
    }

    /// <summary>Reads what is left, so that the check is made.</summary>
    public void ReadToEnd()
    {
        var buffer = new byte[64 * 1024];
        while (Read(buffer) > 0)
        {
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
            if (!_leaveOpen) _source.Dispose();
        }
        base.Dispose(disposing);
    }

    private void Verify()
    {
        if (_size is { } size && Count != size) throw CrunException.Integrity($"it has {Count} bytes where {size} were promised", _what);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        _hash.GetHashAndReset(hash);
        Actual = Digest.FromHash(hash);
        if (_digest is { } digest && digest != Actual) throw CrunException.Integrity($"its digest is {Actual} where {digest} was promised", _what);
    }
}

/// <summary>Hashes what is written, and hands it on to another stream if there is one.</summary>
internal sealed class HashingSink(Stream? output = null) : WriteStream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public Digest Finish() => Digest.FromHash(_hash.GetHashAndReset());

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _hash.AppendData(buffer);
        output?.Write(buffer);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _hash.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>Passes on what is written until it is cancelled.</summary>
internal sealed class CancellableSink(Stream output, CancellationToken cancellationToken) : WriteStream
{
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        cancellationToken.ThrowIfCancellationRequested();
        output.Write(buffer);
    }
}
