using CrunSharp.Oci;
using static CrunSharp.Registry.Tests.Content;

namespace CrunSharp.Registry.Tests;

public sealed class BlobReadTests : RegistryFixture
{
    private static readonly byte[] Blob = Bytes(200_000);


    private async Task<byte[]> ReadAsync(ScriptedServer server, RegistryOptions? options = null, BlobOptions? how = null, byte[]? promised = null)
    {
        using var client = new RegistryClient(server.Host, options ?? Options);
        return await ReadAllAsync(await client.Repository("web").Blobs.OpenAsync(Descriptor(promised ?? Blob), how, default));
    }

    [Test]
    public async Task A_blob_is_read_whole_and_its_progress_told()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok(Blob));
        var told = 0;
        Assert.That(await ReadAsync(server, how: new BlobOptions { Progress = count => told += count }), Is.EqualTo(Blob));
        Assert.That((told, server.Lines), Is.EqualTo((Blob.Length, new[] { $"GET /v2/web/blobs/{Digest.Of(Blob)}" })));
    }

    [Test]
    public async Task A_blob_can_be_read_by_a_thread_that_blocks()
    {
        await using var server = new ScriptedServer(static (_, number) => number == 0 ? Reply.Ok(Blob).CutAt(70_000) : Range(70_000));
        using var client = new RegistryClient(server.Host, Options);
        await using var stream = await client.Repository("web").Blobs.OpenAsync(Descriptor(Blob), null, default);
        using var all = new MemoryStream();
        stream.CopyTo(all);
        Assert.That(all.ToArray(), Is.EqualTo(Blob));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_download_that_was_cut_goes_on_at_its_byte(bool reset)
    {
        await using var server = new ScriptedServer((request, number) => number switch
        {
            0 => Reply.Raw(["HTTP/1.1 200 OK", "ETag: \"e1\"", $"Content-Length: {Blob.Length}"], Blob).CutAt(70_000, reset),
            1 => Range(From(request)).CutAt(50_000, reset),
            _ => Range(From(request)),
        });
        var told = 0;
        Assert.That(await ReadAsync(server, how: new BlobOptions { Progress = count => told += count }), Is.EqualTo(Blob));
        Assert.That(told, Is.EqualTo(Blob.Length));
        Assert.That(server.Seen[1].Header("If-Range"), Is.EqualTo("\"e1\""));
        if (!reset) Assert.That(server.Seen.Select(static request => request.Header("Range")), Is.EqualTo(new[] { null, "bytes=70000-", "bytes=120000-" }));
    }

    [Test]
    public async Task A_server_that_ignores_the_range_is_read_from_the_start_without_repeating_bytes()
    {
        await using var server = new ScriptedServer(static (_, number) => number == 0 ? Reply.Ok(Blob).CutAt(70_000) : Reply.Ok(Blob));
        Assert.That(await ReadAsync(server), Is.EqualTo(Blob));
    }

    [Test]
    public async Task A_range_that_a_server_cannot_satisfy_is_read_from_the_start()
    {
        await using var server = new ScriptedServer(static (_, number) => number switch { 0 => Reply.Ok(Blob).CutAt(70_000), 1 => Reply.Empty(416), _ => Reply.Ok(Blob) });
        Assert.That(await ReadAsync(server), Is.EqualTo(Blob));
        Assert.That(server.Seen[2].Header("Range"), Is.Null);
    }

    [TestCase("bytes 60000-199999/200000")]
    [TestCase("bytes 70000-199999/200001")]
    [TestCase("lines 70000-199999/200000")]
    [TestCase("nonsense")]
    public async Task A_part_that_is_not_the_one_that_was_asked_for_is_refused(string range)
    {
        await using var server = new ScriptedServer((_, number) =>
            number == 0 ? Reply.Ok(Blob).CutAt(70_000) : Reply.Of(206, Blob[70_000..], $"Content-Range: {range}"));
        Assert.That((await FailureAsync(() => ReadAsync(server))).Message, Does.Contain("where bytes from 70000 of 200000 were asked for"));
    }

    [Test]
    public async Task A_stalled_download_goes_on_over_another_connection()
    {
        await using var server = new ScriptedServer(static (request, number) => number == 0 ? Reply.Ok(Blob).StallAt(70_000) : Range(From(request)));
        var options = new RegistryOptions { StallTimeout = TimeSpan.FromMilliseconds(300), Note = Notes.Add };
        Assert.That(await ReadAsync(server, options), Is.EqualTo(Blob));
        Assert.That(Notes, Has.Some.Contains("at byte 70000: nothing was received for 0.3 s"));
    }

    [Test]
    public async Task A_trickle_is_no_progress()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok(Blob).StallAt(10) with
        {
            After = static async (stream, stop) =>
            {
                for (; ; await Task.Delay(50, stop)) await stream.WriteAsync(new byte[1], stop);
            },
        });
        var options = new RegistryOptions { StallTimeout = TimeSpan.FromMilliseconds(500), MostAttempts = 1 };
        Assert.That((await FailureAsync(() => ReadAsync(server, options))).Message, Does.Match("only [0-9]+ bytes were received in"));
    }

    [Test]
    public async Task A_download_that_is_always_cut_at_the_same_byte_ends()
    {
        await using var server = new ScriptedServer(static (request, _) => From(request) == 0 ? Reply.Ok(Blob).CutAt(70_000) : Range(From(request)).CutAt(0));
        Assert.That((await FailureAsync(() => ReadAsync(server))).Message,
            Is.EqualTo($"blob {Digest.Of(Blob)} of {server.Host}/web from {server.Host} at byte 70000: the connection was closed before the end of the answer"));
        Assert.That(server.Seen, Has.Count.EqualTo(6));
    }

    [Test]
    public async Task Wrong_bytes_are_an_error_at_the_end()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok(Bytes(200_000, 2)));
        var error = await FailureAsync(() => ReadAsync(server));
        Assert.That((error.Kind, error.Message), Is.EqualTo((ErrorKind.Integrity,
            $"blob {Digest.Of(Blob)} of {server.Host}/web: its digest is {Digest.Of(Bytes(200_000, 2))} where {Digest.Of(Blob)} was promised (from {server.Host})")));
        Assert.That(server.Seen, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_reader_may_make_the_digest_itself_and_begin_in_the_middle()
    {
        await using var server = new ScriptedServer(static (request, _) => Range(From(request)));
        var tail = await ReadAsync(server, how: new BlobOptions { From = 150_000, LeavesDigestToReader = true });
        Assert.That(tail, Is.EqualTo(Blob[150_000..]));
    }

    [TestCase(199_999)]
    [TestCase(200_001)]
    public async Task A_wrong_length_is_refused_at_once(int length)
    {
        await using var server = new ScriptedServer((_, _) => Reply.Ok(Bytes(length)));
        Assert.That((await FailureAsync(() => ReadAsync(server))).Message, Does.Contain($"it has {length} bytes where 200000 were promised"));
    }

    [Test]
    public async Task An_endless_body_without_a_length_ends_at_its_promised_size()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Raw(["HTTP/1.1 200 OK", "Connection: close"], Blob) with
        {
            Closes = true,
            After = static async (stream, stop) =>
            {
                while (true) await stream.WriteAsync(new byte[65536], stop);
            },
        });
        Assert.That((await FailureAsync(() => ReadAsync(server))).Message, Does.Contain("it has more than the 200000 bytes that were promised"));
    }

    [Test]
    public async Task Chunks_without_a_length_are_read()
    {
        byte[] chunked = [.. "30d40\r\n"u8, .. Blob, .. "\r\n0\r\n\r\n"u8];
        await using var server = new ScriptedServer((_, _) => Reply.Raw(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"], chunked));
        Assert.That(await ReadAsync(server), Is.EqualTo(Blob));
    }

    [Test]
    public async Task An_empty_blob_is_read()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok());
        Assert.That(await ReadAsync(server, promised: []), Is.Empty);
    }

    [Test]
    public async Task A_small_blob_is_read_at_once_but_not_a_large_one()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok(Blob));
        using var client = new RegistryClient(server.Host, Options);
        var blobs = client.Repository("web").Blobs;
        Assert.That(await blobs.ReadAsync(Descriptor(Blob), 200_000, default), Is.EqualTo(Blob));
        Assert.That((await FailureAsync(() => blobs.ReadAsync(Descriptor(Blob), 199_999, default))).Message, Does.Contain("at most 199999 are allowed"));
    }

    [Test]
    public async Task A_caller_who_cancels_does_not_wait()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok(Blob).StallAt(10));
        using var client = new RegistryClient(server.Host, Options);
        using var cancel = new CancellationTokenSource();
        await using var stream = await client.Repository("web").Blobs.OpenAsync(Descriptor(Blob), null, cancel.Token);
        var read = ReadAllAsync(stream);
        await cancel.CancelAsync();
        Assert.That(async () => await read, Throws.InstanceOf<OperationCanceledException>());
    }

    private static int From(SeenRequest request) => request.Header("Range") is { } range ? int.Parse(range["bytes=".Length..^1]) : 0;

    private static Reply Range(int from) => Reply.Of(206, Blob[from..], $"Content-Range: bytes {from}-{Blob.Length - 1}/{Blob.Length}");
}
