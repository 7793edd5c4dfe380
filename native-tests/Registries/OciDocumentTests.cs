using System.Text.Json;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Registries;

/// <summary>All documents that go out are such as the image specification demands.</summary>
public sealed class OciDocumentTests : NativeTest
{
    private const string Text = """
        FROM busybox
        RUN echo a > /a
        ENV A=b
        EXPOSE 80 53/udp
        VOLUME /v
        USER 5:6
        STOPSIGNAL SIGUSR1
        LABEL one=1 two=
        WORKDIR /w
        ENTRYPOINT ["sh"]
        CMD []

        """;

    private TestRegistry _registry = null!;

    [OneTimeSetUp]
    public void StartRegistry() => _registry = new TestRegistry(World, 5142);

    [OneTimeTearDown]
    public void EndRegistry() => _registry.Dispose();

    [TestCase("saved", 4)]
    [TestCase("several images", 6)]
    [TestCase("docker archive", 4)]
    [TestCase("built", 4)]
    [TestCase("without layers of its own", 4)]
    [TestCase("platforms and provenance", 11)]
    public void A_layout_is_what_the_specification_demands(string what, int documents)
    {
        World.RunWith(Text, "build", "-q", "--network", "none", "-t", "out", "-").Succeeded();
        World.File("Dockerfile", "FROM scratch\nCOPY f /\nLABEL a=b\n");
        World.File("f", "");
        World.Shell("rm -rf layout; mkdir layout");
        World.Shell(what switch
        {
            "saved" => "set -o pipefail; $C save --format oci out | tar -x -C layout",
            "several images" => "set -o pipefail; $C save --format oci out busybox | tar -x -C layout",
            "docker archive" => "set -o pipefail; $C build -q -t x --output type=docker,dest=- . | tar -x -C layout",
            "built" => "$C build -q -t x --annotation c=d --output type=oci,dest=layout,tar=false .",
            "without layers of its own" => "printf 'FROM out\\nLABEL a=b\\n' | $C build -q -t x --output type=oci,dest=layout,tar=false -",
            _ => "$C build -q -t x --platform linux/amd64,linux/arm64 --provenance=mode=max --output type=oci,dest=layout,tar=false .",
        }).Succeeded();
        Assert.That(OciSchema.CheckLayout($"{World.Files}/layout"), Is.EqualTo(documents));
        if (what != "several images") Assert.That(World.Shell("skopeo --tmpdir . inspect --raw oci:layout > /dev/null && umoci ls --layout layout").Succeeded().Lines, Has.Length.EqualTo(1));
    }

    [TestCase("push", "")]
    [TestCase("push --compression-format zstd", "")]
    [TestCase("build --provenance=true --platform linux/amd64,linux/arm64 --push . -t", "image.index")]
    public void A_registry_gets_what_the_specification_demands(string command, string kind)
    {
        World.File("Dockerfile", "FROM scratch\nCOPY f /\nLABEL a=b\n");
        World.File("f", "");
        World.RunWith(Text, "build", "-q", "--network", "none", "-t", $"{_registry.Host}/out", "-").Succeeded();
        World.Shell($"$C {command} {_registry.Host}/out").Succeeded();
        var manifest = World.Host.Tool("skopeo", "inspect", "--raw", "--tls-verify=false", $"docker://{_registry.Host}/out");
        using var document = JsonDocument.Parse(manifest);
        var type = document.RootElement.GetProperty("mediaType").GetString()!;
        Assert.That(type, Is.EqualTo($"application/vnd.oci.{(kind.Length > 0 ? kind : "image.manifest")}.v1+json"));
        Assert.That(OciSchema.CheckDocument(document.RootElement, type, Read), Is.GreaterThan(1));
        Run("rmi", $"{_registry.Host}/out");
    }

    // Manifests are not among the registry's blobs by its own account, but they are among its files.
    private byte[] Read(string digest)
    {
        var hex = digest["sha256:".Length..];
        return File.ReadAllBytes($"{World.Files}/registry-5142/data/docker/registry/v2/blobs/sha256/{hex[..2]}/{hex}/data");
    }
}
