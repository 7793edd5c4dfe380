using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Tests.Files;

public class FileAtTests
{
    private string _path = "";

    [SetUp]
    public void MakeDirectory() => _path = Directory.CreateTempSubdirectory("crun-sharp-test-").FullName;

    [TearDown]
    public void RemoveDirectory() => FileAt.RemoveTree(null, _path);

    [Test]
    public void Opening_in_a_root_stays_inside_when_a_link_is_absolute()
    {
        using var root = FileAt.OpenDirectory(_path);
        FileAt.MakeDirectory(root, "etc");
        File.WriteAllText(_path + "/etc/passwd", "inside");
        FileAt.MakeSymbolicLink(root, "link", "/etc/passwd");
        FileAt.MakeSymbolicLink(root, "up", "../../../../etc");
        using var file = FileAt.OpenInRoot(root, "link", OpenFlags.O_RDONLY);
        using var through = FileAt.OpenInRoot(root, "up/passwd", OpenFlags.O_RDONLY);
        Assert.Multiple(() =>
        {
            Assert.That(FileAt.PathOf(file), Is.EqualTo(_path + "/etc/passwd"));
            Assert.That(FileAt.PathOf(through), Is.EqualTo(_path + "/etc/passwd"));
        });
    }

    [Test]
    public void Opening_beneath_refuses_links()
    {
        using var root = FileAt.OpenDirectory(_path);
        FileAt.MakeSymbolicLink(root, "link", "/etc");
        Assert.That(() => FileAt.OpenBeneath(root, "link/passwd", OpenFlags.O_RDONLY),
            Throws.TypeOf<CrunException>().With.Property("Errno").EqualTo(Errno.ELOOP));
    }

    [Test]
    public void A_failure_prints_like_strace()
    {
        using var root = FileAt.OpenDirectory(_path);
        var error = Assert.Throws<CrunException>(() => FileAt.OpenInRoot(root, "no/such", OpenFlags.O_PATH));
        Assert.That(error!.Message, Does.Match(
            """^open no/such: openat2\(\d+<.*>, "no/such", \{flags=O_PATH, resolve=RESOLVE_IN_ROOT\|RESOLVE_NO_MAGICLINKS\}\) = ENOENT \(No such file or directory\)$"""));
    }

    [Test]
    public void A_failure_names_the_error_of_its_call_when_the_message_has_a_path()
    {
        using var root = FileAt.OpenDirectory(_path);
        FileAt.MakeDirectory(root, "full");
        FileAt.MakeDirectory(root, "full/inner");
        Assert.That(() => FileAt.Remove(root, "full", isDirectory: true),
            Throws.TypeOf<CrunException>().With.Property("Errno").EqualTo(Errno.ENOTEMPTY));
    }

    [Test]
    public void Missing_directories_are_made_in_the_root()
    {
        using var root = FileAt.OpenDirectory(_path);
        FileAt.MakeDirectory(root, "real");
        FileAt.MakeSymbolicLink(root, "link", "/real");
        using var made = FileAt.OpenOrMakeDirectoryInRoot(root, "/link/a/b", 0x1ed);
        Assert.Multiple(() =>
        {
            Assert.That(FileAt.PathOf(made), Is.EqualTo(_path + "/real/a/b"));
            Assert.That(FileAt.Status(made).Mode, Is.EqualTo(0x1ed));
        });
    }

    [Test]
    public void Removing_a_tree_leaves_what_links_point_to()
    {
        using var root = FileAt.OpenDirectory(_path);
        FileAt.MakeDirectory(root, "keep");
        FileAt.MakeDirectory(root, "tree");
        FileAt.MakeSymbolicLink(root, "tree/link", _path + "/keep");
        Assert.That(FileAt.RemoveTree(root, "tree"), Is.True);
        Assert.That(FileAt.List(root), Is.EqualTo(new[] { "keep" }));
    }

    [Test]
    public void A_tree_of_any_depth_is_removed()
    {
        using var root = FileAt.OpenDirectory(_path);
        FileAt.MakeDirectory(root, "tree");
        var at = FileAt.Open(root, "tree", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
        for (var i = 0; i < 3000; i++)
        {
            FileAt.MakeDirectory(at, "d");
            FileAt.MakeDirectory(at, "e");
            var next = FileAt.Open(at, "d", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
            at.Dispose();
            at = next;
        }
        at.Dispose();
        Assert.That(FileAt.RemoveTree(root, "tree"), Is.True);
        Assert.That(FileAt.List(root), Is.Empty);
    }

    [Test]
    public void Attributes_of_a_link_are_its_own_and_come_back()
    {
        using var root = FileAt.OpenDirectory(_path);
        File.WriteAllText(_path + "/file", "");
        ExtendedAttributes.Set(root, "file", "trusted.test", "value"u8);
        Assert.Multiple(() =>
        {
            Assert.That(ExtendedAttributes.List(root, "file"), Does.Contain("trusted.test"));
            Assert.That(ExtendedAttributes.Get(root, "file", "trusted.test"), Is.EqualTo("value"u8.ToArray()));
            Assert.That(ExtendedAttributes.Get(root, "file", "trusted.none"), Is.Null);
            Assert.That(ExtendedAttributes.Remove(root, "file", "trusted.test"), Is.True);
        });
    }

    [Test]
    public void A_lock_excludes_others_until_it_is_given_back()
    {
        using (FileLock.Exclusive(null, _path + "/lock"))
            Assert.That(FileLock.TryExclusive(null, _path + "/lock"), Is.Null);
        using var again = FileLock.TryExclusive(null, _path + "/lock");
        Assert.That(again, Is.Not.Null);
    }

    [Test]
    public void An_atomic_file_replaces_and_leaves_no_temporary()
    {
        using var root = FileAt.OpenDirectory(_path);
        AtomicFile.Write(root, "a", "one"u8);
        AtomicFile.Write(root, "a", "two"u8, durable: true);
        Assert.Multiple(() =>
        {
            Assert.That(AtomicFile.TryRead(root, "a"), Is.EqualTo("two"u8.ToArray()));
            Assert.That(AtomicFile.TryCreate(root, "a", "three"u8), Is.False);
            Assert.That(AtomicFile.TryCreate(root, "b", "four"u8), Is.True);
            Assert.That(FileAt.List(root), Is.EquivalentTo(new[] { "a", "b" }));
            Assert.That(AtomicFile.TryRead(root, "none"), Is.Null);
        });
    }

    [Test]
    public void A_directory_that_was_removed_while_it_was_open_has_no_names()
    {
        var folder = System.IO.Directory.CreateTempSubdirectory("crun-list-").FullName;
        using var open = FileAt.OpenDirectory(folder);
        System.IO.Directory.Delete(folder);
        Assert.That(FileAt.List(open), Is.Empty);
    }
}
