using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Storage.Tests.Layers;

public class LayerViewTests
{
    private string _root = null!;
    private readonly List<Microsoft.Win32.SafeHandles.SafeFileHandle> _open = [];

    [SetUp]
    public void Make() => _root = Directory.CreateTempSubdirectory("crun-view-").FullName;

    [TearDown]
    public void Remove()
    {
        foreach (var handle in _open) handle.Dispose();
        _open.Clear();
        FileAt.RemoveTree(null, _root);
    }

    private ViewLayer Layer(string name, params string[] paths)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_root, name)).FullName;
        foreach (var path in paths)
        {
            if (path.StartsWith('!'))
            {
                Whiteout(Path.Combine(folder, path[1..]));
                continue;
            }
            var link = path.Split(" -> ");
            var full = Path.Combine(folder, link[0]);
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            if (link.Length == 2) File.CreateSymbolicLink(full, link[1]);
            else if (path.EndsWith('/')) Directory.CreateDirectory(full);
            else File.WriteAllText(full, name);
        }
        _open.Add(FileAt.OpenDirectory(folder));
        return new ViewLayer(_open[^1], []);
    }

    private static void Whiteout(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        FileAt.MakeNode(null, path, FileKind.CharacterDevice, 0);
    }

    [TestCase("/a/b", "/a/b", true)]
    [TestCase("a//./b/", "/a/b", true)]
    [TestCase("/a/../../../a/b", "/a/b", true)]
    [TestCase("/abs/b", "/a/b", true)]
    [TestCase("/up/b", "/a/b", true)]
    [TestCase("/a/rel", "/a/b", true)]
    [TestCase("/chain", "/a/b", true)]
    [TestCase("/a/no/where", "/a/no/where", false)]
    [TestCase("/a/no/../b", "/a/b", true)]
    [TestCase("/dangling/x", "/nothing/x", false)]
    [TestCase("/", "/", true)]
    public void A_path_is_resolved_with_the_views_root_as_the_root(string path, string expected, bool exists)
    {
        var view = LayerView.OfLayers([Layer("top", "abs -> /a", "up -> ../../../../a", "chain -> abs/rel", "dangling -> /nothing"), Layer("base", "a/b", "a/rel -> b")]);
        var resolved = view.Resolve(path);
        Assert.That((resolved.Path, resolved.Status is not null), Is.EqualTo((expected, exists)));
    }

    [Test]
    public void A_circle_of_links_and_a_file_as_a_directory_are_refused()
    {
        var view = LayerView.OfLayers([Layer("l", "x -> y", "y -> x", "f")]);
        Assert.That(() => view.Resolve("/x"), Throws.TypeOf<CrunException>().With.Message.Contains("too many symbolic links"));
        Assert.That(() => view.Resolve("/f/g"), Throws.TypeOf<CrunException>().With.Message.Contains("not a directory"));
        Assert.That(() => view.Resolve("/f/.."), Throws.TypeOf<CrunException>());
    }

    [Test]
    public void Layers_are_merged_as_overlayfs_does()
    {
        var view = LayerView.OfLayers(
        [
            Layer("3", "d/new", "!d/gone", "file/now-a-directory", "opaque/only"),
            Layer("2", "d/two", "d/gone", "file", "dir"),
            Layer("1", "d/one", "d/gone", "opaque/hidden", "dir/not-seen", "file/not-seen"),
        ]);
        using (var top = FileAt.OpenDirectory(Path.Combine(_root, "3"))) ExtendedAttributes.Set(top, "opaque", "trusted.overlay.opaque", "y"u8);
        string Names(string path)
        {
            using var directory = view.OpenDirectory(path);
            return string.Join(' ', directory.Names());
        }
        Assert.That(Names("/"), Is.EqualTo("d dir file opaque"));
        Assert.That(Names("/d"), Is.EqualTo("new one two"));
        Assert.That(Names("/opaque"), Is.EqualTo("only"));
        Assert.That(Names("/file"), Is.EqualTo("now-a-directory"));
        Assert.That(view.Resolve("/dir").IsDirectory, Is.False);
        Assert.That(view.Resolve("/d/gone").Status, Is.Null);
        Assert.That(view.TryReadFile("/d/one", 10), Is.EqualTo("1"u8.ToArray()));
    }

    [Test]
    public void A_directory_that_a_layer_only_implies_is_as_the_one_beneath()
    {
        var top = Layer("top", "tmp/x") with { Implied = ["tmp"] };
        var below = Layer("base", "tmp/");
        FileAt.SetMode(below.Directory, "tmp", 0x3ff);
        Assert.That(LayerView.OfLayers([top, below]).Resolve("/tmp").Status, Is.Not.Null);
        using var root = LayerView.OfLayers([top, below]).OpenRoot();
        Assert.That(root.Find("tmp")!.Value.Status.Mode, Is.EqualTo(0x3ffu));
    }
}
