using System.Text.Json;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Registries;

/// <summary>A name that stands for images of several platforms: built, listed, pushed, saved, loaded and removed as one.</summary>
public sealed class SeveralPlatformsTests : NativeTest
{
    private const string All = "linux/amd64,linux/arm64,linux/arm/v7";
    private TestRegistry _registry = null!;
    private string _name = "";

    [OneTimeSetUp]
    public void StartRegistry()
    {
        _registry = new TestRegistry(World, 5143);
        _name = $"{_registry.Host}/multi:1";
        World.File("Dockerfile", "FROM scratch\nARG TARGETARCH\nCOPY f /\nCOPY f /$TARGETARCH\nLABEL arch=$TARGETARCH\nCMD [\"/f\"]\n");
        World.File("f", "f\n");
    }

    [OneTimeTearDown]
    public void EndRegistry() => _registry.Dispose();

    [SetUp]
    public void Build() => Run("build", "-q", "--platform", All, "-t", _name, ".").Succeeded();

    [TearDown]
    public void Empty()
    {
        Run(["rm", "-f", .. Run("ps", "-aq").Lines]);
        foreach (var name in Names()) Run("rmi", "-f", name).Succeeded();
        Assert.That(World.Shell($"ls {World.Root}/images").Lines, Has.Length.EqualTo(1), "busybox alone is left");
        World.Shell($"rm -rf *.tar {World.Directory}/other*");
    }

    [Test]
    public void It_is_one_line_and_the_platform_chooses()
    {
        Assert.That(Names(), Is.EqualTo((string[])[_name]));
        Assert.That(Run("images", "-q", "-f", "dangling=true").Succeeded().Out, Is.Empty);
        Assert.That(World.Inspect(_name, "{{.Architecture}}"), Is.EqualTo("amd64"));
        foreach (var platform in All.Split(','))
            Assert.That(Run("image", "inspect", "--platform", platform, "-f", "{{.Os}}/{{.Architecture}} {{index .Config.Labels \"arch\"}}", _name).Succeeded().Line, Does.StartWith(platform.Replace("/v7", "", StringComparison.Ordinal)), platform);
        Run("image", "inspect", "--platform", "linux/s390x", _name).Failed(1, "does not match the specified platform (linux/s390x)");
        Run("create", "--name", "arm", "--pull", "never", "--platform", "linux/arm64", "--network", "none", _name).Succeeded();
        Assert.That(World.Inspect("arm", "{{.Image}}"), Is.EqualTo(IdOf("linux/arm64")));
        // As a base, without a registry that has it.
        Assert.That(World.RunWith($"FROM {_name}\nLABEL a=b\n", "build", "-q", "--platform", "linux/arm64,linux/amd64", "-t", "on-it", "-").Succeeded().Err, Is.Empty);
        Assert.That(Run("image", "inspect", "--platform", "linux/arm64", "-f", "{{index .Config.Labels \"arch\"}}", "on-it").Succeeded().Line, Is.EqualTo("arm64"));
        Run("rm", "arm").Succeeded();
        Run("system", "check").Succeeded();
    }

    [Test]
    public void A_prune_leaves_it_and_a_removal_takes_all()
    {
        var ids = All.Split(',').Select(IdOf).ToList();
        Run("image", "prune", "-f").Succeeded();
        Assert.That(All.Split(',').Select(IdOf), Is.EqualTo(ids));
        Run("tag", _name, "second").Succeeded();
        Assert.That(Run("rmi", _name).Succeeded().Out, Does.Not.Contain("Deleted"));
        Assert.That(Run("image", "inspect", "--platform", "linux/arm64", "-f", "{{.Id}}", "second").Succeeded().Line, Is.EqualTo(ids[1]));
        Run("rmi", "--platform", "linux/arm64", "second").Succeeded();
        Run("image", "inspect", "--platform", "linux/arm64", "second").Failed(1);
        Run("builder", "prune", "-af").Succeeded();
        Assert.That(Run("rmi", "second").Succeeded().Out, Does.Contain($"Deleted: {ids[0]}").And.Contain($"Deleted: {ids[2]}"));
        Assert.That(World.Shell($"ls {World.Root}/layers").Lines, Has.Length.EqualTo(1));
    }

    [Test]
    public void A_name_that_goes_to_another_image_leaves_the_others_without_one()
    {
        Run("tag", "busybox", _name).Succeeded();
        Assert.That(Run("images", "-q", "-f", "dangling=true").Succeeded().Lines, Has.Length.EqualTo(3));
        Run("image", "prune", "-f").Succeeded();
    }

    [Test]
    public void A_push_sends_the_index_and_the_same_one_from_anywhere()
    {
        var digest = Pushed(Run("push", _name).Succeeded());
        using (var index = JsonDocument.Parse(Raw(_name)))
        {
            Assert.That(index.RootElement.GetProperty("manifests").EnumerateArray().Select(static m => m.GetProperty("platform").ToString()), Is.EquivalentTo((string[])
            [
                """{"architecture":"amd64","os":"linux"}""", """{"architecture":"arm64","os":"linux"}""", """{"architecture":"arm","os":"linux","variant":"v7"}""",
            ]));
            Assert.That(OciSchema.CheckDocument(index.RootElement, index.RootElement.GetProperty("mediaType").GetString()!, Read), Is.EqualTo(7));
        }
        Run("tag", _name, $"{_registry.Host}/second:2").Succeeded();
        Assert.That(Pushed(Run("push", $"{_registry.Host}/second:2").Succeeded()), Is.EqualTo(digest));
        foreach (var platform in All.Split(','))
        {
            Assert.That(Elsewhere("pull", "-q", "--platform", platform, _name).Succeeded().Code, Is.Zero);
            Assert.That(Elsewhere("image", "inspect", "-f", "{{.Id}}", _name).Succeeded().Line, Is.EqualTo(IdOf(platform)));
        }
        // One of them alone.
        Run("tag", _name, $"{_registry.Host}/one:1").Succeeded();
        Run("push", "-q", "--platform", "linux/arm64", $"{_registry.Host}/one:1").Succeeded();
        using var manifest = JsonDocument.Parse(Raw($"{_registry.Host}/one:1"));
        Assert.That(manifest.RootElement.GetProperty("config").GetProperty("digest").GetString(), Is.EqualTo(IdOf("linux/arm64")));
    }

    [TestCase("docker")]
    [TestCase("oci")]
    public void An_archive_has_all_of_them(string format)
    {
        var ids = All.Split(',').Select(IdOf).ToList();
        Run("save", "--format", format, "-o", "all.tar", _name).Succeeded();
        Run("save", "--format", format, "-o", "arm.tar", "--platform", "linux/arm64", _name).Succeeded();
        Assert.That(Elsewhere("load", "-i", "all.tar").Succeeded().Out, Is.EqualTo($"Loaded image: {_name}\n"));
        Assert.That(All.Split(',').Select(platform => Elsewhere("image", "inspect", "--platform", platform, "-f", "{{.Id}}", _name).Succeeded().Line), Is.EqualTo(ids));
        Assert.That(Elsewhere("images", "-q").Succeeded().Lines, Has.Length.EqualTo(1));
        Assert.That(Elsewhere("load", "-i", "arm.tar", "--platform", "linux/arm64").Succeeded().Out, Is.EqualTo($"Loaded image: {_name}\n"));
        Assert.That(Elsewhere("image", "inspect", "-f", "{{.Id}}", _name).Succeeded().Line, Is.EqualTo(ids[1]));
        // Others find this host's in it.
        var kind = format == "oci" ? "oci-archive" : "docker-archive";
        using var config = JsonDocument.Parse(World.Host.Tool("env", "-C", World.Files, "skopeo", "--tmpdir", World.Files, "inspect", "--config", $"{kind}:all.tar"));
        Assert.That(config.RootElement.GetProperty("architecture").GetString(), Is.EqualTo("amd64"));
    }

    private string[] Names() => [.. Run("images", "--format", "{{.Repository}}:{{.Tag}}").Succeeded().Lines.Where(static name => name != "busybox:latest")];

    private string IdOf(string platform) => Run("image", "inspect", "--platform", platform, "-f", "{{.Id}}", _name).Succeeded().Line;

    private static string Pushed(Outcome push) => push.Lines[^1].Split(' ')[2];

    private string Raw(string name) => World.Host.Tool("skopeo", "inspect", "--raw", "--tls-verify=false", $"docker://{name}");

    private byte[] Read(string digest)
    {
        var hex = digest["sha256:".Length..];
        return File.ReadAllBytes($"{World.Files}/registry-5143/data/docker/registry/v2/blobs/sha256/{hex[..2]}/{hex}/data");
    }

    private Outcome Elsewhere(params string[] arguments)
    {
        using var session = World.StartWith(new Dictionary<string, string> { ["CRUN_SHARP_ROOT"] = $"{World.Directory}/other", ["CRUN_SHARP_RUN_ROOT"] = $"{World.Directory}/other-run" }, arguments);
        session.EndInput();
        return session.Wait();
    }
}
