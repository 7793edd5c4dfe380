using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Storage.Tests.Images;

public class ImageStoreTests : TemporaryFolder
{
    [Test]
    public void An_import_is_found_by_name_id_and_digits()
    {
        using var store = OpenStore();
        var image = Import(store, "web", "hello");
        Assert.Multiple(() =>
        {
            Assert.That(store.Images.Resolve("web").Id, Is.EqualTo(image.Id));
            Assert.That(store.Images.Resolve("docker.io/library/web:latest").Id, Is.EqualTo(image.Id));
            Assert.That(store.Images.Resolve(image.Id.ToString()).Id, Is.EqualTo(image.Id));
            Assert.That(store.Images.Resolve(image.Id.Short).Id, Is.EqualTo(image.Id));
            Assert.That(store.Images.Resolve("sha256:" + image.Id.Short).Id, Is.EqualTo(image.Id));
            Assert.That(store.Images.TryResolve("web:other"), Is.Null);
            Assert.That(() => store.Images.Resolve("x"), Throws.TypeOf<CrunException>().With.Message.EqualTo("No such image: x:latest"));
            Assert.That(image.Names.Select(n => n.Familiar), Is.EqualTo(new[] { "web:latest" }));
            Assert.That(image.Size, Is.EqualTo(5));
            Assert.That(File.ReadAllText(store.Layers.Get(image.DiffIds[0]).Path + "/file"), Is.EqualTo("hello"));
            Assert.That(image.Config.Config!.Cmd, Is.EqualTo(new[] { "/bin/sh" }));
        });
    }

    [Test]
    public void Digits_that_several_ids_begin_with_are_ambiguous()
    {
        using var store = OpenStore();
        for (var i = 0; i < 17; i++) Import(store, $"i{i}", $"{i}");
        var twice = store.Images.List().GroupBy(i => i.Id.Hex[0]).First(g => g.Count() > 1).Key;
        Assert.That(() => store.Images.Resolve($"{twice}"), Throws.TypeOf<CrunException>().With.Message.Contains("ambiguous"));
    }

    [Test]
    public void A_name_goes_to_the_image_that_got_it_last()
    {
        using var store = OpenStore();
        var first = Import(store, "web", "one");
        var second = Import(store, "web", "two");
        Assert.Multiple(() =>
        {
            Assert.That(store.Images.Resolve("web").Id, Is.EqualTo(second.Id));
            Assert.That(store.Images.Resolve(first.Id.Hex).Names, Is.Empty);
            Assert.That(store.Images.Untag(ImageReference.Parse("web")), Is.True);
            Assert.That(store.Images.TryResolve("web"), Is.Null);
            Assert.That(store.Images.List(), Has.Count.EqualTo(2));
        });
    }

    [Test]
    public void A_name_longer_than_a_file_name_is_a_name()
    {
        using var store = OpenStore();
        var name = $"registry.example:5000/{new string('a', 120)}/{new string('b', 100)}:{new string('t', 128)}";
        var image = Import(store, name, "x");
        Assert.That(store.Images.Resolve(name).Id, Is.EqualTo(image.Id));
        Assert.That(image.Names.Single().ToString(), Is.EqualTo(name));
    }

    [Test]
    public void An_image_without_its_layers_is_refused()
    {
        using var store = OpenStore();
        var config = new ImageConfig { Architecture = "amd64", Os = "linux", Rootfs = new RootFs { DiffIds = [Digest.Of("no"u8)] } };
        Assert.That(() => store.Images.Add(ImageJson.Write(config), []), Throws.TypeOf<CrunException>().With.Message.Contains("not in the store"));
    }

    [Test]
    public void A_cut_off_tar_is_not_imported()
    {
        using var store = OpenStore();
        var tar = TestTar.Of(("file", "hello"));
        Assert.That(() => RootfsImport.Import(store, new MemoryStream(tar[..^1024]), null), Throws.TypeOf<CrunException>().With.Message.Contains("cut off"));
        Assert.That(store.Images.List(), Is.Empty);
        Assert.That(Directory.GetFileSystemEntries(Folder + "/store/tmp"), Is.Empty);
    }

    [TestCase("")]
    [TestCase("{")]
    [TestCase("null")]
    public void An_image_with_a_damaged_record_is_still_there_beside_the_others(string damage)
    {
        using var store = OpenStore();
        var image = Import(store, "web", "hello");
        Import(store, "other", "hi");
        File.WriteAllText($"{Folder}/store/images/{image.Id.Hex}.json", damage);
        Assert.That(store.Images.List(), Has.Count.EqualTo(2));
        Assert.That(store.Images.Resolve("web").Config.Config!.Cmd, Is.EqualTo(new[] { "/bin/sh" }));
    }

    [TestCase("")]
    [TestCase("{")]
    [TestCase(null)]
    public void An_image_whose_configuration_is_damaged_is_told_and_comes_back_with_the_next_import(string? damage)
    {
        Digest id;
        using (var store = OpenStore())
        {
            id = Import(store, "web", "hello").Id;
            Import(store, "other", "hi");
        }
        var path = $"{Folder}/store/blobs/sha256/{id.Hex}";
        var whole = File.ReadAllBytes(path);
        if (damage is null) File.WriteAllBytes(path, [.. whole[..^1], 0]);
        else File.WriteAllText(path, damage);
        using (var store = OpenStore())
        {
            Assert.That(store.Images.List().Select(i => (i.Id == id, i.Damage is not null)), Is.EquivalentTo(new[] { (true, true), (false, false) }));
            Assert.That(store.Images.Add(whole, [ImageReference.Parse("web")]).Damage, Is.Null);
            Assert.That(store.Images.Resolve("web").Config.Config!.Cmd, Is.EqualTo(new[] { "/bin/sh" }));
        }
    }

    [Test]
    public void A_name_whose_file_is_damaged_names_nothing_until_it_is_given_again([Values("", "sha256:", "\0\0\0\0", "long")] string damage)
    {
        using var store = OpenStore();
        var image = Import(store, "web", "hello");
        Import(store, "other", "hi");
        File.WriteAllText($"{Folder}/store/names/docker.io%2Flibrary%2Fweb%3Alatest", damage == "long" ? new string('x', 5000) : damage);
        Assert.Multiple(() =>
        {
            Assert.That(store.Images.TryResolve("web"), Is.Null);
            Assert.That(store.Images.List().SelectMany(i => i.Names).Select(n => n.Familiar), Is.EqualTo(new[] { "other:latest" }));
        });
        store.Images.Tag(image.Id, ImageReference.Parse("web"));
        Assert.That(store.Images.Resolve("web").Id, Is.EqualTo(image.Id));
    }

    [Test]
    public void Content_that_was_cut_off_makes_way_for_the_whole()
    {
        Digest digest;
        using (var store = OpenStore()) digest = store.Content.Add("whole"u8);
        File.WriteAllText($"{Folder}/store/blobs/sha256/{digest.Hex}", "wh");
        using (var store = OpenStore())
        {
            using (var draft = store.Content.Begin())
            {
                draft.Write("whole"u8);
                draft.Publish(digest);
            }
            Assert.That(store.Content.Read(digest, 10), Is.EqualTo("whole"u8.ToArray()));
        }
    }

    [Test]
    public void What_a_process_left_that_was_killed_while_it_wrote_a_record_is_swept()
    {
        using var store = OpenStore();
        Import(store, "web", "hello");
        foreach (var folder in (string[])["images", "names"]) File.WriteAllText($"{Folder}/store/{folder}/.x.{int.MaxValue:x}-1.tmp", "");
        store.Sweep();
        Assert.That(Directory.GetFiles($"{Folder}/store", "*.tmp", SearchOption.AllDirectories), Is.Empty);
    }

    internal static Image Import(Store store, string name, string content) =>
        RootfsImport.Import(store, new MemoryStream(TestTar.Of(("file", content))), ImageReference.Parse(name),
            new ContainerConfig { Cmd = ["/bin/sh"] });
}
