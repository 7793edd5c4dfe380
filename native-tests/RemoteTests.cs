using System.Text.Json;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>What is asked of a registry without pulling: <c>search</c> and <c>manifest</c>.</summary>
public sealed class RemoteTests : NativeTest
{
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private TestRegistry _registry = null!;

    private string Name => $"{_registry.Host}/team/web";

    [OneTimeSetUp]
    public void FillRegistry()
    {
        _registry = new TestRegistry(World, 5007);
        foreach (var name in (string[])[$"{Name}:1", $"{_registry.Host}/team/db", $"{_registry.Host}/tools"])
        {
            Run("tag", "busybox", name).Succeeded();
            Run("push", "-q", name).Succeeded();
            Run("rmi", name).Succeeded();
        }
    }

    [OneTimeTearDown]
    public void EndRegistry() => _registry.Dispose();

    [Test]
    public void A_registry_without_a_search_is_searched_by_names()
    {
        var found = Run("search", $"{_registry.Host}/TEAM").Succeeded();
        Assert.That(found.Lines[0], Is.EqualTo($"NAME{new string(' ', $"{_registry.Host}/team/web".Length - 1)}DESCRIPTION   STARS     OFFICIAL"));
        Assert.That(found.Lines[1..].Select(static line => line.Split(' ')[0]), Is.EquivalentTo((string[])[$"{_registry.Host}/team/db", Name]));
        Assert.That(Run("search", "--limit", "1", "--format", "{{.Name}} {{.StarCount}}", $"{_registry.Host}/team").Succeeded().Lines, Has.Length.EqualTo(1));
        Assert.That(Run("search", "-f", "stars=1", "--format", "{{.Name}}", $"{_registry.Host}/team").Succeeded().Out, Is.Empty);
        var json = JsonDocument.Parse(Run("search", "--format", "json", $"{_registry.Host}/tools").Succeeded().Line).RootElement;
        Assert.That(json.GetProperty("IsOfficial").GetString(), Is.EqualTo("false"));
    }

    [Test]
    public void What_cannot_be_searched_is_refused()
    {
        Run("search", "--limit", "101", "x").Failed(1, "Limit 101 is outside the range of [1, 100]");
        Run("search", "-f", "color=red", "x").Failed(1, "invalid filter 'color'");
        Run("search", "-f", "stars=many", "x").Failed(1, "invalid filter 'stars=many'");
        Run("search", "https://x/y").Failed(1, "should not have a scheme");
        Run("search", "127.0.0.1:9/x").Failed(1, "connection refused");
    }

    [Test]
    public void A_manifest_is_shown_as_it_is_in_the_registry()
    {
        var raw = World.Host.Tool("skopeo", "inspect", "--raw", "--tls-verify=false", $"docker://{Name}:1");
        var shown = Run("manifest", "inspect", $"{Name}:1").Succeeded().Out;
        Assert.That(shown, Does.StartWith("{\n\t\"schemaVersion\": 2,\n\t\"mediaType\": "));
        Assert.That(Compact(shown), Is.EqualTo(raw));
        var verbose = JsonDocument.Parse(Run("manifest", "inspect", "-v", $"{Name}:1").Succeeded().Out).RootElement;
        Assert.Multiple(() =>
        {
            Assert.That(verbose.GetProperty("Ref").GetString(), Is.EqualTo($"{Name}:1"));
            Assert.That(verbose.GetProperty("Descriptor").GetProperty("platform").GetProperty("architecture").GetString(), Is.EqualTo("amd64"));
            Assert.That(verbose.GetProperty("Raw").GetBytesFromBase64(), Is.EqualTo(System.Text.Encoding.UTF8.GetBytes(raw)));
            Assert.That(Compact(verbose.GetProperty("OCIManifest").GetRawText()), Is.EqualTo(raw));
        });
        Run("manifest", "inspect", $"{Name}:2").Failed(1, $"crun-sharp: no such manifest: {Name}:2");
        Run("manifest", "inspect", "127.0.0.1:9/x").Failed(1, "connection refused");
    }

    [Test]
    public void A_list_is_put_together_and_pushed_and_others_choose_from_it()
    {
        var (list, other) = ($"{_registry.Host}/lists/multi:1", $"{_registry.Host}/team/db");
        Assert.That(Run("manifest", "create", list, $"{Name}:1", other).Succeeded().Out, Is.EqualTo($"Created manifest list {list}\n"));
        Run("manifest", "create", list, $"{Name}:1").Failed(1, "refusing to amend an existing manifest list with no --amend flag");
        Run("manifest", "annotate", list, other, "--arch", "arm64", "--variant", "v8").Succeeded();
        Run("manifest", "annotate", list, $"{_registry.Host}/tools", "--arch", "arm64").Failed(1, $"manifest for image {_registry.Host}/tools:latest does not exist in {list}");
        Assert.That(JsonDocument.Parse(Run("manifest", "inspect", list).Succeeded().Out).RootElement.GetProperty("manifests").GetArrayLength(), Is.EqualTo(2));
        Assert.That(Run("manifest", "inspect", list, other).Succeeded().Out, Is.EqualTo(Run("manifest", "inspect", other).Succeeded().Out));

        var push = Run("manifest", "push", "--purge", list).Succeeded();
        Assert.That(push.Lines[^1], Does.Match("^sha256:[0-9a-f]{64}$"));
        Assert.That(push.Lines[0], Does.Match($"^Pushed ref {_registry.Host}/lists/multi@(sha256:[0-9a-f]{{64}}) with digest: \\1$"));
        Run("manifest", "push", list).Failed(1, $"crun-sharp: No such manifest: {list}");
        var raw = World.Host.Tool("skopeo", "inspect", "--raw", "--tls-verify=false", $"docker://{list}");
        Assert.That(raw, Does.Contain("\"architecture\":\"arm64\"").And.Contain("image.index.v1+json").And.Not.Contain("crun-sharp"));
        Assert.That(CrunSharp.Oci.Digest.Of(System.Text.Encoding.UTF8.GetBytes(raw)).ToString(), Is.EqualTo(push.Lines[^1]));
        foreach (var architecture in (string[])["amd64", "arm64"])
            World.Host.Tool("skopeo", "--insecure-policy", "--override-arch", architecture, "--tmpdir", World.Files, "copy", "-q", "--src-tls-verify=false", $"docker://{list}", $"dir:{World.Files}/chosen");
        Assert.That(Run("manifest", "inspect", "-v", list).Succeeded().Out, Does.StartWith("[\n\t{\n\t\t\"Ref\": "));
        Run("run", "--rm", "--network", "none", "-q", list, "true").Succeeded();
        Run("rmi", list).Succeeded();
        Directory.Delete($"{World.Files}/chosen", recursive: true);
    }

    [Test]
    public void Lists_that_cannot_be_are_refused_and_forgotten_ones_are_gone()
    {
        var list = $"{_registry.Host}/team/list";
        Run("manifest", "create", list, $"{Name}:nosuch").Failed(1, $"no such manifest: {Name}:nosuch");
        Run("manifest", "create", "127.0.0.1:9/list", $"{Name}:1").Succeeded();
        Run("manifest", "push", "127.0.0.1:9/list").Failed(1, $"cannot use source images from a different registry than the target image: {_registry.Host} != 127.0.0.1:9");
        Run("manifest", "rm", "127.0.0.1:9/list").Succeeded();
        Run("manifest", "rm", "127.0.0.1:9/list").Failed(1, "No such manifest: 127.0.0.1:9/list:latest");
        Run("system", "check").Succeeded();
    }

    private static string Compact(string json) => JsonSerializer.Serialize(JsonDocument.Parse(json).RootElement, s_plain);
}
