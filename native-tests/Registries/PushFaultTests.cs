using CrunSharp.NativeTests.Harness;
using CrunSharp.Oci;
using CrunSharp.Registry.Tests;

namespace CrunSharp.NativeTests.Registries;

/// <summary><c>push</c> to a registry with faults: each ends well or with one clear line, and the store is as before.</summary>
public sealed class PushFaultTests : NativeTest
{
    private ScriptedServer _server = null!;
    private Func<SeenRequest, int, Reply?> _fault = static (_, _) => null;
    private string[] _before = [];

    private string _name = "";

    protected override void Prepare() => World.Shell("$C tag busybox 127.0.0.1:1/warm; $C push -q 127.0.0.1:1/warm; $C rmi 127.0.0.1:1/warm; true").Succeeded(); // the layer's compressed form is here from now on

    [SetUp]
    public void StartServer()
    {
        (_fault, _before) = (static (_, _) => null, Files());
        _server = World.Host.Run(() => new ScriptedServer((request, number) =>
        {
            int times;
            lock (_server.Seen) times = _server.Seen.Take(number).Count(other => other.Line == request.Line);
            return _fault(request, times) ?? Right(request);
        }));
        _name = $"{_server.Host}/team/box";
        Run("tag", "busybox", _name).Succeeded();
    }

    [TearDown]
    public async Task EndServer()
    {
        await _server.DisposeAsync();
        Run("rmi", _name).Succeeded();
        Assert.That(Files(), Is.EqualTo(_before));
    }

    private static readonly (string What, Func<SeenRequest, int, Reply?> Fault, string Error)[] Faults =
    [
        ("no uploads", static (r, _) => r.Method == "POST" ? Reply.Error(405, "UNSUPPORTED", "read only") : null, "the registry does not allow it: 405 Some Words: .*read only"),
        ("a quota", static (r, _) => r.Method == "PUT" && IsUpload(r) ? Reply.Error(413, "TOO_LARGE", "quota") : null, "413 Some Words: .*quota"),
        ("no place to upload to", static (r, _) => r.Method == "POST" ? Reply.Empty(202) : null, "the registry does not say where to upload to"),
        ("a digest that it does not believe", static (r, _) => r.Method == "PUT" && IsUpload(r) ? Reply.Error(400, "DIGEST_INVALID", "provided digest did not match") : null, "400 Some Words: .*provided digest did not match"),
        ("a manifest that it does not like", static (r, _) => r.Method == "PUT" && !IsUpload(r) ? Reply.Error(400, "MANIFEST_INVALID", "manifest invalid") : null, "400 Some Words: .*manifest invalid"),
        ("another manifest than was sent", static (r, _) => r.Method == "PUT" && !IsUpload(r) ? Reply.Empty(201, $"Docker-Content-Digest: {Digest.Of([])}") : null, "the registry stored sha256:e3b0c4.* where sha256:.* was sent"),
        ("nobody may", static (r, _) => r.Method == "POST" ? Reply.Error(403, "DENIED", "go away") : null, "denied: go away\nLog in first: crun-sharp login 127.0.0.1:"),
        ("too many, for an hour", static (r, _) => r.Method == "POST" ? Reply.Of(429, "", "Retry-After: 3600") : null, "toomanyrequests: 429"),
        ("an answer without end", static (r, _) => r.Method == "POST" ? Endless() : null, "the answer has more than 65536 bytes"),
    ];

    private static IEnumerable<TestCaseData> Cases => Faults.Select(static f => new TestCaseData(f.Fault, f.Error).SetArgDisplayNames(f.What));

    [TestCaseSource(nameof(Cases))]
    public void A_registry_that_refuses_is_told(object fault, string error)
    {
        _fault = (Func<SeenRequest, int, Reply?>)fault;
        var push = Run("push", "-q", _name);
        Assert.That(push.Code, Is.EqualTo(1), push.ToString());
        Assert.That(push.Err, Does.Match($"^crun-sharp: .*{error}.*\n"));
        Assert.That(push.Err.Split('\n'), Has.Length.LessThanOrEqualTo(3), "a line, and what to do");
        AssertClean();
        Assert.That(World.Inspect("busybox", "{{json .RepoDigests}}"), Is.EqualTo("[]"), "it is not there");
    }

    [Test]
    public void Cuts_and_a_server_that_is_not_well_are_got_over()
    {
        _fault = static (request, times) => (request.Method, times) switch
        {
            ("HEAD", 0) => Reply.Of(503, ""),
            ("POST", 0) => Reply.Of(500, ""),
            ("PUT", 0) when IsUpload(request) => Reply.Of(502, ""),
            ("PUT", 0) => Reply.Empty(201) with { Bytes = [], Closes = true, Resets = true },
            _ => null,
        };
        Run("push", "-q", _name).Succeeded();
        AssertClean();
    }

    [Test]
    public async Task Another_host_that_uploads_go_to_gets_no_credentials()
    {
        await using var storage = World.Host.Run(() => new ScriptedServer(static (request, _) => Right(request)));
        World.File("docker/config.json", $$"""{"auths":{"{{_server.Host}}":{"auth":"{{Convert.ToBase64String("alice:secret"u8)}}"} } }""");
        var challenge = Reply.Error(401, "UNAUTHORIZED", "who are you", "WWW-Authenticate: Basic realm=\"r\"");
        _server.Probe = challenge;
        _fault = (request, _) => request.Header("Authorization") is null ? challenge
            : request.Method == "POST" ? Reply.Empty(202, $"Location: http://localhost:{storage.Port}/v2/team/box/blobs/uploads/1?state=signed") : null;
        using (var push = World.StartWith(new Dictionary<string, string> { ["DOCKER_CONFIG"] = $"{World.Files}/docker" }, "push", "-q", _name)) push.Wait().Succeeded();
        Assert.That(storage.Lines.Count(static line => line.StartsWith("PUT /v2/team/box/blobs/uploads/1?state=signed&digest=sha256", StringComparison.Ordinal)), Is.EqualTo(2));
        foreach (var request in storage.Seen)
            Assert.That(request.Header("Authorization"), Is.Null);
    }

    private static Reply Right(SeenRequest request) => request.Method switch
    {
        "HEAD" => Reply.Raw(["HTTP/1.1 404 Not Found"], []),
        "POST" => Reply.Empty(202, $"Location: {request.Target.Split('?')[0]}1"),
        "PUT" => Reply.Empty(201),
        _ => Reply.Error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
    };

    private static bool IsUpload(SeenRequest request) => request.Target.Contains("/blobs/uploads/", StringComparison.Ordinal);

    private static Reply Endless() => Reply.Raw(["HTTP/1.1 202 Accepted", "Location: /x", "Transfer-Encoding: chunked"], []) with
    {
        Closes = true,
        After = static async (stream, stop) =>
        {
            for (byte[] piece = [.. "8000\r\n"u8, .. new byte[0x8000], .. "\r\n"u8]; ;) await stream.WriteAsync(piece, stop);
        },
    };

    private void AssertClean() => Assert.That(Run("system", "check").Succeeded().Line, Does.EndWith("all right"));

    private string[] Files() =>
    [
        .. ((string[])["blobs/sha256", "layers", "images", "names", "tmp"]).Where(folder => Directory.Exists($"{World.Root}/{folder}"))
            .SelectMany(folder => Directory.GetFileSystemEntries($"{World.Root}/{folder}")).Order(StringComparer.Ordinal),
    ];
}
