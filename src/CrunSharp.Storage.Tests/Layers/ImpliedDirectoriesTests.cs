using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Mounts;

namespace CrunSharp.Storage.Tests.Layers;

public class ImpliedDirectoriesTests : TemporaryFolder
{
    [Test]
    public void An_overlay_shows_them_as_the_layers_beneath_have_them()
    {
        string Make(string path, uint mode = 0x1ed, uint owner = 0)
        {
            var full = $"{Folder}/{path}";
            Directory.CreateDirectory(full);
            FileAt.SetOwner(null, full, owner, owner);
            FileAt.SetMode(null, full, mode);
            return full;
        }
        Make("base/tmp", 0x3ff);
        Make("base/home", 0x1c9, 7);
        Make("base/home/user", 0x1c0, 1000);
        Make("base/gone", 0x1c0, 5);
        Make("middle");
        FileAt.MakeNode(null, $"{Folder}/middle/gone", FileKind.CharacterDevice, 0);
        Make("top/tmp");
        File.WriteAllText($"{Folder}/top/tmp/x", "x");
        Make("top/home/user/deep");
        Make("top/gone");
        using var low = FileAt.OpenDirectory($"{Folder}/base");
        using var middle = FileAt.OpenDirectory($"{Folder}/middle");
        using var top = FileAt.OpenDirectory($"{Folder}/top");
        using var implied = FileAt.OpenDirectory(Make("implied"));
        ViewLayer[] layers = [new(low, []), new(middle, []), new(top, ["gone", "home", "home/user", "home/user/deep", "tmp"])];
        Assert.That(ImpliedDirectories.AreIn(layers));
        ImpliedDirectories.Write(layers, implied);
        ImpliedDirectories.Write(layers, implied);
        using var upper = FileAt.OpenDirectory(Make("upper"));
        using var work = FileAt.OpenDirectory(Make("work"));
        using var root = DetachedMount.Overlay([low, middle, top, implied], upper, work, isVolatile: true);
        (uint, uint) Of(string path) => FileAt.Status(root, path) is var status ? (status.Mode & 0xfff, status.Uid) : default;
        Assert.Multiple(() =>
        {
            Assert.That(Of("tmp"), Is.EqualTo((0x3ffu, 0u)));
            Assert.That(Of("home"), Is.EqualTo((0x1c9u, 7u)));
            Assert.That(Of("home/user"), Is.EqualTo((0x1c0u, 1000u)));
            Assert.That(Of("home/user/deep"), Is.EqualTo((0x1edu, 0u)));
            Assert.That(Of("gone"), Is.EqualTo((0x1edu, 0u)));
            Assert.That(FileAt.TryStatus(root, "tmp/x"), Is.Not.Null);
        });
    }
}
