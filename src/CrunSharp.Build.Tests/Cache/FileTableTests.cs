using CrunSharp.Build.Cache;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Build.Tests.Cache;

public class FileTableTests
{
    private static readonly PathKey[] s_paths = [.. Enumerable.Range(0, 5000).Select(static i => PathKey.Of($"d{i / 100}/f{i}"))];

    [TestCase(0)]
    [TestCase(5000)]
    public void All_records_are_found_before_and_after_a_file_and_no_others(int expected)
    {
        var table = FileTable.Empty();
        table.Expect(expected);
        for (var i = 0; i < s_paths.Length; i++) table.Set(Record(i, version: 1));
        for (var i = 0; i < s_paths.Length; i += 2) table.Set(Record(i, version: 2));
        foreach (var one in (FileTable[])[table, FileTable.TryRead(table.ToFile().ToArray())!])
        {
            for (var i = 0; i < s_paths.Length; i++) Assert.That(one.TryGet(s_paths[i]), Is.EqualTo(Record(i, version: i % 2 == 0 ? 2 : 1)));
            Assert.That(one.TryGet(PathKey.Of("d0/f5000")), Is.Null);
        }
        Assert.That(FileTable.Empty().TryGet(s_paths[0]), Is.Null);
    }

    [Test]
    public void A_damaged_file_is_none()
    {
        var table = FileTable.Empty();
        table.Set(Record(1, version: 1));
        var file = table.ToFile().ToArray();
        for (var i = 0; i < file.Length; i++)
        {
            var damaged = file.ToArray();
            damaged[i] ^= 4;
            Assert.That(FileTable.TryRead(damaged), Is.Null, $"byte {i}");
            Assert.That(FileTable.TryRead(file[..i]), Is.Null, $"{i} bytes");
        }
    }

    private static FileRecord Record(int file, int version) =>
        new(s_paths[file], new FileStatus { Inode = (ulong)file, Size = version }, new KnownFile(new ContentHash((ulong)file, (ulong)version, 0, 1), file % 3 == 0));
}
