using CrunSharp.Kernel.Files;
using CrunSharp.Storage.Tar;

namespace CrunSharp.Storage.Tests;

public class TarWriterTests
{
    // With and without PAX records, in front of each split of name and prefix.
    [Test]
    public void Dotnets_own_reader_finds_every_name([Values(3, 99, 100, 101, 150, 255, 256, 300)] int length, [Values(0u, 7u)] uint nanoseconds)
    {
        var name = new string('d', length - 2) + "/f";
        if (length > 100) name = new string('d', 60) + "/" + name[61..];
        var tar = TestTar.Write(writer =>
        {
            writer.Begin(new TarEntry { Kind = TarKind.File, Name = name, Mode = 0x1a4, Size = 1, Modified = new FileTime(1, nanoseconds) });
            writer.Write("x"u8);
        });
        using var reader = new System.Formats.Tar.TarReader(new MemoryStream(tar));
        Assert.That(reader.GetNextEntry()?.Name, Is.EqualTo(name));
        Assert.That(new TarReader(new MemoryStream(tar)).Next()?.Name, Is.EqualTo(name));
    }
}
