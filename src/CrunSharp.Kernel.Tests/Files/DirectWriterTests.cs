using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Tests.Files;

public sealed class DirectWriterTests
{
    private const int Mebibyte = 1024 * 1024;
    private const OpenFlags Nameless = OpenFlags.O_TMPFILE | OpenFlags.O_RDWR;

    [TestCase("/var/tmp", 0, 0)]
    [TestCase("/var/tmp", 0, 1)]
    [TestCase("/var/tmp", 0, Mebibyte)]
    [TestCase("/var/tmp", 2 * Mebibyte, 3 * Mebibyte + 4097)]
    [TestCase("/var/tmp", 4096, 5 * Mebibyte - 1)]
    [TestCase("/dev/shm", 4096, 2 * Mebibyte + 1)]
    public void The_file_has_what_was_written(string folder, int offset, int length)
    {
        var content = new byte[offset + length];
        new Random(length).NextBytes(content);
        using var file = FileAt.Open(null, folder, Nameless, 0x180);
        OpenFile.WriteAt(file, content.AsSpan(0, offset), 0);
        using (var writer = new DirectWriter(file, offset))
        {
            for (int at = offset, count = 1; at < content.Length; at += count, count = count * 3 + 1)
            {
                count = Math.Min(count, content.Length - at);
                writer.Write(content.AsSpan(at, count));
            }
            writer.Finish();
        }
        Assert.That(OpenFile.ReadAll(file, content.Length, out _), Is.EqualTo(content));
    }

    [Test]
    public void What_was_written_can_be_replaced()
    {
        var content = new byte[3 * Mebibyte + 1000];
        new Random(1).NextBytes(content);
        using var file = FileAt.Open(null, "/var/tmp", Nameless, 0x180);
        OpenFile.WriteAt(file, content.AsSpan(0, 4096), 0);
        using (var writer = new DirectWriter(file, 4096))
        {
            writer.Write(content.AsSpan(4096));
            foreach (var (at, count) in ((int, int)[])[(4096, 512), (2 * Mebibyte + 4096 - 10, 20), (content.Length - 10, 10), (content.Length - 10, Mebibyte)])
            {
                var other = new byte[count];
                new Random(at + count).NextBytes(other);
                writer.Seek(at - writer.Position, SeekOrigin.Current);
                writer.Write(other);
                if (at + count > content.Length) Array.Resize(ref content, at + count);
                other.CopyTo(content, at);
                Assert.That(writer.Position, Is.EqualTo(at + count));
                writer.Position = writer.Length;
            }
            Assert.Throws<ArgumentOutOfRangeException>(() => writer.Position = 4095);
            Assert.Throws<ArgumentOutOfRangeException>(() => writer.Position = content.Length + 1);
            writer.Finish();
        }
        Assert.That(OpenFile.ReadAll(file, content.Length + 1, out _), Is.EqualTo(content));
    }

    [Test]
    public void A_full_file_system_is_told_and_what_is_not_finished_is_let_go()
    {
        using var full = DetachedMount.FileSystem("tmpfs", [new("size", "2m")], MountAttributes.MOUNT_ATTR_NODEV, "test");
        using var file = FileAt.Open(full, ".", Nameless, 0x180);
        using var writer = new DirectWriter(file, 0);
        var error = Assert.Throws<CrunException>(() =>
        {
            writer.Write(new byte[4 * Mebibyte]);
            writer.Finish();
        });
        Assert.That(error!.Errno, Is.EqualTo(Errno.ENOSPC));
    }

    [Test]
    public void It_begins_at_a_block()
    {
        using var file = FileAt.Open(null, "/var/tmp", Nameless, 0x180);
        Assert.Throws<ArgumentOutOfRangeException>(() => new DirectWriter(file, 512).Dispose());
    }
}
