using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using static CrunSharp.Registry.Tests.Content;

namespace CrunSharp.Registry.Tests;

public sealed class UploadTests : RegistryFixture
{
    private static readonly byte[] Blob = Bytes(300_000);
    private static readonly string Query = $"digest=sha256%3A{Digest.Of(Blob).Hex}";

    private async Task<PushResult> PushAsync(ScriptedServer server, PushOptions? how = null, Func<CancellationToken, ValueTask<Stream>>? open = null, RegistryOptions? options = null)
    {
        using var client = new RegistryClient(server.Host, options ?? Options);
        return await client.Repository("web").Blobs.PushAsync(Descriptor(Blob), open ?? Opener(Blob), how ?? new PushOptions { IsKnownToBeMissing = true }, default);
    }

    private static Reply Start(SeenRequest request, Func<Reply> then) =>
        request.Method == "POST" ? Reply.Empty(202, "Location: /v2/web/blobs/uploads/1?state=s") : then();

    [Test]
    public async Task A_blob_is_sent_in_one_piece()
    {
        await using var server = new ScriptedServer(static (request, _) => request.Method == "HEAD" ? Reply.Empty(404) : Start(request, static () => Reply.Empty(201)));
        var told = 0L;
        Assert.That((await PushAsync(server, new PushOptions { Progress = count => told += count })).Outcome, Is.EqualTo(PushOutcome.Pushed));
        Assert.That(server.Lines, Is.EqualTo(new[]
        {
            $"HEAD /v2/web/blobs/{Digest.Of(Blob)}", "POST /v2/web/blobs/uploads/", $"PUT /v2/web/blobs/uploads/1?state=s&{Query}",
        }));
        Assert.That(server.Seen[2].Body, Is.EqualTo(Blob));
        Assert.That(server.Seen[2].Header("Content-Type"), Is.EqualTo("application/octet-stream"));
        Assert.That(told, Is.EqualTo(Blob.Length));
    }

    [Test]
    public async Task What_is_there_is_not_sent()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok());
        Assert.That((await PushAsync(server, new PushOptions())).Outcome, Is.EqualTo(PushOutcome.AlreadyExists));
    }

    [Test]
    public async Task What_cannot_be_mounted_is_sent_to_where_the_mount_says()
    {
        await using var server = new ScriptedServer(static (request, _) => Start(request, static () => Reply.Empty(201)));
        await PushAsync(server, new PushOptions { IsKnownToBeMissing = true, MountFrom = ["a/base"] });
        Assert.That(server.Lines, Is.EqualTo(new[] { $"POST /v2/web/blobs/uploads/?mount={Digest.Of(Blob)}&from=a%2Fbase", $"PUT /v2/web/blobs/uploads/1?state=s&{Query}" }));
    }

    [Test]
    public async Task A_repository_that_may_not_be_read_is_not_mounted_from()
    {
        await using var server = new ScriptedServer(static (request, number) =>
            number == 0 ? Reply.Empty(403) : request.Target.Contains("from=b", StringComparison.Ordinal) ? Reply.Empty(201) : Reply.Empty(500));
        Assert.That(await PushAsync(server, new PushOptions { IsKnownToBeMissing = true, MountFrom = ["a", "b"] }), Is.EqualTo(new PushResult(PushOutcome.Mounted, "b")));
    }

    [TestCase(503)]
    [TestCase(404)]
    public async Task A_failed_upload_is_begun_anew(int status)
    {
        await using var server = new ScriptedServer((request, number) => Start(request, () => number == 1 ? Reply.Empty(status) : Reply.Empty(201)));
        var told = new List<long>();
        await PushAsync(server, new PushOptions { IsKnownToBeMissing = true, Progress = told.Add });
        Assert.That(server.Seen.Select(static request => request.Method), Is.EqualTo(new[] { "POST", "PUT", "POST", "PUT" }));
        Assert.That((told.Sum(), told.Contains(-Blob.Length)), Is.EqualTo(((long)Blob.Length, true)));
    }

    [Test]
    public async Task An_upload_whose_connection_breaks_is_begun_anew()
    {
        await using var server = new ScriptedServer(static (request, number) => Start(request, () => number == 1 ? new Reply([]) { Closes = true, Resets = true } : Reply.Empty(201)));
        await PushAsync(server);
        Assert.That(server.Seen, Has.Count.EqualTo(4));
    }

    [Test]
    public async Task A_refused_upload_is_not_repeated()
    {
        await using var server = new ScriptedServer(static (request, _) => Start(request, static () => Reply.Error(400, "SIZE_INVALID", "provided length did not match content length")));
        var error = await FailureAsync(() => PushAsync(server));
        Assert.That(error.Message, Is.EqualTo($"PUT {server.Address}/v2/web/blobs/uploads/1: 400 Some Words: size invalid: provided length did not match content length"));
        Assert.That(server.Seen, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task A_server_that_never_is_well_is_given_up()
    {
        await using var server = new ScriptedServer(static (request, _) => Start(request, static () => Reply.Empty(500)));
        Assert.That((await FailureAsync(() => PushAsync(server))).Message, Does.Contain("500 Some Words"));
        Assert.That(server.Seen, Has.Count.EqualTo(12));
    }

    [Test]
    public async Task What_cannot_be_read_here_is_not_the_servers_fault()
    {
        await using var server = new ScriptedServer(static (request, _) => Start(request, static () => Reply.Empty(201)));
        var error = await FailureAsync(() => PushAsync(server, open: Opener(Blob[..1000])));
        Assert.That(error.Message, Does.Contain("the content to send has 1000 bytes where 300000 were promised"));
        error = await FailureAsync(() => PushAsync(server, open: static _ => throw CrunException.NotFound("no such layer")));
        Assert.That(error.Message, Is.EqualTo("no such layer"));
        Assert.That(Time.Waits, Is.Empty);
    }

    [Test]
    public async Task A_server_that_refuses_a_large_body_is_heard()
    {
        var large = Bytes(20_000_000);
        await using var server = new ScriptedServer(static (request, _) => Start(request, static () => Reply.Empty(201))) { AnswersBeforeBody = Reply.Of(413, "<html>nginx") };
        using var client = new RegistryClient(server.Host, Options);
        var how = new PushOptions { IsKnownToBeMissing = true };
        var error = await FailureAsync(() => client.Repository("web").Blobs.PushAsync(Descriptor(large), Opener(large), how, default));
        Assert.That(error.Message, Is.EqualTo($"PUT {server.Address}/v2/web/blobs/uploads/1: 413 Some Words"));
        await using var willing = new ScriptedServer(static (request, _) => Start(request, static () => Reply.Empty(201)));
        using var other = new RegistryClient(willing.Host, Options);
        await other.Repository("web").Blobs.PushAsync(Descriptor(large), Opener(large), how, default);
        Assert.That(willing.Seen[^1].Body, Is.EqualTo(large));
    }

    [Test]
    public async Task A_server_that_does_not_like_to_be_asked_gets_the_body_at_once()
    {
        var large = Bytes(2_000_000);
        await using var server = new ScriptedServer(static (request, _) => Start(request, static () => Reply.Empty(201))) { AnswersBeforeBody = Reply.Empty(417) };
        using var client = new RegistryClient(server.Host, Options);
        await client.Repository("web").Blobs.PushAsync(Descriptor(large), Opener(large), new PushOptions { IsKnownToBeMissing = true }, default);
        Assert.That(server.Seen[^1].Body, Is.EqualTo(large));
    }

    [TestCase("")]
    [TestCase("Location: ftp://x/")]
    public async Task A_registry_that_does_not_say_where_to_is_an_error(string header)
    {
        await using var server = new ScriptedServer((_, _) => header.Length > 0 ? Reply.Empty(202, header) : Reply.Empty(202));
        Assert.That((await FailureAsync(() => PushAsync(server))).Message, Does.EndWith("the registry does not say where to upload to"));
    }

    [Test]
    public async Task Another_host_gets_the_upload_but_not_the_credentials()
    {
        await using var store = new ScriptedServer(static (_, _) => Reply.Empty(201));
        await using var server = new ScriptedServer((request, _) =>
            request.Header("Authorization") is null ? Reply.Empty(401, "WWW-Authenticate: Basic realm=x") : Reply.Empty(202, $"Location: {store.Address}/up"));
        await PushAsync(server, options: Options with { Credentials = new SingleCredential(server.Host, Credential.Password("me", "secret")) });
        Assert.That(store.Seen.Select(static request => (request.Line, request.Header("Authorization"))), Is.EqualTo(new[] { ($"PUT /up?{Query}", (string?)null) }));
    }

    [Test]
    public async Task Chunks_follow_each_other_and_go_where_the_last_answer_says()
    {
        await using var server = new ScriptedServer(static (request, number) => request.Method switch
        {
            "POST" => Reply.Empty(202, "Location: /u/0", "OCI-Chunk-Min-Length: 100000"),
            "PATCH" => Reply.Empty(202, $"Location: /u/{number}", "Range: 0-1"),
            _ => Reply.Empty(201),
        });
        using var client = new RegistryClient(server.Host, Options);
        await using var upload = await client.Repository("web").Blobs.StartUploadAsync(4096, default);
        for (var at = 0; at < Blob.Length; at += 70_000) upload.Write(Blob, at, Math.Min(70_000, Blob.Length - at));
        Assert.That(await upload.CommitAsync(MediaTypes.LayerGzip), Is.EqualTo(Descriptor(Blob)));
        Assert.That(server.Lines, Is.EqualTo(new[] { "POST /v2/web/blobs/uploads/", "PATCH /u/0", "PATCH /u/1", "PATCH /u/2", $"PUT /u/3?{Query}" }));
        Assert.That(server.Seen.Skip(1).Take(3).Select(static request => request.Header("Content-Range")), Is.EqualTo(new[] { "0-99999", "100000-199999", "200000-299999" }));
    }

    [TestCase(0, "0-149999", "150000-199999")]
    [TestCase(0, "0-99999", "100000-199999")]
    [TestCase(1, "0-149999", "150000-199999")]
    [TestCase(0, "0-199999", null)]
    public async Task A_chunk_that_broke_off_goes_on_at_the_byte_that_the_registry_has(int how, string has, string? then)
    {
        await using var server = new ScriptedServer((request, number) => (request.Method, number) switch
        {
            ("POST", _) => Reply.Empty(202, "Location: /u"),
            ("PATCH", 2) => how == 0 ? new Reply([]) { Closes = true, Resets = true } : Reply.Empty(500),
            ("GET", _) => Reply.Empty(204, $"Range: {has}"),
            _ => Reply.Empty(202),
        });
        using var client = new RegistryClient(server.Host, Options);
        await using var upload = await client.Repository("web").Blobs.StartUploadAsync(100_000, default);
        await upload.WriteAsync(Blob.AsMemory(0, 200_000));
        Assert.That((await upload.CommitAsync(MediaTypes.LayerGzip)).Digest, Is.EqualTo(Digest.Of(Blob.AsSpan(0, 200_000))));
        var patches = server.Seen.Where(static request => request.Method == "PATCH").ToList();
        Assert.That(patches.Select(static request => request.Header("Content-Range")), Is.EqualTo(then is null ? ["0-99999", "100000-199999"] : new[] { "0-99999", "100000-199999", then }));
        if (then is not null) Assert.That(patches[^1].Body, Is.EqualTo(Blob[int.Parse(then.Split('-')[0])..200_000]));
    }

    [Test]
    public async Task A_registry_that_has_other_bytes_than_were_sent_is_an_error()
    {
        await using var server = new ScriptedServer((request, number) => (request.Method, number) switch
        {
            ("POST", _) => Reply.Empty(202, "Location: /u"),
            ("GET", _) => Reply.Empty(204, "Range: 0-999999"),
            ("PATCH", _) => Reply.Empty(500),
            _ => Reply.Empty(204),
        });
        using var client = new RegistryClient(server.Host, Options);
        var error = await FailureAsync(async () =>
        {
            await using var upload = await client.Repository("web").Blobs.StartUploadAsync(1000, default);
            await upload.WriteAsync(Blob);
        });
        Assert.That(error.Message, Does.EndWith("the registry has 1000000 bytes of the upload where 0 to 1000 were sent"));
        Assert.That(server.Lines.Last(), Is.EqualTo("DELETE /u"));
    }
}
