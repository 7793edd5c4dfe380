using System.Security.Cryptography;
using System.Text.Json;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>push</c>, to Debian's docker-registry; others pull what was pushed.</summary>
public sealed class PushTests : BuildTest
{
    private TestRegistry _registry = null!;

    [OneTimeSetUp]
    public void StartRegistry() => _registry = new TestRegistry(World, 5002);

    [OneTimeTearDown]
    public void EndRegistry() => _registry.Dispose();

    [TearDown]
    public void RemoveOthers()
    {
        foreach (var image in Run("images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").Succeeded().Lines.Select(static line => line.Split(' ')))
            if (image[0] != "busybox:latest") Run("rmi", "-f", image[0].Contains('<', StringComparison.Ordinal) ? image[1] : image[0]);
    }

    [Test]
    public void Others_pull_what_was_pushed_and_the_digest_is_the_same_each_time()
    {
        var name = $"{_registry.Host}/team/web";
        BuildText("FROM busybox\nRUN echo one > /one\nRUN echo two > /two\nLABEL a=b\n", "-t", $"{name}:v1").Succeeded();
        var push = Run("push", $"{name}:v1").Succeeded();
        var layers = JsonSerializer.Deserialize<string[]>(World.Inspect($"{name}:v1", "{{json .RootFS.Layers}}"))!;
        Assert.That(push.Lines[0], Is.EqualTo($"The push refers to repository [{name}]"));
        Assert.That(push.Lines[1..^1], Is.EquivalentTo(layers.Select(static l => $"{l[7..19]}: Preparing").Concat(layers.Select(static l => $"{l[7..19]}: Pushed"))));
        Assert.That(push.Lines[^1], Does.Match(@"^v1: digest: sha256:[0-9a-f]{64} size: \d+$"));
        var digest = DigestOf(push);

        using (var seen = JsonDocument.Parse(World.Host.Tool("skopeo", "inspect", "--tls-verify=false", $"docker://{name}:v1")))
        {
            Assert.That(seen.RootElement.GetProperty("Digest").GetString(), Is.EqualTo(digest));
            Assert.That(seen.RootElement.GetProperty("Labels").GetProperty("a").GetString(), Is.EqualTo("b"));
        }
        World.Host.Tool("skopeo", "--tmpdir", World.Files, "copy", "-q", "--src-tls-verify=false", $"docker://{name}:v1", $"oci:{World.Files}/copy:v1");
        Assert.That(Directory.Exists($"{World.Files}/copy/blobs"));
        Assert.That(World.Inspect($"{name}:v1", "{{json .RepoDigests}}"), Does.Contain($"{name}@{digest}"));

        var before = _registry.Requests.Count;
        var again = Run("push", $"{name}:v1").Succeeded();
        Assert.That(DigestOf(again), Is.EqualTo(digest));
        Assert.That(again.Lines[1..^1].Where(static line => !line.EndsWith("Preparing", StringComparison.Ordinal)), Is.EquivalentTo(layers.Select(static l => $"{l[7..19]}: Layer already exists")));
        Assert.That(_registry.UploadsSince(before), Is.Empty);
        Directory.Delete($"{World.Files}/copy", recursive: true);
    }

    [Test]
    public void Podman_runs_nothing_else_than_what_was_pushed()
    {
        var name = $"{_registry.Host}/for-podman";
        BuildText("FROM busybox\nRUN echo here > /here; ln -s here /link; chown 1000 /here\n", "-t", name).Succeeded();
        var digest = DigestOf(Run("push", name).Succeeded());
        var podman = World.Shell($"""
            set -e
            podman='podman --root {World.Directory}/ps --runroot {World.Directory}/pr --tmpdir {World.Directory}/pt --network-config-dir {World.Directory}/pt --events-backend none --storage-driver vfs --cgroup-manager cgroupfs'
            $podman pull -q --tls-verify=false {name} >&2
            $podman image inspect --format '{"{{.Digest}} {{.Id}}"}' {name}
            rm -rf {World.Directory}/ps {World.Directory}/pr {World.Directory}/pt
            """).Succeeded();
        Assert.That(podman.Line, Is.EqualTo($"{digest} {World.Inspect(name, "{{.Id}}")[7..]}"));
    }

    [Test]
    public void A_manifest_from_elsewhere_goes_on_as_it_came()
    {
        var (from, name) = ($"{World.Files}/foreign", $"{_registry.Host}/foreign");
        // No layer of it is here otherwise: of those that are, no second form is kept.
        Run("build", "-q", "-t", "local", Context("FROM scratch\nCOPY f /f\nCOPY f /g\n", ("f", "foreign"))).Succeeded();
        Run("save", "--format", "oci", "-o", from + ".tar", "local").Succeeded();
        // skopeo writes the layers anew, in its own compression and with Docker's types.
        World.Host.Tool("skopeo", "--tmpdir", World.Files, "copy", "-q", "--dest-compress", "--dest-compress-format", "zstd", $"oci-archive:{from}.tar", $"oci:{from}:{name}:v2");
        Run("rmi", "local").Succeeded();
        Run("image", "prune", "-f").Succeeded();
        Run("builder", "prune", "-af").Succeeded();
        Run("load", "-i", from).Succeeded();
        var expected = JsonDocument.Parse(File.ReadAllText($"{from}/index.json")).RootElement.GetProperty("manifests")[0].GetProperty("digest").GetString();
        var id = World.Inspect($"{name}:v2", "{{.Id}}");
        Assert.That(DigestOf(Run("push", $"{name}:v2").Succeeded()), Is.EqualTo(expected));
        Assert.That(World.Host.Tool("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", $"docker://{name}:v2").TrimEnd(), Is.EqualTo(expected));
        Assert.That(World.Inspect($"{name}:v2", "{{.Id}}"), Is.EqualTo(id));
        Directory.Delete(from, recursive: true);
        File.Delete(from + ".tar");
    }

    [Test]
    public void A_layer_that_another_repository_has_is_mounted()
    {
        var (parent, child) = ($"{_registry.Host}/parent", $"{_registry.Host}/child");
        BuildText("FROM busybox\nRUN echo parent > /p\n", "-t", parent).Succeeded();
        Run("push", "-q", parent).Succeeded();
        BuildText($"FROM {parent}\nRUN echo child > /c\n", "-t", child).Succeeded();
        var push = Run("push", child).Succeeded();
        Assert.That(push.Lines.Where(static line => line.EndsWith("Mounted from parent", StringComparison.Ordinal)).Count(), Is.EqualTo(2));
        Assert.That(push.Lines.Where(static line => line.EndsWith("Pushed", StringComparison.Ordinal)).Count(), Is.EqualTo(1));
    }

    [Test]
    public void All_tags_go_at_once_and_quiet_prints_the_name()
    {
        var name = $"{_registry.Host}/tags";
        Run("tag", "busybox", $"{name}:a").Succeeded();
        Run("tag", "busybox", $"{name}:b").Succeeded();
        var push = Run("push", "-a", name).Succeeded();
        Assert.That(push.Lines.Where(static line => line.Contains(": digest: ", StringComparison.Ordinal)).Select(static line => line[..2]), Is.EqualTo((string[])["a:", "b:"]));
        Assert.That(_registry.Ask("/v2/tags/tags/list").Out, Does.Contain("\"a\"").And.Contain("\"b\""));
        Assert.That(Run("push", "-q", $"{name}:a").Succeeded().Out, Is.EqualTo($"{name}:a\n"));
        Run("push", "-q", "--platform", "linux/s390x", $"{name}:a").Failed(1, "its platform (linux/amd64) does not match the specified platform (linux/s390x)");
        Run("push", "-a", $"{name}:a").Failed(1, "tag can't be used with --all-tags/-a");
    }

    [TestCase("gzip", 9)]
    [TestCase("zstd", 19)]
    public void Layers_are_compressed_as_it_was_said_and_others_can_read_them(string format, int level)
    {
        var name = $"{_registry.Host}/packed-{format}";
        BuildText("FROM busybox\nRUN seq 1 300000 > /numbers\n", "-t", name).Succeeded();
        var usual = DigestOf(Run("push", name).Succeeded());
        var digest = DigestOf(Run("push", "--compression-format", format, "--compression-level", $"{level}", name).Succeeded());
        Assert.That(digest, Is.Not.EqualTo(usual));
        Assert.That(Run("manifest", "inspect", name).Succeeded().Out, Does.Contain($"layer.v1.tar+{format}").And.Not.Contain(format == "gzip" ? "+zstd" : "+gzip"));
        World.Host.Tool("skopeo", "--insecure-policy", "--tmpdir", World.Files, "copy", "-q", "--src-tls-verify=false", "--dest-decompress", $"docker://{name}", $"dir:{World.Files}/packed");
        Assert.That(World.Shell($"cat {World.Files}/packed/* | grep -ac '^299999$'").Line, Is.EqualTo("1"));
        Directory.Delete($"{World.Files}/packed", recursive: true);

        var before = _registry.Requests.Count;
        Assert.That(DigestOf(Run("push", "--compression-format", format, "--compression-level", $"{level}", name).Succeeded()), Is.EqualTo(digest));
        Assert.That(DigestOf(Run("push", name).Succeeded()), Is.EqualTo(usual), "what is usual stays so");
        Assert.That(_registry.UploadsSince(before), Is.Empty);
        Run("rmi", name).Succeeded();
        Assert.That(Run("run", "--rm", "-q", "--network", "none", name, "tail", "-n", "1", "/numbers").Succeeded().Out, Is.EqualTo("300000\n"));
        Run("push", "--compression-level", "10", name).Failed(1, "the compression level 10 is not between 0 and 9");
        Assert.That(Run("push", "--compression-format", "xz", name).Err, Does.StartWith("invalid argument \"xz\" for \"--compression-format\" flag: must be one of gzip, zstd\n"));
    }

    [Test]
    public void On_a_terminal_each_layer_has_a_row()
    {
        var name = $"{_registry.Host}/terminal";
        var context = Context("FROM busybox\nCOPY a /\n");
        File.WriteAllBytes($"{context}/a", RandomNumberGenerator.GetBytes(8 << 20));
        Run("build", "-q", "-t", name, context).Succeeded();
        var layers = JsonSerializer.Deserialize<string[]>(World.Inspect(name, "{{json .RootFS.Layers}}"))!;
        using var session = World.StartOnTerminal(24, 100, $"$C push {name}");
        var shown = session.Wait().Succeeded().Out.ReplaceLineEndings("\n");
        Assert.That(shown, Does.Match($"\\e\\[2K{layers[1][7..19]}: Pushed\n").And.Match("latest: digest: sha256:[0-9a-f]{64} size: [0-9]+\n$"));
        Assert.That(shown.Split('\n')[1], Is.EqualTo($"The push refers to repository [{name}]"));
    }

    [Test]
    public void What_is_not_there_cannot_be_pushed()
    {
        var name = $"{_registry.Host}/nothing";
        Assert.That(Run("push", name), Has.Property("Code").EqualTo(1).And.Property("Out").EqualTo($"Using default tag: latest\nThe push refers to repository [{name}]\n")
            .And.Property("Err").EqualTo($"crun-sharp: An image does not exist locally with the tag: {name}\n"));
        Run("tag", "busybox", $"{name}:one").Succeeded();
        Run("push", "-q", $"{name}:two").Failed(1, $"tag does not exist: {name}:two");
        Run("push", "-q", $"{name}@sha256:{new string('0', 64)}").Failed(1, "cannot push a digest reference");
        Run("tag", "busybox", "127.0.0.1:9/nobody:one").Succeeded();
        Run("push", "-q", "127.0.0.1:9/nobody:one").Failed(1, "connection refused");
    }

    [Test]
    public void A_push_that_is_killed_at_any_moment_leaves_nothing_in_the_way_of_the_next()
    {
        var name = $"{_registry.Host}/killed";
        var context = Context("FROM busybox\nCOPY a b c /\n");
        foreach (var file in (string[])["a", "b", "c"]) File.WriteAllBytes($"{context}/{file}", RandomNumberGenerator.GetBytes(6 << 20));
        Run("build", "-q", "-t", name, context).Succeeded();
        var random = new Random(4);
        for (var i = 0; i < 10; i++)
        {
            using var session = World.Start("push", $"{name}:latest");
            if (!session.HasEnded) Thread.Sleep(random.Next(0, 40 * (i + 1)));
            session.Send(CrunSharp.Kernel.Processes.Signal.SIGKILL);
            session.Wait();
        }
        var digest = DigestOf(Run("push", $"{name}:latest").Succeeded());
        Assert.That(World.Host.Tool("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", $"docker://{name}:latest").TrimEnd(), Is.EqualTo(digest));
        Run("system", "check").Succeeded();
    }

    [Test]
    public void An_interrupted_push_says_so_and_leaves_no_draft()
    {
        var name = $"{_registry.Host}/interrupted";
        var context = Context("FROM busybox\nCOPY a /\n");
        File.WriteAllBytes($"{context}/a", RandomNumberGenerator.GetBytes(48 << 20));
        Run("build", "-q", "-t", name, context).Succeeded();
        using var session = World.Start("push", $"{name}:latest");
        session.Expect("Preparing");
        session.Send(CrunSharp.Kernel.Processes.Signal.SIGINT);
        var outcome = session.Wait();
        Assert.That(outcome.Code, Is.EqualTo(130), outcome.ToString());
        Assert.That(outcome.Err, Is.EqualTo("crun-sharp: the push was interrupted\n"));
        Assert.That(outcome.Out, Does.Not.Contain("digest:"));
    }

    private static string DigestOf(Outcome push) => push.Lines[^1].Split(' ')[2];
}
