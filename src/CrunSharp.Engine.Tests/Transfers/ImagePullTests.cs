using CrunSharp.Engine.Transfers;
using CrunSharp.Oci.Images;

namespace CrunSharp.Engine.Tests.Transfers;

public sealed class ImagePullTests : PullFixture
{
    private static Platform Arm64 => PlatformChoice.Parse("linux/arm64");

    [Test]
    public async Task An_image_is_pulled_and_a_second_time_it_costs_one_request()
    {
        AddImage("1");
        var first = await Pull("web:1");
        var requests = Registry.Requests.Count;
        var second = await Pull("web:1");
        Assert.Multiple(() =>
        {
            Assert.That((first.IsNewer, second.IsNewer), Is.EqualTo((true, false)));
            Assert.That(second.Image.Id, Is.EqualTo(first.Image.Id));
            Assert.That(first.Image.GetLayers(), Has.Count.EqualTo(3));
            Assert.That(requests, Is.EqualTo(5));
            Assert.That(Registry.Requests.Skip(requests), Is.EqualTo((string[])["HEAD /v2/web/manifests/1"]));
            Assert.That(Progress.Count(LayerStage.Complete), Is.EqualTo(3));
            Assert.That(Directory.GetFileSystemEntries($"{Root}/tmp"), Is.Empty);
        });
    }

    [Test]
    public async Task A_tag_that_moved_is_pulled_anew_and_known_layers_are_not_fetched()
    {
        AddImage("1");
        await Pull("web:1");
        var before = Registry.Content["/v2/web/manifests/1"];
        AddImage("2", layers: 1);
        await Pull("web:2");
        Registry.Content["/v2/web/manifests/2"] = before;
        Registry.Requests.Clear();
        var moved = await Pull("web:2");
        Assert.Multiple(() =>
        {
            Assert.That(moved.IsNewer);
            Assert.That(moved.Image.Names, Has.Count.EqualTo(3));
            Assert.That(Registry.Requests, Has.None.Contains("/blobs/"));
            Assert.That(Progress.Count(LayerStage.Exists), Is.EqualTo(3));
        });
    }

    [Test]
    public async Task A_digest_names_an_image_without_a_tag_and_is_not_asked_for_again()
    {
        var manifest = AddImage("1");
        var first = await Pull($"web@{manifest.Digest}");
        Registry.Requests.Clear();
        var second = await Pull($"web@{manifest.Digest}");
        Assert.Multiple(() =>
        {
            Assert.That(first.Image.Names.Single().ToString(), Is.EqualTo($"{Registry.Host}/web@{manifest.Digest}"));
            Assert.That(second.IsNewer, Is.False);
            Assert.That(Registry.Requests, Is.Empty);
        });
    }

    [Test]
    public async Task An_index_has_an_image_for_each_platform_also_behind_another_index()
    {
        var amd64 = AddImage("a") with { Platform = Platform.Host };
        var arm64 = AddImage("b", architecture: "arm64") with { Platform = Arm64 with { Variant = "v8" } };
        var attestation = AddImage("c") with { Platform = new Platform { Os = "unknown", Architecture = "unknown" } };
        var index = AddIndex("1", attestation, AddIndex("inner", arm64), amd64);
        var host = await Pull("web:1");
        var other = await Pull("web:1", "linux/aarch64");
        Assert.Multiple(() =>
        {
            Assert.That((host.Image.Config.Architecture, other.Image.Config.Architecture), Is.EqualTo(("amd64", "arm64")));
            Assert.That((host.Digest, other.Digest), Is.EqualTo((index.Digest, index.Digest)));
            Assert.That(Refusal("web:1", "linux/s390x"), Is.EqualTo("no matching manifest for linux/s390x in the manifest list entries"));
        });
        Registry.Requests.Clear();
        await Pull("web:1", "linux/arm64");
        Assert.That(Registry.Requests, Has.Count.EqualTo(1));
        Assert.That((await Pull("web:1")).Image.Id, Is.EqualTo(host.Image.Id), "the host's platform again");
    }

    [Test]
    public async Task A_single_image_of_another_platform_is_pulled_with_a_warning()
    {
        AddImage("1");
        await Pull("web:1", "linux/arm64");
        Assert.That(Progress.Lines, Has.One.EqualTo($"warning: image with reference {Registry.Host}/web:1 was found but its platform (linux/amd64) does not match the specified platform (linux/arm64)"));
    }

    [Test]
    public async Task A_cut_connection_is_taken_up_again()
    {
        var layer = LayersOf(AddImage("1", layers: 1))[0];
        Registry.Cuts[PathOf(layer)] = 50_000;
        await Pull("web:1");
        Assert.That(Registry.Requests.Count(request => request.EndsWith(PathOf(layer), StringComparison.Ordinal)), Is.EqualTo(2));
    }

    [Test]
    public void Wrong_bytes_are_refused_and_nothing_is_left()
    {
        var layer = LayersOf(AddImage("1"))[1];
        var bytes = Registry.Content[PathOf(layer)].Bytes.ToArray();
        bytes[^20_000] ^= 1;
        Registry.Content[PathOf(layer)] = ("", bytes);
        Assert.That(Refusal("web:1"), Does.Contain(layer.Digest.ToString()).Or.Contain("layer sha256:"));
        AssertNothingIsLeft();
    }

    [Test]
    public void A_layer_of_another_size_is_refused()
    {
        var layer = LayersOf(AddImage("1"))[1];
        Registry.Content[PathOf(layer)] = ("", [.. Registry.Content[PathOf(layer)].Bytes, 0]);
        Assert.That(Refusal("web:1"), Does.Contain("were promised"));
        AssertNothingIsLeft();
    }

    [TestCase("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "its content is not in the registry")]
    [TestCase("application/vnd.oci.image.layer.v1.tar+encrypted", "unsupported media type")]
    public void A_layer_of_a_type_that_cannot_be_had_is_refused_before_anything_is_fetched(string type, string message)
    {
        AddImage("1", change: m => m with { Layers = [m.Layers[0], m.Layers[1] with { MediaType = type }, m.Layers[2]] });
        Assert.That(Refusal("web:1"), Does.Contain(message));
        Assert.That(Registry.Requests, Has.None.Contains("/blobs/"));
    }

    [Test]
    public void Documents_that_contradict_each_other_are_refused()
    {
        AddImage("fewer", change: static m => m with { Layers = [m.Layers[0]] });
        AddImage("artifact", change: static m => m with { Config = m.Config with { MediaType = "application/vnd.cncf.helm.config.v1+json" } });
        AddImage("huge", change: static m => m with { Annotations = new Dictionary<string, string> { ["x"] = new('x', 5 * 1024 * 1024) } });
        AddImage("many", change: static m => m with { Layers = [.. Enumerable.Repeat(m.Layers[0], 2000)] });
        AddIndex("longer", AddImage("x") with { Platform = Platform.Host, Size = 7 });
        Assert.Multiple(() =>
        {
            Assert.That(Refusal("web:fewer"), Does.Contain("1 layers for an image of 3"));
            Assert.That(Refusal("web:artifact"), Does.Contain("is no image but \"application/vnd.cncf.helm.config.v1+json\""));
            Assert.That(Refusal("web:huge"), Does.Contain("4194304"));
            Assert.That(Refusal("web:many"), Does.Contain("2000 layers"));
            Assert.That(Refusal("web:longer"), Does.Contain("where 7 were promised"));
            Assert.That(Refusal("web:nosuch"), Does.Contain($"manifest for {Registry.Host}/web:nosuch not found"));
        });
        AssertNothingIsLeft();
    }

    [Test]
    public void Indexes_are_not_followed_for_ever()
    {
        var inner = AddImage("x") with { Platform = Platform.Host };
        for (var i = 0; i < 5; i++) inner = AddIndex($"i{i}", inner);
        Assert.That(Refusal("web:i4"), Does.Contain("nested more than 4 deep"));
        var empty = Enumerable.Range(0, 30).Select(i => AddIndex($"e{i}", inner with { Platform = Arm64, Size = i })).ToArray();
        AddIndex("wide", empty);
        Assert.That(Refusal("web:wide"), Does.Contain("more than 16 indexes"));
        AssertNothingIsLeft();
    }

    [Test]
    public async Task Who_cancels_leaves_nothing_but_what_the_next_pull_uses()
    {
        var layers = LayersOf(AddImage("1"));
        Registry.Stuck[PathOf(layers[2])] = true;
        using var cancel = new CancellationTokenSource();
        var pull = Pull("web:1", null, cancel.Token);
        while (Progress.Count(LayerStage.Complete) < 2 || new FileInfo(PartialOf(layers[2])) is not { Exists: true, Length: >= 64 * 1024 }) await Task.Delay(5);
        await cancel.CancelAsync();
        Assert.That(async () => await pull, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Directory.GetFileSystemEntries($"{Root}/tmp"), Is.EqualTo((string[])[PartialOf(layers[2])]));
        Assert.That(Store.Images.List(), Is.Empty);
        Registry.Stuck.Clear();
        await Pull("web:1");
        Assert.That(Progress.Count(LayerStage.Exists), Is.EqualTo(2));
    }

    [Test]
    public async Task Pulls_at_the_same_time_fetch_each_layer_once()
    {
        var layers = LayersOf(AddImage("1"));
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Pull("web:1"))));
        foreach (var layer in layers)
            Assert.That(Registry.Requests.Count(request => request == $"GET {PathOf(layer)}"), Is.EqualTo(1));
    }
}
