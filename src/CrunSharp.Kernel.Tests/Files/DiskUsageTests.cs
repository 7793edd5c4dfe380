using System.Diagnostics;
using System.Globalization;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;

namespace CrunSharp.Kernel.Tests.Files;

public class DiskUsageTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("crun-sharp-usage-").FullName;

    [TearDown]
    public void RemoveFolder() => FileAt.RemoveTree(null, _folder);

    [Test]
    public void It_is_what_du_says()
    {
        Directory.CreateDirectory($"{_folder}/a/b/c");
        File.WriteAllBytes($"{_folder}/a/large", new byte[300_000]);
        File.WriteAllBytes($"{_folder}/a/b/small", [1]);
        FileAt.Link(null, $"{_folder}/a/large", null, $"{_folder}/a/b/again");
        File.CreateSymbolicLink($"{_folder}/a/link", "/usr");
        using (var sparse = FileAt.Open(null, $"{_folder}/sparse", OpenFlags.O_WRONLY | OpenFlags.O_CREAT, 0x180)) OpenFile.SetSize(sparse, 1L << 40);
        using var du = Process.Start(new ProcessStartInfo("du", ["-s", "--block-size=1", _folder]) { RedirectStandardOutput = true })!;
        var wanted = long.Parse(du.StandardOutput.ReadToEnd().Split('\t')[0], CultureInfo.InvariantCulture);
        Assert.That(DiskUsage.Of(null, _folder), Is.EqualTo(wanted));
        using var folder = FileAt.OpenDirectory(_folder);
        Assert.That(DiskUsage.Of(folder, "."), Is.EqualTo(wanted));
        Assert.That(DiskUsage.Below(folder, "a/b/c"), Is.Zero);
        Assert.That(DiskUsage.Of(folder, "a/link"), Is.LessThan(10_000));
        Assert.That(DiskUsage.Of(folder, "nosuch") + DiskUsage.Below(folder, "nosuch"), Is.Zero);
    }

    [Test]
    public void A_file_is_read_whole_or_not_at_all([Values(0, 1, 4095, 4096, 4097, 100_000)] int size)
    {
        var content = new byte[size];
        Random.Shared.NextBytes(content);
        File.WriteAllBytes($"{_folder}/file", content);
        foreach (var (most, isRead) in ((long, bool)[])[(size, true), (long.MaxValue, true), (size - 1, false)])
        {
            using var file = FileAt.Open(null, $"{_folder}/file", OpenFlags.O_RDONLY);
            Assert.That(OpenFile.ReadAll(file, most, out var had), isRead ? Is.EqualTo(content) : Is.Null);
            Assert.That(had, Is.EqualTo(size));
        }
    }

    [Test]
    public void A_pipe_is_read_to_its_end_or_as_far_as_it_may([Values(0, 4096, 20_000)] int size)
    {
        var content = new byte[size];
        Random.Shared.NextBytes(content);
        foreach (var (most, isRead) in ((long, bool)[])[(size, true), (100_000, true), (size - 1, false)])
        {
            var (reading, writing) = FileDescriptor.Pipe();
            using (reading)
            {
                using (var stream = new FileStream(writing, FileAccess.Write, 0)) stream.Write(content);
                Assert.That(OpenFile.ReadAll(reading, most, out _), isRead ? Is.EqualTo(content) : Is.Null);
            }
        }
    }

    [Test]
    public void Two_names_change_places()
    {
        File.WriteAllText($"{_folder}/file", "file");
        Directory.CreateDirectory($"{_folder}/folder/inside");
        using var folder = FileAt.OpenDirectory(_folder);
        FileAt.Exchange(folder, "file", folder, "folder");
        Assert.That(File.ReadAllText($"{_folder}/folder"), Is.EqualTo("file"));
        Assert.That(Directory.Exists($"{_folder}/file/inside"));
        Assert.That(() => FileAt.Exchange(folder, "file", folder, "nosuch"), Throws.Exception.Message.Contains("ENOENT").Or.Message.Contains("no such file").IgnoreCase);
    }
}
