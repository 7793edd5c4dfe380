using System.Text;
using System.Text.Json;
using CrunSharp.Kernel.Processes;
using CrunSharp.NativeTests.Harness;
using CrunSharp.Oci;

namespace CrunSharp.NativeTests;

/// <summary><c>pull</c>, and what <c>run</c>, <c>create</c> and <c>build</c> pull, from Debian's registry that skopeo pushed to.</summary>
public sealed class PullTests : NativeTest
{
    private TestRegistry _registry = null!;

    private string Name => $"{_registry.Host}/team/web";

    [OneTimeSetUp]
    public void FillRegistry()
    {
        _registry = new TestRegistry(World, 5003);
        World.RunWith("FROM busybox\nRUN dd if=/dev/urandom of=/a bs=1M count=12 2>&1\nRUN dd if=/dev/urandom of=/b bs=1M count=9 2>&1\nRUN echo three > /c\nCMD [\"cat\", \"/c\"]\n",
            "build", "-q", "--network", "none", "-t", "made", "-").Succeeded();
        Run("save", "-o", $"{World.Files}/made.tar", "made").Succeeded();
        foreach (var tag in (string[])["latest", "1"]) Skopeo("copy", "-q", "--dest-tls-verify=false", $"docker-archive:{World.Files}/made.tar", $"docker://{Name}:{tag}");
        Empty();
    }

    [OneTimeTearDown]
    public void EndRegistry() => _registry.Dispose();

    [TearDown]
    public void Empty()
    {
        Run(["rm", "-f", .. Run("ps", "-aq").Lines]);
        foreach (var image in Run("images", "-q", "--no-trunc").Succeeded().Lines.Distinct())
            if (image != World.Inspect("busybox", "{{.Id}}")) Run("rmi", "-f", image).Succeeded();
        Run("builder", "prune", "-af").Succeeded();
    }

    [Test]
    public void What_skopeo_pushed_is_pulled_and_has_the_same_id()
    {
        var lines = Run("pull", Name).Succeeded().Lines;
        var manifest = JsonDocument.Parse(Skopeo("inspect", "--raw", "--tls-verify=false", $"docker://{Name}:latest")).RootElement;
        var digest = Digest.Of(Encoding.UTF8.GetBytes(Skopeo("inspect", "--raw", "--tls-verify=false", $"docker://{Name}:latest")));
        var layers = manifest.GetProperty("layers").EnumerateArray().Select(static l => l.GetProperty("digest").GetString()![7..19]).ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(World.Inspect(Name, "{{.Id}}"), Is.EqualTo(manifest.GetProperty("config").GetProperty("digest").GetString()));
            Assert.That(World.Inspect(Name, "{{.RepoDigests}}"), Is.EqualTo($"[{Name}@{digest}]"));
            Assert.That(lines[..2], Is.EqualTo((string[])["Using default tag: latest", "latest: Pulling from team/web"]));
            Assert.That(lines[^3..], Is.EqualTo((string[])[$"Digest: {digest}", $"Status: Downloaded newer image for {Name}:latest", $"{Name}:latest"]));
            Assert.That(lines, Does.Contain($"{layers[0]}: Already exists"), "busybox is here");
            foreach (var layer in layers[1..])
                Assert.That(lines, Does.Contain($"{layer}: Pulling fs layer").And.Contain($"{layer}: Download complete").And.Contain($"{layer}: Pull complete"));
            Assert.That(Run("run", "--rm", "--network", "none", "--pull", "never", Name).Succeeded().Out, Is.EqualTo("three\n"));
        });
    }

    [Test]
    public void An_unchanged_tag_costs_one_request()
    {
        Run("pull", "-q", $"{Name}:1").Succeeded();
        var before = ManifestRequests;
        var again = Run("pull", $"{Name}:1").Succeeded();
        Assert.That(again.Lines, Has.Length.EqualTo(4));
        Assert.That(again.Lines[2], Is.EqualTo($"Status: Image is up to date for {Name}:1"));
        Assert.That(ManifestRequests, Is.EqualTo(before + 1));
        Assert.That(Run("pull", "-q", $"{Name}:1").Succeeded().Out, Is.EqualTo($"{Name}:1\n"));
    }

    [Test]
    public void All_tags_are_pulled_and_a_digest_names_one()
    {
        var all = Run("image", "pull", "-a", Name).Succeeded();
        Assert.That(all.Lines, Does.Contain("1: Pulling from team/web").And.Contain("latest: Pulling from team/web"));
        Assert.That(all.Lines[^1], Is.EqualTo(Name));
        Assert.That(Run("images", "--format", "{{.Tag}}", Name).Lines, Is.SupersetOf((string[])["latest", "1"]));
        var digest = all.Lines.First(static line => line.StartsWith("Digest: ", StringComparison.Ordinal))[8..];
        Empty();
        var one = Run("pull", $"{Name}@{digest}").Succeeded();
        Assert.That(one.Lines[0], Is.EqualTo($"{Name}@{digest}: Pulling from team/web"));
        Assert.That(Run("images", "--format", "{{.Tag}} {{.Digest}}", Name).Line, Is.EqualTo($"<none> {digest}"));
        Run("pull", "-a", $"{Name}:1").Failed(1, "tag can't be used with --all-tags/-a");
    }

    [Test]
    public void A_list_of_manifests_has_one_for_this_platform()
    {
        var manifest = Skopeo("inspect", "--raw", "--tls-verify=false", $"docker://{Name}:1");
        var type = JsonDocument.Parse(manifest).RootElement.GetProperty("mediaType").GetString();
        var entry = $$"""{"mediaType":"{{type}}","digest":"{{Digest.Of(Encoding.UTF8.GetBytes(manifest))}}","size":{{Encoding.UTF8.GetByteCount(manifest)}},"platform":{"os":"linux","architecture":"amd64"} }""";
        var list = World.File("list.json", $$"""{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{entry}}]}""");
        Assert.That(_registry.Ask("/v2/team/web/manifests/multi", "-X", "PUT", "-H", "Content-Type: application/vnd.oci.image.index.v1+json", "--data-binary", $"@{list}", "-w", "%{http_code}").Out, Does.EndWith("201"));
        var pulled = Run("pull", $"{Name}:multi").Succeeded();
        Assert.That(pulled.Lines, Does.Contain($"Digest: {Digest.Of(File.ReadAllBytes(list))}"));
        Assert.That(Run("pull", $"{Name}:multi").Succeeded().Out, Does.Contain("Image is up to date"));
        Run("pull", "--platform", "linux/arm64", $"{Name}:multi").Failed(1, "crun-sharp: no matching manifest for linux/arm64 in the manifest list entries");
    }

    [Test]
    public void What_run_create_and_build_need_is_pulled()
    {
        var run = Run("run", "--rm", "--network", "none", Name).Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(run.Out, Is.EqualTo("three\n"));
            Assert.That(run.Err, Does.StartWith($"Unable to find image '{Name}:latest' locally\nlatest: Pulling from team/web\n").And.EndWith($"\nStatus: Downloaded newer image for {Name}:latest\n"));
            Assert.That(Run("run", "--rm", "--network", "none", Name).Succeeded().Err, Is.Empty);
            Assert.That(Run("run", "--rm", "--network", "none", "--pull", "always", Name).Succeeded().Err, Does.StartWith("latest: Pulling").And.Contain("Image is up to date"));
        });
        Empty();
        Run("run", "--rm", "--pull", "never", Name).Failed(125, $"No such image: {Name}:latest");
        Assert.That(Run("create", "-q", $"{Name}:1").Succeeded().Err, Is.Empty);
        Assert.That(Run("run", "--rm", $"{Name}:nosuch"), Has.Property("Code").EqualTo(125).And.Property("Err").Contains($"manifest for {Name}:nosuch not found"));
        Empty();
        World.RunWith($"FROM {Name}\nRUN test -s /a\n", "build", "--network", "none", "-t", "on-top", "-").Succeeded();
    }

    [Test]
    public void A_build_looks_for_newer_images_when_it_is_told_to()
    {
        var dockerfile = $"FROM {Name}:1\nCOPY --from={Name} /c /d\n";
        Assert.That(World.RunWith(dockerfile, "build", "-t", "on-top", "-").Succeeded().Err, Does.Contain("1: Pulling from team/web").And.Contain("latest: Pulling from team/web"));
        Assert.That(World.RunWith(dockerfile, "build", "-t", "on-top", "-").Succeeded().Err, Does.Not.Contain("Pulling"));
        Assert.That(World.RunWith(dockerfile, "build", "--pull", "-t", "on-top", "-").Succeeded().Err, Does.Contain($"Status: Image is up to date for {Name}:1\n").And.Contain($"Status: Image is up to date for {Name}:latest\n"));
        Assert.That(World.RunWith("FROM on-top\n", "build", "--pull", "-"), Has.Property("Code").EqualTo(1).And.Property("Err").Contains("crun-sharp: Dockerfile:1: HEAD registry-1.docker.io"));
    }

    [Test]
    public void A_name_that_is_only_for_Dockerfiles_is_not_pulled() => Run("run", "scratch").Failed(125, "'scratch' is a reserved name");

    [Test]
    public void Two_pulls_at_once_fetch_each_layer_once()
    {
        var before = BlobRequests.Length;
        using (var one = World.Start("pull", "-q", $"{Name}:1"))
        using (var other = World.Start("pull", "-q", $"{Name}:latest"))
        {
            one.Wait().Succeeded();
            other.Wait().Succeeded();
        }
        var layers = BlobRequests[before..].GroupBy(static line => line).Where(static g => g.Count() > 1).Select(static g => g.Key).ToArray();
        var config = World.Inspect($"{Name}:1", "{{.Id}}");
        Assert.That(layers.Where(line => !line.Contains(config, StringComparison.Ordinal)), Is.Empty);
        AssertNoDrafts();
    }

    [Test]
    public void A_pull_that_is_killed_leaves_a_store_in_which_the_next_one_succeeds()
    {
        var whole = System.Diagnostics.Stopwatch.StartNew();
        Run("pull", "-q", Name).Succeeded();
        var longest = (int)Math.Max(whole.ElapsedMilliseconds, 20);
        for (var i = 0; i < 15; i++)
        {
            Empty();
            using (var pull = World.Start("pull", "-q", Name))
            {
                var until = System.Diagnostics.Stopwatch.StartNew();
                var moment = Random.Shared.Next(longest);
                while (until.ElapsedMilliseconds < moment && !pull.HasEnded) Thread.Yield();
                foreach (var process in World.ProcessesWith("pull"))
                {
                    using var handle = PidHandle.TryOpen(process);
                    handle?.Send(Signal.SIGKILL.Number);
                }
                pull.Wait();
            }
            Assert.That(Run("run", "--rm", "-q", "--network", "none", Name).Succeeded().Out, Is.EqualTo("three\n"), $"killed after {i} tries");
            AssertNoDrafts();
        }
    }

    [Test]
    public void Who_interrupts_a_pull_leaves_nothing_half_done()
    {
        using var pull = World.Start("pull", Name);
        pull.Expect("Pulling fs layer");
        foreach (var process in World.ProcessesWith("pull"))
        {
            using var handle = PidHandle.TryOpen(process);
            handle?.Send(Signal.SIGINT.Number);
        }
        var outcome = pull.Wait();
        Assert.That(outcome.Code, Is.EqualTo(130).Or.Zero);
        if (outcome.Code == 130) Assert.That(outcome.Err, Is.EqualTo("crun-sharp: the pull was interrupted\n"));
        Assert.That(Directory.GetFileSystemEntries($"{World.Root}/tmp"), Has.All.Contains("/tmp/partial-"), "what the next one goes on with");
        Assert.That(Run("system", "check").Succeeded().Lines[^1], Does.Contain("all right"));
        Run("system", "prune", "-f").Succeeded();
        AssertNoDrafts();
    }

    [Test]
    public void On_a_terminal_layers_are_redrawn_in_place()
    {
        using var pull = World.StartOnTerminal(24, 100, $"$C pull {Name}");
        var text = pull.Wait().Succeeded().Out;
        Assert.Multiple(() =>
        {
            Assert.That(text, Does.Contain("\e[").And.Contain(": Pull complete").And.Contain(": Already exists"));
            Assert.That(text.Split("Status: ")[0].Split('\n'), Has.All.Length.LessThan(120));
            Assert.That(text, Does.EndWith($"{Name}:latest\r\n"));
        });
    }

    private int ManifestRequests => _registry.Requests.Count(static line => line.Contains("/manifests/", StringComparison.Ordinal));

    private string[] BlobRequests => [.. _registry.Requests.Where(static line => line.Contains("\"GET /v2/team/web/blobs/", StringComparison.Ordinal))
        .Select(static line => line[line.IndexOf("\"GET", StringComparison.Ordinal)..].Split(' ')[1])];

    private void AssertNoDrafts() => Assert.That(Directory.GetFileSystemEntries($"{World.Root}/tmp"), Is.Empty);

    private string Skopeo(params string[] arguments) => World.Host.Tool("skopeo", ["--insecure-policy", "--tmpdir", World.Files, .. arguments]);
}
