using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Mounts;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Tests.Mounts;

public class DetachedMountTests
{
    private readonly List<SafeFileHandle> _handles = [];
    private string _path = "";

    [SetUp]
    public void MakeDirectory() => _path = Directory.CreateTempSubdirectory("crun-sharp-test-").FullName;

    [TearDown]
    public void RemoveDirectory()
    {
        foreach (var handle in _handles) handle.Dispose();
        _handles.Clear();
        FileAt.RemoveTree(null, _path);
    }

    private List<SafeFileHandle> Layers(int count)
    {
        for (var i = 0; i < count; i++)
        {
            Directory.CreateDirectory($"{_path}/{i}");
            File.WriteAllText($"{_path}/{i}/file{i}", "");
            File.WriteAllText($"{_path}/{i}/top", i.ToString());
            _handles.Add(FileAt.OpenDirectory($"{_path}/{i}"));
        }
        return [.. _handles];
    }

    private static string Read(SafeFileHandle mount, string name)
    {
        using var file = FileAt.OpenInRoot(mount, name, OpenFlags.O_RDONLY);
        var buffer = new byte[100];
        return System.Text.Encoding.UTF8.GetString(buffer, 0, RandomAccess.Read(file, buffer, 0));
    }

    [TestCase(2)]
    [TestCase(14)]
    [TestCase(15)]
    [TestCase(300)]
    public void An_overlay_shows_all_layers_and_the_highest_wins(int count)
    {
        var layers = Layers(count);
        using var mount = DetachedMount.Overlay(layers, null, null, isVolatile: false);
        using var root = FileAt.OpenInRoot(mount, "/", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
        Assert.Multiple(() =>
        {
            Assert.That(FileAt.List(root), Has.Count.EqualTo(count + 1));
            Assert.That(Read(mount, "top"), Is.EqualTo((count - 1).ToString()));
        });
    }

    [Test]
    public void A_directory_may_be_there_twice()
    {
        var layers = Layers(3);
        using var again = FileAt.OpenDirectory($"{_path}/0");
        using var mount = DetachedMount.Overlay([.. layers, again], null, null, isVolatile: false);
        Assert.That(Read(mount, "top"), Is.EqualTo("0"));
    }

    [Test]
    public void Kernels_before_6_7_get_short_names()
    {
        var layers = Layers(60);
        using var mount = DetachedMount.OverlayOfShortNames(layers, null, null, isVolatile: false);
        Assert.Multiple(() =>
        {
            Assert.That(Read(mount, "top"), Is.EqualTo("59"));
            Assert.That(Directory.GetCurrentDirectory(), Does.Not.StartWith("/proc"));
        });
    }

    [Test]
    public void A_detached_mount_is_in_no_namespace_and_vanishes_with_its_handle()
    {
        using (DetachedMount.FileSystem("tmpfs", [new("size", "1m")], MountAttributes.MOUNT_ATTR_NODEV, "test"))
            Assert.That(File.ReadAllText("/proc/self/mountinfo"), Does.Not.Contain("size=1024k,"));
    }
}
