using CrunSharp.Oci;

namespace CrunSharp.Storage.Tests.Images;

public class ImageRemovalTests : TemporaryFolder
{
    [Test]
    public void The_last_name_takes_the_image_and_its_layers_with_it()
    {
        using var store = OpenStore();
        var image = ImageStoreTests.Import(store, "web", "x");
        store.Images.Tag(image.Id, ImageReference.Parse("web:2"));
        var layer = image.DiffIds[0];
        Assert.That(Remove(store, "web:2"), Is.EqualTo(new[] { "Untagged: web:2" }));
        Assert.That(Remove(store, "web"), Is.EqualTo(new[] { "Untagged: web:latest", $"Deleted: {image.Id}", $"Deleted: {layer}" }));
        Assert.Multiple(() =>
        {
            Assert.That(store.Images.List(), Is.Empty);
            Assert.That(store.Layers.TryGet(layer), Is.Null);
            Assert.That(Directory.GetFileSystemEntries(Folder + "/store/blobs/sha256"), Is.Empty);
            Assert.That(Directory.GetFileSystemEntries(Folder + "/store/layers"), Is.Empty);
            Assert.That(Directory.GetFileSystemEntries(Folder + "/store/tmp"), Is.Empty);
            Assert.That(() => Remove(store, "web"), Throws.TypeOf<CrunException>().With.Message.EqualTo("No such image: web:latest"));
        });
    }

    [Test]
    public void A_layer_that_another_image_or_container_uses_stays()
    {
        using var store = OpenStore();
        var one = ImageStoreTests.Import(store, "one", "same");
        var two = RootfsImport.Import(store, new MemoryStream(TestTar.Of(("file", "same"))), ImageReference.Parse("two"));
        Assert.That(two.DiffIds, Is.EqualTo(one.DiffIds));
        Assert.That(Remove(store, "one"), Has.Count.EqualTo(2));
        var lines = ImageRemoval.Remove(store, "two", false, () => [], () => two.DiffIds);
        Assert.That(lines, Has.Count.EqualTo(2));
        Assert.That(store.Layers.TryGet(one.DiffIds[0]), Is.Not.Null);
        Assert.That(GarbageCollector.Collect(store, () => []).Layers, Is.EqualTo(one.DiffIds));
    }

    [Test]
    public void An_id_with_several_names_goes_only_by_force()
    {
        using var store = OpenStore();
        var image = ImageStoreTests.Import(store, "one", "x");
        store.Images.Tag(image.Id, ImageReference.Parse("two"));
        Assert.That(() => Remove(store, image.Id.Short), Throws.TypeOf<CrunException>().With.Message.EqualTo(
            $"conflict: unable to delete {image.Id.Short} (must be forced) - image is referenced in multiple repositories"));
        Assert.That(Remove(store, image.Id.Short, force: true).Take(3),
            Is.EqualTo(new[] { "Untagged: one:latest", "Untagged: two:latest", $"Deleted: {image.Id}" }));
    }

    [Test]
    public void An_image_in_use_keeps_its_last_tag_also_beside_a_digest()
    {
        using var store = OpenStore();
        var image = ImageStoreTests.Import(store, "web", "x");
        store.Images.Tag(image.Id, ImageReference.Parse($"web@{image.Id}"));
        Assert.That(() => ImageRemoval.Remove(store, "web", false, () => [new ImageUse(new string('c', 64), image.Id, false)], () => image.DiffIds),
            Throws.TypeOf<CrunException>().With.Message.Contains("must force"));
        Assert.That(store.Images.Resolve("web").Names, Has.Count.EqualTo(2));
    }

    [Test]
    public void An_image_in_use_stays()
    {
        using var store = OpenStore();
        var image = ImageStoreTests.Import(store, "web", "x");
        var id = new string('c', 64);
        IReadOnlyList<string> Try(string what, bool force, bool running) =>
            ImageRemoval.Remove(store, what, force, () => [new ImageUse(id, image.Id, running)], () => image.DiffIds);
        Assert.Multiple(() =>
        {
            Assert.That(() => Try("web", false, false), Throws.TypeOf<CrunException>().With.Message.EqualTo(
                $"conflict: unable to remove repository reference \"web\" (must force) - container cccccccccccc is using its referenced image {image.Id.Short}"));
            Assert.That(() => Try(image.Id.Hex, false, false), Throws.TypeOf<CrunException>().With.Message.EqualTo(
                $"conflict: unable to delete {image.Id.Short} (must be forced) - image is being used by stopped container cccccccccccc"));
            Assert.That(() => Try(image.Id.Hex, true, true), Throws.TypeOf<CrunException>().With.Message.EqualTo(
                $"conflict: unable to delete {image.Id.Short} (cannot be forced) - image is being used by running container cccccccccccc"));
            Assert.That(Try("web", true, true), Is.EqualTo(new[] { "Untagged: web:latest" }));
            Assert.That(store.Images.TryResolve(image.Id.Hex), Is.Not.Null);
        });
    }

    [Test]
    public void Pruning_takes_nameless_images_and_all_garbage()
    {
        using var store = OpenStore();
        var nameless = ImageStoreTests.Import(store, "web", "old");
        var named = ImageStoreTests.Import(store, "web", "new");
        var (lines, bytes) = ImageRemoval.Prune(store, false, null, () => [], () => []);
        Assert.That(lines, Is.EqualTo(new[] { $"Deleted: {nameless.Id}", $"Deleted: {nameless.DiffIds[0]}" }));
        Assert.That(bytes, Is.GreaterThan(3));
        Assert.That(store.Layers.TryGet(named.DiffIds[0]), Is.Not.Null);
        (lines, _) = ImageRemoval.Prune(store, true, null, () => [], () => []);
        Assert.That(lines[0], Is.EqualTo("Untagged: web:latest"));
        Assert.That(store.Images.List(), Is.Empty);
    }

    [Test]
    public void A_blob_stays_as_long_as_its_layer_though_nobody_has_pinned_it()
    {
        Layer layer;
        using (var maker = OpenStore()) layer = maker.Layers.ApplyKeeping(new MemoryStream(Shell.Pipe("gzip", TestTar.Of(("f", "x")))), null);
        using var puller = OpenStore();
        puller.Layers.Pin([layer.DiffId]); // it found the layer, and is about to make an image of it
        using var pruner = OpenStore();
        Assert.That(GarbageCollector.Collect(pruner, () => []), Has.Property("Layers").Empty.And.Property("Contents").Empty);
        Assert.That(GarbageCollector.Collect(pruner, () => [], [layer.DiffId], [layer.Blob!.Value]), Has.Property("Layers").Empty.And.Property("Contents").Empty);
        Assert.That(puller.Content.Contains(layer.Blob!.Value));
        puller.Dispose();
        var collected = GarbageCollector.Collect(pruner, () => []);
        Assert.That((collected.Layers.Single(), collected.Contents.Single()), Is.EqualTo((layer.DiffId, layer.Blob!.Value)));
    }

    [Test]
    public void An_image_that_gets_a_name_while_it_loses_its_last_one_stays_or_goes_as_a_whole()
    {
        using var store = OpenStore();
        var config = ImageStoreTests.Import(store, "first", "x").RawConfig.ToArray();
        for (var round = 0; round < 40; round++)
        {
            store.Images.Add(config, [ImageReference.Parse("first")]);
            var (name, adding) = (ImageReference.Parse($"next{round}"), new Thread(() =>
            {
                using var other = OpenStore();
                other.Images.Add(config, [ImageReference.Parse($"next{round}")]);
            }));
            adding.Start();
            using (var remover = OpenStore()) ImageRemoval.Remove(remover, "first", false, static () => [], static () => []);
            adding.Join();
            Assert.That(store.Images.Resolve($"next{round}").Damage, Is.Null);
            ImageRemoval.Remove(store, $"next{round}", false, static () => [], static () => []);
            Assert.That(store.Images.TryResolve(name), Is.Null);
            ImageStoreTests.Import(store, "first", "x");
        }
    }

    [Test]
    public void What_another_process_has_pinned_is_no_garbage()
    {
        using var builder = OpenStore();
        using var draft = builder.Layers.Begin();
        File.WriteAllText(draft.Path + "/f", "x");
        var layer = builder.Layers.Commit(draft);
        var content = builder.Content.Add("something"u8);
        using var pruner = OpenStore();
        Assert.That(GarbageCollector.Collect(pruner, () => []), Has.Property("Layers").Empty.And.Property("Contents").Empty);
        builder.Dispose();
        var collected = GarbageCollector.Collect(pruner, () => []);
        Assert.That((collected.Layers.Single(), collected.Contents.Single()), Is.EqualTo((layer.DiffId, content)));
    }

    private static IReadOnlyList<string> Remove(Store store, string what, bool force = false) =>
        ImageRemoval.Remove(store, what, force, () => [], () => []);
}
