using System.Diagnostics;
using System.Text;
using CrunSharp.Kernel.Processes;
using CrunSharp.NativeTests.Harness;
using CrunSharp.Oci;
using CrunSharp.Registry.Tests;

namespace CrunSharp.NativeTests.Registries;

/// <summary><c>pull</c> from a registry with faults: each ends well or with one clear line, and leaves nothing half done.</summary>
public sealed class PullFaultTests : NativeTest
{
    private FaultyRegistry _registry = null!;
    private string[] _before = [];

    private static readonly string[] Slow = ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"];

    [SetUp]
    public void StartRegistry()
    {
        _registry = new FaultyRegistry(World);
        _before = Files();
    }

    [TearDown]
    public async Task EndRegistry()
    {
        await _registry.DisposeAsync();
        Run("rmi", "-f", Digest.Of(_registry.Config).ToString());
        Run("system", "prune", "-f").Succeeded();
        Assert.That(Files(), Is.EqualTo(_before), "what a prune leaves");
    }

    // The fault of the large layer, the error.
    private static readonly (string What, Func<FaultyRegistry, SeenRequest, Reply> Fault, string Error)[] OfLayers =
    [
        ("fewer bytes than promised", static (r, _) => Reply.Ok(r.Large.Blob[..^1]), @"it has \d+ bytes where \d+ were promised"),
        ("more bytes than promised", static (r, _) => Reply.Ok([.. r.Large.Blob, 0]), @"it has \d+ bytes where \d+ were promised"),
        ("a body without end", static (_, _) => Endless(), @"it has more than the \d+ bytes that were promised|stream is damaged"),
        ("a body that ends late", static (r, _) => Chunked([.. r.Large.Blob, .. r.Large.Blob]), @"it has more than the \d+ bytes that were promised"),
        ("other bytes", static (r, _) => Reply.Ok([.. r.Large.Blob[..300_000], (byte)~r.Large.Blob[300_000], .. r.Large.Blob[300_001..]]), "its digest is sha256:[0-9a-f]{64} where sha256:[0-9a-f]{64} was promised|damaged"),
        ("bytes of another layer", static (r, _) => Reply.Ok(FaultyRegistry.Layer("large", new byte[r.Large.Blob.Length]).Blob.Concat(new byte[r.Large.Blob.Length]).Take(r.Large.Blob.Length).ToArray()), "was promised|damaged"),
        ("not there", static (_, _) => Reply.Error(404, "BLOB_UNKNOWN", "blob unknown to registry"), "blob sha256:[0-9a-f]{64} of .*/web not found: blob unknown: blob unknown to registry"),
        ("forbidden", static (_, _) => Reply.Error(403, "DENIED", "not yours"), "pull access denied for .*/web, .*: denied: not yours|not yours"),
        ("too many requests, for an hour", static (_, _) => Reply.Of(429, "", "Retry-After: 3600"), "toomanyrequests: 429"),
        ("a redirection in a circle", static (_, r) => Reply.Empty(307, $"Location: {r.Target}"), "more than 8 redirections"),
        ("a redirection to where machines keep their secrets", static (_, _) => Reply.Empty(307, "Location: http://169.254.169.254/latest/"), "redirects to the link-local address 169.254.169.254: not followed"),
        ("a redirection to nowhere", static (_, _) => Reply.Empty(307, "Location: gopher://x/"), "redirects to an address that is malformed"),
        ("no HTTP", static (_, _) => new Reply("SSH-2.0-OpenSSH_9.2\r\n\r\n"u8.ToArray()) { Closes = true }, "the answer is no HTTP"),
        ("headers without end", static (_, _) => Reply.Raw(["HTTP/1.1 200 OK", $"X: {new string('x', 200_000)}"], []), "headers are too long"),
        ("another range than was asked for", static (r, _) => Reply.Of(206, r.Large.Blob, "Content-Range: bytes 7-9/10"), "the server sends \"bytes 7-9/10\" where bytes from 0 of"),
    ];

    private static IEnumerable<TestCaseData> LayerFaults => OfLayers.Select(static f => new TestCaseData(f.Fault, f.Error).SetArgDisplayNames(f.What));

    [TestCaseSource(nameof(LayerFaults))]
    public void A_layer_with_a_fault_is_refused(object fault, string error)
    {
        var answer = (Func<FaultyRegistry, SeenRequest, Reply>)fault;
        _registry.Faults(FaultyRegistry.PathOf(_registry.Large.Blob), (request, _) => answer(_registry, request));
        AssertRefused(error);
    }

    // The manifest's fault, the error.
    private static readonly (string What, Func<FaultyRegistry, Reply> Fault, string Error)[] OfManifests =
    [
        ("5 MiB", static r => Manifest([.. r.Manifest, .. Enumerable.Repeat((byte)' ', 5 << 20)]), "the answer has more than 4194304 bytes"),
        ("without end", static _ => Endless(), "the answer has more than 4194304 bytes"),
        ("2000 layers", static r => Manifest(FaultyRegistry.ManifestOf(r.Config, [.. Enumerable.Repeat(r.Small.Blob, 2000)])), "2000 layers, more than 1024"),
        ("1000 layers of an image of two", static r => Manifest(FaultyRegistry.ManifestOf(r.Config, [.. Enumerable.Repeat(r.Small.Blob, 1000)])), "1000 layers for an image of 2"),
        ("no JSON", static _ => Manifest("<html>Sign in</html>"u8.ToArray()), "manifest for .*/web:1"),
        ("nothing", static _ => Manifest([]), "manifest for .*/web:1"),
        ("JSON that is deep", static _ => Manifest(Encoding.ASCII.GetBytes(new string('[', 100_000))), "manifest for .*/web:1"),
        ("another digest than its header says", static r => Manifest(r.Manifest, $"Docker-Content-Digest: {Digest.Of([])}"), "the digest of manifest for .* is sha256:[0-9a-f]{64} where sha256:e3b0c44298fc.* was promised"),
        ("a layer of a negative size", static r => Manifest(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(r.Manifest).Replace($"\"size\":{r.Large.Blob.Length}", "\"size\":-1", StringComparison.Ordinal))), "size"),
        ("a layer with a path as its digest", static r => Manifest(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(r.Manifest).Replace(Digest.Of(r.Large.Blob).ToString(), "sha256:../../../../etc/passwd", StringComparison.Ordinal))), "digest"),
    ];

    private static IEnumerable<TestCaseData> ManifestFaults => OfManifests.Select(static f => new TestCaseData(f.Fault, f.Error).SetArgDisplayNames(f.What));

    [TestCaseSource(nameof(ManifestFaults))]
    public void A_manifest_with_a_fault_is_refused(object fault, string error)
    {
        var answer = (Func<FaultyRegistry, Reply>)fault;
        _registry.Faults("/v2/web/manifests/1", (_, _) => answer(_registry));
        AssertRefused(error);
        Assert.That(_registry.Server.Lines, Has.None.StartsWith("GET /v2/web/blobs/" + Digest.Of(_registry.Large.Blob)));
    }

    [Test]
    public void An_index_that_refers_to_itself_is_not_followed()
    {
        // Nothing has its own digest in it: what a registry could do is to send the same again.
        var other = Digest.Of("other"u8);
        var index = Encoding.UTF8.GetBytes($$$"""{"schemaVersion":2,"mediaType":"{{{FaultyRegistry.IndexType}}}","manifests":[{"mediaType":"{{{FaultyRegistry.IndexType}}}","digest":"{{{other}}}","size":300,"platform":{"os":"linux","architecture":"amd64"}}]}""");
        _registry.Faults((request, _) => request.Target.Contains("/manifests/", StringComparison.Ordinal) && request.Method == "GET" ? Reply.Ok(index, $"Content-Type: {FaultyRegistry.IndexType}") : null);
        AssertRefused($"the digest of manifest for .* is {Digest.Of(index)} where {other} was promised");
        // A chain of them has an end.
        for (var i = 0; i < 6; i++)
        {
            _registry.AddManifest("1", FaultyRegistry.IndexType, index);
            index = Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"mediaType":"{{FaultyRegistry.IndexType}}","manifests":[{{FaultyRegistry.Describe(FaultyRegistry.IndexType, index).Replace("}", ",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}}", StringComparison.Ordinal)}}]}""");
        }
        _registry.Faults(static (_, _) => null);
        AssertRefused("indexes are nested more than 4 deep");
    }

    [Test]
    public void A_configuration_of_other_bytes_is_refused()
    {
        _registry.Faults(FaultyRegistry.PathOf(_registry.Config), (_, _) => Reply.Ok(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(_registry.Config).Replace("small", "smell", StringComparison.Ordinal))));
        AssertRefused("its digest is sha256:[0-9a-f]{64} where sha256:[0-9a-f]{64} was promised");
    }

    [Test]
    public void A_cut_a_reset_and_a_server_that_is_not_well_are_got_over()
    {
        _registry.Faults(FaultyRegistry.PathOf(_registry.Large.Blob), (request, _) => _registry.ForLarge.Count switch
        {
            1 => _registry.Right(request).CutAt(100_000),
            2 => _registry.Right(request).CutAt(50_000, reset: true),
            3 => Reply.Of(503, "not well"),
            4 => Reply.Of(429, "", "Retry-After: 1"),
            5 => Reply.Raw(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"], []).CutAt(0),
            _ => null,
        });
        Run("pull", "-q", _registry.Image).Succeeded();
        var starts = _registry.ForLarge.Select(static request => request.Header("Range")).ToArray();
        Assert.That(starts[0], Is.Null);
        Assert.That(starts[1..], Has.All.StartsWith("bytes=").And.All.EndWith("-"));
        AssertClean("all right$");
        Assert.That(World.Inspect(_registry.Image, "{{.Id}}"), Is.EqualTo(Digest.Of(_registry.Config).ToString()));
    }

    [Test]
    public void Bodies_without_a_length_and_such_that_drip_are_pulled()
    {
        _registry.Faults((request, _) => request.Method != "GET" ? null
            : request.Target == FaultyRegistry.PathOf(_registry.Small.Blob) ? Dripping(_registry.Small.Blob)
            : request.Target == FaultyRegistry.PathOf(_registry.Large.Blob) ? Chunked(_registry.Large.Blob)
            : request.Target == "/v2/web/manifests/1" ? Chunked(_registry.Manifest, $"Content-Type: {FaultyRegistry.ManifestType}") : null);
        Run("pull", "-q", _registry.Image).Succeeded();
        AssertClean("all right$");
    }

    [Test]
    public void A_server_that_is_ill_for_good_is_given_up_and_what_arrived_is_gone_on_with()
    {
        _registry.Faults(FaultyRegistry.PathOf(_registry.Large.Blob), (request, times) => times == 0 ? _registry.Right(request).CutAt(200_000) : Reply.Of(500, ""));
        var (clock, pull) = (Stopwatch.StartNew(), Run("pull", "-q", _registry.Image));
        pull.Failed(1, "500 Some Words");
        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(60)));
        AssertClean("all right");
        Assert.That(Partial().Select(static file => file.Length), Is.EqualTo((long[])[200_000]));
        _registry.Faults(static (_, _) => null);
        Run("pull", "-q", _registry.Image).Succeeded();
        Assert.That(_registry.ForLarge.Select(static request => request.Header("Range")), Is.EqualTo((string[])["bytes=200000-"]));
        AssertClean("all right$");
        Assert.That(Partial(), Is.Empty);
    }

    [Test]
    public async Task Another_host_gets_no_credentials()
    {
        World.File("docker/config.json", $$"""{"auths":{"{{_registry.Server.Host}}":{"auth":"{{Convert.ToBase64String("alice:secret"u8)}}"} } }""");
        await using var storage = World.Host.Run(() => new ScriptedServer((request, _) => _registry.Right(request)));
        var elsewhere = $"http://localhost:{storage.Port}";
        _registry.Server.Probe = Challenge();
        _registry.Faults((request, _) => request.Header("Authorization") is null ? Challenge()
            : request.Target.Contains("/blobs/", StringComparison.Ordinal) ? Reply.Empty(307, $"Location: {elsewhere}{request.Target}") : null);
        using var pull = World.StartWith(new Dictionary<string, string> { ["DOCKER_CONFIG"] = $"{World.Files}/docker" }, "pull", "-q", _registry.Image);
        var outcome = pull.Wait().Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(storage.Lines.Count(), Is.EqualTo(3));
            foreach (var request in storage.Seen)
                Assert.That(string.Join('\n', request.Headers.Select(static h => $"{h.Key}: {h.Value}")), Does.Not.Contain("uthorization").And.Not.Contain("secret").And.Not.Contain(Convert.ToBase64String("alice:secret"u8)));
            Assert.That(outcome.Out + outcome.Err, Does.Not.Contain("secret"));
        });
        static Reply Challenge() => Reply.Error(401, "UNAUTHORIZED", "who are you", "WWW-Authenticate: Basic realm=\"r\"");
    }

    [Test]
    public async Task A_token_server_elsewhere_gets_no_password()
    {
        World.File("docker/config.json", $$"""{"auths":{"{{_registry.Server.Host}}":{"auth":"{{Convert.ToBase64String("alice:secret"u8)}}"} } }""");
        await using var thief = World.Host.Run(() => new ScriptedServer(static (_, _) => Reply.Ok("""{"token":"x"}""")));
        var challenge = Reply.Error(401, "UNAUTHORIZED", "who are you", $"WWW-Authenticate: Bearer realm=\"http://thief.localhost.example:{thief.Port}/token\",service=\"s\"");
        _registry.Server.Probe = challenge;
        _registry.Faults((_, _) => challenge);
        using var pull = World.StartWith(new Dictionary<string, string> { ["DOCKER_CONFIG"] = $"{World.Files}/docker" }, "pull", "-q", _registry.Image);
        var outcome = pull.Wait();
        Assert.That(outcome.Code, Is.EqualTo(1), outcome.ToString());
        Assert.That(thief.Seen.SelectMany(static request => request.Headers.Values), Has.None.Contains(Convert.ToBase64String("alice:secret"u8)));
    }

    [Test]
    public void A_pull_that_was_killed_is_gone_on_with_at_the_same_byte([Values] bool hasChanged)
    {
        _registry.Faults(FaultyRegistry.PathOf(_registry.Large.Blob), (request, _) => _registry.Right(request).StallAt(300_000));
        using (var pull = World.Start("pull", _registry.Image))
        {
            World.Await(() => Partial().Sum(static file => file.Length) == 300_000, "half of the layer is here");
            pull.Send(Signal.SIGKILL);
            pull.Wait();
        }
        AssertClean("all right");
        if (hasChanged) // by whatever hand
        {
            using var file = Partial()[0].OpenWrite();
            file.Position = 200_000;
            file.WriteByte(0);
            file.WriteByte(1);
        }
        _registry.Faults(static (_, _) => null);
        Run("pull", "-q", _registry.Image).Succeeded();
        Assert.That(_registry.ForLarge.Select(static request => request.Header("Range")), Is.EqualTo((string?[])(hasChanged ? ["bytes=300000-", null] : ["bytes=300000-"])));
        AssertClean("all right$");
        Assert.That(Directory.GetFileSystemEntries($"{World.Root}/tmp"), Is.Empty);
    }

    [Test]
    public void A_thousand_layers_are_pulled_with_as_few_open_files_as_a_shell_has()
    {
        var layers = Enumerable.Range(0, 1000).Select(static i => FaultyRegistry.Layer($"f{i}", [(byte)i, (byte)(i >> 8)])).ToArray();
        foreach (var (_, blob) in layers) _registry.AddBlob(blob);
        var config = Encoding.UTF8.GetBytes($$$"""{"architecture":"amd64","os":"linux","config":{"Cmd":["/small"]},"rootfs":{"type":"layers","diff_ids":[{{{string.Join(',', layers.Select(static l => $"\"{Digest.Of(l.Tar)}\""))}}}]}}""");
        _registry.AddBlob(config);
        _registry.AddManifest("1", FaultyRegistry.ManifestType, FaultyRegistry.ManifestOf(config, [.. layers.Select(static l => l.Blob)]));
        World.Shell($"ulimit -Sn 1024; $C pull -q {_registry.Image} && $C pull -q {_registry.Image}").Succeeded();
        AssertClean("all right$");
        Assert.That(World.Inspect(_registry.Image, "{{len .RootFS.Layers}}"), Is.EqualTo("1000"));
        Run("run", "--rm", "--network", "none", _registry.Image, "/f0").Failed(125, "it has 1000 layers, and Linux mounts 500 at most");
        World.Shell($"ulimit -Sn 1024; $C rmi -f {Digest.Of(config)} > /dev/null").Succeeded();
    }

    [Test]
    public void On_a_full_disk_nothing_is_left()
    {
        var small = $"{World.Directory}/small";
        World.Shell($"mkdir {small} && mount -t tmpfs -o size=1000k tmpfs {small}").Succeeded();
        try
        {
            var there = new Dictionary<string, string> { ["CRUN_SHARP_ROOT"] = $"{small}/root" };
            using (var pull = World.StartWith(there, "pull", "-q", _registry.Image))
            {
                var outcome = pull.Wait();
                outcome.Failed(1);
                Assert.That(outcome.Err, Does.Match("No space left on device|what fits on the disk"));
            }
            Assert.That(World.Shell($"ls -A {small}/root/tmp {small}/root/images").Succeeded().Lines, Has.None.Match("partial|draft|json"));
            using var check = World.StartWith(there, "system", "check");
            Assert.That(check.Wait().Succeeded().Lines[^1], Does.Contain("all right"));
        }
        finally
        {
            World.Shell($"umount {small}; rmdir {small}").Succeeded();
        }
    }

    [Test]
    public void Who_interrupts_a_pull_that_hangs_leaves_a_store_that_is_right()
    {
        _registry.Faults(FaultyRegistry.PathOf(_registry.Large.Blob), (request, _) => _registry.Right(request).StallAt(300_000));
        using (var pull = World.Start("pull", _registry.Image))
        {
            World.Await(() => Partial().Sum(static file => file.Length) == 300_000, "half of the layer is here");
            pull.Send(Signal.SIGINT);
            var outcome = pull.Wait(5000);
            Assert.That((outcome.Code, outcome.Err), Is.EqualTo((130, "crun-sharp: the pull was interrupted\n")));
        }
        AssertClean("all right");
        Assert.That(Directory.GetFileSystemEntries($"{World.Root}/tmp"), Is.EqualTo(Partial().Select(static file => file.FullName)));
        Assert.That(Run("images", "-q", _registry.Image).Out, Is.Empty);
        Assert.That(Run("system", "prune", "-f").Succeeded().Lines[^1], Does.Match(@"^Total reclaimed space: [3-9]\d\d.*kB$"));
        Assert.That(Files(), Is.EqualTo(_before));
    }

    // All that is stored of images, without times and records that change.
    private string[] Files() =>
    [
        .. ((string[])["blobs/sha256", "layers", "images", "names", "tmp"]).Where(folder => Directory.Exists($"{World.Root}/{folder}"))
            .SelectMany(folder => Directory.GetFileSystemEntries($"{World.Root}/{folder}")).Order(StringComparer.Ordinal),
    ];

    private FileInfo[] Partial() => new DirectoryInfo($"{World.Root}/tmp") is { Exists: true } folder ? folder.GetFiles("partial-*") : [];

    private void AssertRefused(string error)
    {
        var pull = Run("pull", "-q", _registry.Image);
        pull.Failed(1, "crun-sharp: ");
        Assert.That(pull.Err, Does.Match(error));
        Assert.That(pull.Out, Is.Empty);
        AssertClean("all right");
        Assert.That(Run("images", "--format", "{{.Repository}}").Lines, Is.EqualTo((string[])["busybox"]));
        Assert.That(Directory.GetFileSystemEntries($"{World.Root}/tmp"), Is.Empty);
    }

    private void AssertClean(string outcome)
    {
        var check = Run("system", "check").Succeeded();
        Assert.That(check.Lines[^1], Does.Match(outcome));
    }

    private static Reply Manifest(byte[] bytes, params string[] headers) => Reply.Ok(bytes, [$"Content-Type: {FaultyRegistry.ManifestType}", .. headers]);

    private static Reply Chunked(byte[] body, params string[] headers) => Reply.Raw([.. Slow, .. headers], [.. Chunk(body), .. "0\r\n\r\n"u8]);

    private static byte[] Chunk(byte[] body) => [.. Encoding.ASCII.GetBytes($"{body.Length:x}\r\n"), .. body, .. "\r\n"u8];

    private static Reply Dripping(byte[] body) => Reply.Raw(Slow, []) with
    {
        After = async (stream, stop) =>
        {
            foreach (var piece in body.Chunk(500))
            {
                await stream.WriteAsync(Chunk(piece), stop);
                await Task.Delay(20, stop);
            }
            await stream.WriteAsync("0\r\n\r\n"u8.ToArray(), stop);
        },
    };

    private static Reply Endless() => Reply.Raw(Slow, []) with
    {
        Closes = true,
        After = static async (stream, stop) =>
        {
            for (var piece = Chunk(new byte[64 * 1024]); ;) await stream.WriteAsync(piece, stop);
        },
    };
}
