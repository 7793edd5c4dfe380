using System.Text.Json;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>build --push</c>, platforms, annotations and provenance: what others find in registries and layouts.</summary>
public sealed class BuildOutputRegistryTests : BuildTest
{
    private const string Text = "FROM busybox\nARG TARGETPLATFORM TARGETARCH BUILDPLATFORM\nRUN echo made > /made\nLABEL a=b\n";
    private const string Foreign = "FROM scratch\nARG TARGETPLATFORM TARGETARCH TARGETVARIANT\nCOPY . /\nLABEL platform=$TARGETPLATFORM arch=$TARGETARCH variant=$TARGETVARIANT\n";

    private TestRegistry _registry = null!;

    [OneTimeSetUp]
    public void StartRegistry() => _registry = new TestRegistry(World, 5006);

    [OneTimeTearDown]
    public void EndRegistry() => _registry.Dispose();

    [TearDown]
    public void RemoveOthers()
    {
        foreach (var image in Run("images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").Succeeded().Lines.Select(static line => line.Split(' ')))
            if (image[0] != "busybox:latest") Run("rmi", "-f", image[0].Contains('<', StringComparison.Ordinal) ? image[1] : image[0]);
    }

    [TestCase("--push")]
    [TestCase("--output=type=registry")]
    [TestCase("--output=type=image,push=true")]
    [TestCase("--output=type=image,push=true,store=false")]
    [TestCase("--output=type=registry,compression=uncompressed")]
    [TestCase("--output=type=registry,compression=zstd,oci-mediatypes=false")]
    public void What_is_pushed_others_find(string how)
    {
        var name = $"{_registry.Host}/pushed/{Guid.NewGuid().ToString("N")[..6]}:v1";
        World.RunWith(Text, "build", "-q", "-t", name, how, "--metadata-file", "meta.json", "-").Succeeded();
        using var seen = JsonDocument.Parse(World.Host.Tool("skopeo", "inspect", "--tls-verify=false", $"docker://{name}"));
        using var meta = JsonDocument.Parse(File.ReadAllText($"{World.Files}/meta.json"));
        Assert.That(seen.RootElement.GetProperty("Labels").GetProperty("a").GetString(), Is.EqualTo("b"));
        Assert.That(meta.RootElement.GetProperty("containerimage.digest").GetString(), Is.EqualTo(seen.RootElement.GetProperty("Digest").GetString()));
        Assert.That(Run("images", "-q", name).Succeeded().Lines, Has.Length.EqualTo(how.Contains("store=false", StringComparison.Ordinal) ? 0 : 1));
        if (Run("images", "-q", name).Lines.Length == 1) Run("rmi", name).Succeeded();
        Run("pull", "-q", name).Succeeded();
        Assert.That(InImage("cat /made", name), Is.EqualTo("made\n"));
        File.Delete($"{World.Files}/meta.json");
    }

    [Test]
    public void Programs_are_told_how_layers_move()
    {
        var name = $"{_registry.Host}/moved:v1";
        var pushed = World.RunWith("FROM busybox\nRUN head -c 3000000 /dev/urandom > /made\n", "build", "--progress=rawjson", "-t", name, "--push", "-").Succeeded().Err;
        Run("rmi", name).Succeeded();
        Run("builder", "prune", "-af").Succeeded();
        var pulled = World.RunWith($"FROM {name}\n", "build", "--progress=rawjson", "-").Succeeded().Err;
        Assert.That(Run("builder", "history", "logs").Succeeded().Out, Does.Match("v1: Pulling from moved\n([0-9a-f]{12}: [A-Z][a-z ]+\n)+Digest: sha256:[0-9a-f]{64}\nStatus: Downloaded newer image for [^\n]+/moved:v1\n")
            .And.Match("[0-9a-f]{12}: Pull complete\n"));
        Assert.Multiple(() =>
        {
            Assert.That(pushed, Does.Match("\\{\"statuses\":\\[\\{\"id\":\"sha256:[0-9a-f]{64}\",\"vertex\":\"sha256:[0-9a-f]{64}\",\"name\":\"pushing\",\"total\":3[0-9]{6},\"current\":[1-3][0-9]{6}"));
            Assert.That(pushed, Does.Contain("\"name\":\"done\""));
            Assert.That(pulled, Does.Contain($"\"name\":\"pull {name}\"").And.Contain("\"name\":\"waiting\",\"total\":3").And.Contain("\"name\":\"extract\""));
            Assert.That(pulled.Split('\n').Where(static line => line.Length > 0), Has.All.StartsWith("{"));
        });
    }

    [Test]
    public void A_push_by_digest_has_no_tag_and_one_that_fails_is_told()
    {
        var name = $"{_registry.Host}/by-digest";
        World.RunWith(Text, "build", "-q", "-t", name, "-o", "type=registry,push-by-digest=true,store=false", "--metadata-file", "meta.json", "-").Succeeded();
        var digest = JsonDocument.Parse(File.ReadAllText($"{World.Files}/meta.json")).RootElement.GetProperty("containerimage.digest").GetString();
        Assert.That(_registry.Ask("/v2/by-digest/tags/list").Out, Does.Contain("\"tags\":null").Or.Contain("\"tags\":[]").Or.Contain("UNKNOWN"));
        World.Host.Tool("skopeo", "inspect", "--raw", "--tls-verify=false", $"docker://{name}@{digest}");
        var failed = World.RunWith(Text, "build", "-q", "-t", "127.0.0.1:1/none", "--push", "-");
        Assert.That(failed, Has.Property("Code").EqualTo(1).And.Property("Err").Contains("connection refused"));
        Assert.That(Run("images", "-q", "127.0.0.1:1/none").Lines, Is.Empty);
        File.Delete($"{World.Files}/meta.json");
    }

    [Test]
    public void Several_platforms_are_one_index_and_run_is_refused_where_it_cannot_run()
    {
        var context = Context(Foreign, ("f", "f\n"));
        var name = $"{_registry.Host}/multi:v1";
        Run("build", "--platform", "linux/amd64,linux/arm64", "--platform", "linux/arm/v7", "-t", name, "--push", context).Succeeded();
        var index = Raw($"docker://{name}");
        Assert.That(index.GetProperty("mediaType").GetString(), Is.EqualTo("application/vnd.oci.image.index.v1+json"));
        Assert.That(index.GetProperty("manifests").EnumerateArray().Select(static m => m.GetProperty("platform").ToString()), Is.EqualTo((string[])
        [
            """{"architecture":"amd64","os":"linux"}""", """{"architecture":"arm64","os":"linux"}""", """{"architecture":"arm","os":"linux","variant":"v7"}""",
        ]));
        using var config = JsonDocument.Parse(World.Host.Tool("skopeo", "inspect", "--config", "--tls-verify=false", "--override-arch", "arm", "--override-variant", "v7", $"docker://{name}"));
        Assert.That(config.RootElement.GetProperty("config").GetProperty("Labels").ToString().Replace("\n", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal), Is.EqualTo("""{"arch":"arm","platform":"linux/arm/v7","variant":"v7"}"""));

        // The base of a platform is pulled for it, and this host's keeps the name.
        Run("pull", "-q", name).Succeeded();
        var mine = World.Inspect(name, "{{.Id}}");
        Assert.That(World.RunWith($"FROM {name}\nLABEL more=1\n", "build", "-q", "--platform", "linux/arm64", "-t", "arm", "-").Succeeded().Line, Is.Not.Empty);
        Assert.That(World.Inspect("arm", "{{.Architecture}} {{index .Config.Labels \"arch\"}}"), Is.EqualTo("arm64 arm64"));
        Assert.That(World.Inspect(name, "{{.Id}}"), Is.EqualTo(mine));
        Assert.That(World.RunWith($"FROM --platform=$BUILDPLATFORM busybox AS b\nARG TARGETARCH\nRUN echo $TARGETARCH > /a\nFROM {name}\nCOPY --from=b /a /a\n", "build", "-q", "--platform", "linux/arm64", "-o", "out", "-").Succeeded().Out, Is.Empty);
        Assert.That(File.ReadAllText($"{World.Files}/out/a"), Is.EqualTo("arm64\n"));
        var refused = World.RunWith("FROM arm\nRUN [\"/f\"]\n", "build", "-q", "--platform", "linux/arm64", "-");
        if (!Directory.Exists("/proc/sys/fs/binfmt_misc") || Directory.GetFiles("/proc/sys/fs/binfmt_misc", "qemu*").Length == 0)
            Assert.That(refused, Has.Property("Code").EqualTo(1).And.Property("Err").Contains("commands for linux/arm64 cannot run on this host, which is linux/amd64: no emulator is registered with binfmt_misc"));
        Assert.That(World.RunWith("FROM busybox\n", "build", "-q", "--platform", "linux/arm64", "-"), Has.Property("Code").EqualTo(1).And.Property("Err").Contains("(here it is for linux/amd64, and linux/arm64 is needed)"));
        World.Shell("rm -rf out").Succeeded();
    }

    [Test]
    public void Files_of_platforms_have_folders()
    {
        var context = Context(Foreign, ("f", "f\n"));
        Run("build", "-q", "--platform", "linux/amd64,linux/arm/v7", "-o", "out", "-o", "type=tar,dest=out.tar", "-o", "type=oci,dest=oci.tar", context).Succeeded();
        Assert.That(World.Shell("find out -type f | sort; tar tf out.tar | grep f$").Lines, Is.EqualTo((string[])["out/linux_amd64/Dockerfile", "out/linux_amd64/f", "out/linux_arm_v7/Dockerfile", "out/linux_arm_v7/f", "linux_amd64/f", "linux_arm_v7/f"]));
        Assert.That(Run("build", "-q", "--platform", "linux/amd64,linux/arm/v7", "-o", "type=local,dest=one,platform-split=false", context), Has.Property("Code").EqualTo(1).And.Property("Err").Contains("is in the files of several platforms"));
        Run("build", "-q", "--platform", "linux/amd64", "-o", "type=local,dest=split,platform-split=true", context).Succeeded();
        Assert.That(World.Shell("find split -type f | sort; ls -A one").Lines, Is.EqualTo((string[])["split/linux_amd64/Dockerfile", "split/linux_amd64/f"]));
        Run("load", "-i", "oci.tar", "--platform", "linux/arm/v7").Succeeded();
        World.Shell("rm -rf out out.tar oci.tar one split").Succeeded();
    }

    [Test]
    public void Annotations_are_where_they_are_meant_to_be()
    {
        var context = Context(Foreign, ("f", "f\n"));
        Run("build", "-q", "--platform", "linux/amd64,linux/arm64", "-t", "x:v1", "-o", "type=oci,dest=layout,tar=false,annotation.from=output,annotation-index.Also=Output", "--annotation", "plain=1", "--annotation", "manifest[linux/arm64]:only=arm",
            "--annotation", "index,manifest:both=2", "--annotation", "manifest-descriptor[linux/amd64]:of=amd", "--annotation", "index-descriptor:top=3", context).Succeeded();
        var top = Json("layout/index.json").GetProperty("manifests")[0];
        var index = Blob(top);
        var manifests = index.GetProperty("manifests").EnumerateArray().ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(top.GetProperty("annotations").ToString(), Is.EqualTo("""{"io.containerd.image.name":"docker.io/library/x:v1","org.opencontainers.image.ref.name":"v1","top":"3"}"""));
            Assert.That(index.GetProperty("annotations").ToString(), Is.EqualTo("""{"Also":"Output","both":"2"}"""));
            Assert.That(manifests[0].GetProperty("annotations").ToString(), Is.EqualTo("""{"of":"amd"}"""));
            Assert.That(manifests[1].TryGetProperty("annotations", out _), Is.False);
            Assert.That(Blob(manifests[0]).GetProperty("annotations").ToString(), Is.EqualTo("""{"both":"2","from":"output","plain":"1"}"""));
            Assert.That(Blob(manifests[1]).GetProperty("annotations").ToString(), Is.EqualTo("""{"both":"2","from":"output","only":"arm","plain":"1"}"""));
        });
        // An image that is kept has them when it is pushed.
        var name = $"{_registry.Host}/annotated";
        World.RunWith(Text, "build", "-q", "-t", name, "--annotation", "kept=1", "-").Succeeded();
        Run("push", "-q", name).Succeeded();
        Assert.That(Raw($"docker://{name}").GetProperty("annotations").ToString(), Is.EqualTo("""{"kept":"1"}"""));
        World.Shell("rm -rf layout").Succeeded();
    }

    [TestCase("--provenance=true", "https://slsa.dev/provenance/v1")]
    [TestCase("--provenance=mode=max,version=v0.2", "https://slsa.dev/provenance/v0.2")]
    [TestCase("--attest=type=provenance,mode=max", "https://slsa.dev/provenance/v1")]
    public void Provenance_is_beside_the_image_and_says_what_it_was_made_of(string option, string predicate)
    {
        World.RunWith(Text, "build", "-q", "-t", "x:v1", option, "--build-arg", "SECRETISH=hidden", "--build-arg", "https_proxy=http://user:proxypw@x:1", "-o", "type=oci,dest=layout,tar=false", "-").Succeeded();
        var index = Blob(Json("layout/index.json").GetProperty("manifests")[0]);
        var entries = index.GetProperty("manifests").EnumerateArray().ToArray();
        var attestation = Blob(entries[1]);
        var layer = attestation.GetProperty("layers")[0];
        var statement = Blob(layer);
        Assert.Multiple(() =>
        {
            Assert.That(entries, Has.Length.EqualTo(2));
            Assert.That(entries[1].GetProperty("platform").ToString(), Is.EqualTo("""{"architecture":"unknown","os":"unknown"}"""));
            Assert.That(entries[1].GetProperty("annotations").GetProperty("vnd.docker.reference.type").GetString(), Is.EqualTo("attestation-manifest"));
            Assert.That(entries[1].GetProperty("annotations").GetProperty("vnd.docker.reference.digest").GetString(), Is.EqualTo(entries[0].GetProperty("digest").GetString()));
            Assert.That(layer.GetProperty("mediaType").GetString(), Is.EqualTo("application/vnd.in-toto+json"));
            Assert.That(layer.GetProperty("annotations").GetProperty("in-toto.io/predicate-type").GetString(), Is.EqualTo(predicate));
            Assert.That(statement.GetProperty("predicateType").GetString(), Is.EqualTo(predicate));
            Assert.That(statement.GetProperty("subject")[0].ToString(), Is.EqualTo($$$"""{"name":"pkg:docker/x@v1?platform=linux%2Famd64","digest":{"sha256":"{{{entries[0].GetProperty("digest").GetString()![7..]}}}"}}"""));
            Assert.That(statement.ToString(), Does.Contain($$$"""{"uri":"pkg:docker/busybox@latest?platform=linux%2Famd64","digest":{"sha256":"{{{World.Inspect("busybox", "{{.Id}}")[7..]}}}"}}"""));
            Assert.That(statement.ToString().Contains("hidden", StringComparison.Ordinal), Is.EqualTo(option.Contains("max", StringComparison.Ordinal)));
            Assert.That(statement.ToString(), Does.Not.Contain("proxypw"));
        });
        World.Shell("umoci ls --layout layout").Succeeded();
        World.Host.Tool("env", "-C", World.Files, "skopeo", "--insecure-policy", "--tmpdir", World.Files, "copy", "-q", "oci:layout:v1", "oci:copy:v1");
        World.Shell("rm -rf layout copy").Succeeded();
    }

    [TestCase("--sbom=true", "a bill of materials is not supported")]
    [TestCase("--attest=type=sbom", "a bill of materials is not supported")]
    [TestCase("--attest=type=provenanc", "unknown attestation type \"provenanc\" (did you mean provenance?)")]
    [TestCase("--provenance=maxx", "must be true, false, min, max or mode=MODE (did you mean max?)")]
    [TestCase("--annotation=x", "invalid annotation x, expected key=value")]
    [TestCase("--annotation=manifst:x=y", "unknown annotation type \"manifst\" (did you mean manifest?)")]
    public void What_is_no_attestation_or_annotation_is_refused(string option, string message) =>
        Assert.That(World.RunWith(Text, "build", "-q", option, "-"), Has.Property("Code").Not.Zero.And.Property("Err").Contains(message));

    private JsonElement Raw(string image) => JsonDocument.Parse(World.Host.Tool("skopeo", "inspect", "--raw", "--tls-verify=false", image)).RootElement;

    private JsonElement Json(string path) => JsonDocument.Parse(File.ReadAllBytes($"{World.Files}/{path}")).RootElement;

    private JsonElement Blob(JsonElement descriptor) => Json($"layout/blobs/sha256/{descriptor.GetProperty("digest").GetString()![7..]}");
}
