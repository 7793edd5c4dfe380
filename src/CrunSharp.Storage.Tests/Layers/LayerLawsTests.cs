using CrunSharp.Oci;

namespace CrunSharp.Storage.Tests.Layers;

/// <summary>Laws that hold for every tree.</summary>
public class LayerLawsTests : TemporaryFolder
{
    [Test]
    public void Applying_the_tar_of_a_tree_gives_the_tree([Range(1, 12)] int seed)
    {
        using var store = OpenStore();
        using var draft = store.Layers.Begin();
        Trees.Fill(draft.Path, seed, 200);
        var before = Trees.List(draft.Path);
        var layer = store.Layers.Commit(draft);
        using var tar = new MemoryStream();
        store.Layers.WriteTar(layer, tar);
        Assert.Multiple(() =>
        {
            Assert.That(Trees.List(layer.Path), Is.EqualTo(before));
            Assert.That(Digest.Of(tar.ToArray()), Is.EqualTo(layer.DiffId));
            Assert.That(tar.Length, Is.EqualTo(layer.TarSize));
        });

        using var other = Store.Open(Folder + "/other");
        tar.Position = 0;
        var applied = other.Layers.Apply(tar, layer.DiffId, null);
        Assert.That(Trees.List(applied.Path), Is.EqualTo(before));
        Assert.That((applied.DiffId, applied.Size, applied.TarSize, applied.Implied.Count), Is.EqualTo((layer.DiffId, layer.Size, layer.TarSize, 0)));
    }

    [Test]
    public void Committing_the_same_tree_twice_gives_the_same_layer([Range(20, 22)] int seed)
    {
        using var store = OpenStore();
        using var one = store.Layers.Begin();
        using var two = store.Layers.Begin();
        Trees.Fill(one.Path, seed, 100);
        Trees.Fill(two.Path, seed, 100);
        var first = store.Layers.Commit(one);
        var second = store.Layers.Commit(two);
        Assert.That(second.DiffId, Is.EqualTo(first.DiffId));
        Assert.That(Directory.Exists(two.Path), Is.True, "the draft's directory stays until the draft is disposed");
    }

    [Test]
    public void Gnu_tar_reads_what_we_write([Range(30, 33)] int seed)
    {
        using var store = OpenStore();
        using var draft = store.Layers.Begin();
        Trees.Fill(draft.Path, seed, 100);
        Shell.Run($"find {draft.Path} -type c -delete; find {draft.Path} -type s -delete"); // whiteouts are no files to tar
        using (var root = Kernel.Files.FileAt.OpenDirectory(draft.Path)) RemoveOpaque(root);
        var before = Trees.List(draft.Path);
        var layer = store.Layers.Commit(draft);
        using (var file = File.OpenWrite(Folder + "/layer.tar")) store.Layers.WriteTar(layer, file);
        var unpacked = MakeSubfolder("gnu");
        Shell.Run($"tar --xattrs --xattrs-include='*' --numeric-owner --same-owner -xpf {Folder}/layer.tar -C {unpacked}");
        Assert.That(Trees.List(unpacked), Is.EqualTo(before));
    }

    [Test]
    public void We_read_what_gnu_tar_writes([Values("gnu", "posix", "pax", "oldgnu")] string format, [Values(40, 41)] int seed)
    {
        var tree = MakeSubfolder("tree");
        Trees.Fill(tree, seed, 100, linksSpecial: false);
        Shell.Run($"find {tree} -type c -size 0 -delete; find {tree} -type s -delete");
        using (var root = Kernel.Files.FileAt.OpenDirectory(tree)) RemoveOpaque(root);
        var before = Trees.List(tree);
        var keepsAll = format is "posix" or "pax";
        Shell.Run($"tar --format={format} {(keepsAll ? "--xattrs --xattrs-include='*'" : "")} --numeric-owner -C {tree} -cf {Folder}/tree.tar .");
        using var store = OpenStore();
        var layer = store.Layers.Apply(File.OpenRead(Folder + "/tree.tar"), null, null);
        if (keepsAll) Assert.That(Trees.List(layer.Path), Is.EqualTo(before));
        else Assert.That(Trees.List(layer.Path).Select(NameOf), Is.EqualTo(before.Select(NameOf)));
    }

    private static string NameOf(string line) => line.Split('\0')[0];

    private static void RemoveOpaque(Microsoft.Win32.SafeHandles.SafeFileHandle directory)
    {
        foreach (var name in Kernel.Files.FileAt.List(directory))
        {
            if (Kernel.Files.FileAt.Status(directory, name).Kind != Kernel.Files.FileKind.Directory) continue;
            Kernel.Files.ExtendedAttributes.Remove(directory, name, "trusted.overlay.opaque");
            using var own = Kernel.Files.FileAt.Open(directory, name, Kernel.Libc.OpenFlags.O_RDONLY);
            RemoveOpaque(own);
        }
    }
}
