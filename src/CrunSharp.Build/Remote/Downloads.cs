using System.Collections.Concurrent;
using System.Text;
using CrunSharp.Build.Progress;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Oci.Json;
using CrunSharp.Registry;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;
using static CrunSharp.Oci.Json.JsonKind;

namespace CrunSharp.Build.Remote;

/// <summary>A file that is here.</summary>
/// <param name="Content">The digest of its content: its name in <paramref name="Directory"/> in hex.</param>
/// <param name="Modified">When it last changed, as its server says; 1970 when it does not say.</param>
/// <param name="Directory">Where it is until the build's end.</param>
internal sealed record Download(Digest Content, FileTime Modified, SafeFileHandle Directory);

/// <summary>
/// Files that ADD fetches. They stay beside the build cache with what tells their version, so that what did not change is
/// not fetched again.
/// </summary>
/// <remarks>A file has its name only when it is whole, and its record comes after it; either may go at any time.</remarks>
internal sealed class Downloads(Store store, SafeFileHandle folder) : IDisposable
{
    private const int MostRecordBytes = 16 * 1024;
    private const string RecordSuffix = ".json";

    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, Lazy<Task<Record>>> _fetched = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Record> _found = new(StringComparer.Ordinal);
    private readonly WebClient _client = new(new RegistryOptions { MostAttempts = 4 });
    private LayerDraft? _draft;

    /// <summary>The most bytes that a file may have.</summary>
    public long MostBytes { get; init; } = 16L << 30;

    /// <summary>Fetches a file, unless it is here and its server says that it did not change.</summary>
    /// <param name="address">Its address.</param>
    /// <param name="expected">The digest that it must have: what is here with it needs no question.</param>
    /// <param name="fetching">Is told when its content has to come.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="CrunException">It cannot be had, or has another digest.</exception>
    public async Task<Download> GetAsync(Uri address, Digest? expected, Func<IDisposable> fetching, CancellationToken cancellationToken)
    {
        // What this build knows already needs no further question; the same address of two stages is fetched once.
        var held = expected is { } wanted && _found.TryGetValue($"{address.OriginalString} {wanted}", out var found) ? found : null;
        var record = held ?? await _fetched.GetOrAdd($"{address.OriginalString} {expected}", _ => new(() => GetRecordAsync(address, expected, fetching, cancellationToken)))
            .Value.ConfigureAwait(false);
        if (expected is { } digest && record.Content != digest)
            throw CrunException.Integrity($"digest mismatch for {WebAddress.Redact(address.OriginalString)}: {record.Content} (expected: {digest})");
        _found.TryAdd($"{address.OriginalString} {record.Content}", record);
        return new Download(record.Content, record.Modified is { } time ? new FileTime(time.ToUnixTimeSeconds(), 0) : default, Draft().Directory);
    }

    /// <summary>Closes connections, and gives up what the build held.</summary>
    public void Dispose()
    {
        _client.Dispose();
        _draft?.Dispose();
    }

    private async Task<Record> GetRecordAsync(Uri address, Digest? expected, Func<IDisposable> fetching, CancellationToken cancellationToken)
    {
        var name = Digest.Of(Encoding.UTF8.GetBytes(address.OriginalString)).Hex + RecordSuffix;
        var known = TryRead(name);
        var isHeld = known is not null && TryHold(known);
        if (isHeld && expected == known!.Content) return known;
        using var file = FileAt.Open(folder, ".", OpenFlags.O_RDWR | OpenFlags.O_TMPFILE, 0x180);
        await using var target = new FileStream(new SafeFileHandle(file.DangerousGetHandle(), ownsHandle: false), FileAccess.Write, 0);
        using var shown = fetching();
        var fetched = await FetchingStep.WatchAsync(shown, () => _client.FetchAsync(address, isHeld && known!.Version.IsKnown ? known.Version : null, target, MostBytes, cancellationToken)).ConfigureAwait(false);
        if (fetched is null) return known!;

        var record = new Record { Content = fetched.Content, Size = fetched.Size, ETag = fetched.Version.ETag, LastModified = fetched.Version.LastModified };
        if (!FileAt.TryPublish(file, Draft().Directory, record.Content.Hex) && FileAt.TryStatus(Draft().Directory, record.Content.Hex) is null)
            throw CrunException.WrongState($"{record.Content}: the download is gone");
        Keep(name, record, known);
        return record;
    }

    // The build has its own name for the content: a cache that is emptied meanwhile takes nothing from it.
    private bool TryHold(Record record)
    {
        var (draft, name) = (Draft().Directory, record.Content.Hex);
        if (FileAt.TryStatus(draft, name) is not null) return true;
        // A power cut may have left a name without its content.
        if (FileAt.TryStatus(folder, name) is not { Kind: FileKind.Regular } there || there.Size != record.Size) return false;
        try
        {
            FileAt.Link(folder, name, draft, name);
            return true;
        }
        catch (CrunException error) when (error.Errno is Errno.ENOENT or Errno.EEXIST)
        {
            return error.Errno == Errno.EEXIST;
        }
    }

    private void Keep(string name, Record record, Record? before)
    {
        if (FileAt.TryStatus(folder, record.Content.Hex) is { } there && there.Size != record.Size) FileAt.Remove(folder, record.Content.Hex);
        try
        {
            FileAt.Link(Draft().Directory, record.Content.Hex, folder, record.Content.Hex);
        }
        catch (CrunException error) when (error.Errno == Errno.EEXIST)
        {
            // Another address has the same content.
        }
        AtomicFile.Write(folder, name, RecordJson.Format(record));
        // If another address has it still, it is fetched for that again.
        if (before is not null && before.Content != record.Content) FileAt.Remove(folder, before.Content.Hex);
    }

    private Record? TryRead(string name)
    {
        try
        {
            return AtomicFile.TryRead(folder, name, MostRecordBytes) is { Length: > 0 } json ? RecordJson.Parse(json, "record") : null;
        }
        catch (CrunException)
        {
            return null;
        }
    }

    private LayerDraft Draft()
    {
        lock (_lock) return _draft ??= store.Layers.Begin();
    }

    private static JsonRecord<Record> RecordJson { get; } = new JsonRecord<Record>(new Record())
        .Required("content", ImageParts.Digest, static r => r.Content, static (r, v) => r with { Content = v })
        .Required("size", Long, static r => r.Size, static (r, v) => r with { Size = v })
        .Optional("etag", Text, static r => r.ETag, static (r, v) => r with { ETag = v })
        .Optional("lastModified", Text, static r => r.LastModified, static (r, v) => r with { LastModified = v });

    private sealed record Record
    {
        public Digest Content { get; init; }

        public long Size { get; init; }

        public string? ETag { get; init; }

        public string? LastModified { get; init; }

        public WebVersion Version => new(ETag, LastModified);

        public DateTimeOffset? Modified => Version.Modified;
    }
}
