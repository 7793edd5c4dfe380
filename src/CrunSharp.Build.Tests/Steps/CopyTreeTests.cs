using CrunSharp.Build.Cache;
using CrunSharp.Build.Steps;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Build.Tests.Steps;

public class CopyTreeTests
{
    [Test]
    public void Children_are_found_again_over_all_blocks_and_what_was_removed_is_not()
    {
        var tree = new CopyTree();
        var root = tree.Add("", default, Directory(1), "", []);
        for (var d = 0; d < 7; d++)
        {
            var directory = tree.Add($"d{d}", default, Directory(2), "", []);
            for (var f = 0; f < 999; f++)
            {
                var file = tree.Add($"ä\uDCFF{f}", PathKey.Of($"d{d}/{f}"), new FileStatus { Kind = FileKind.Regular, Size = f }, f == 500 ? "target" : "", []);
                if (f % 2 == 0) file.Content = new ContentHash((ulong)f, 2, 3, 4);
            }
            tree.End(directory);
            if (d % 3 == 1) tree.Remove(directory);
        }
        tree.End(root);

        Assert.That(root.Count, Is.EqualTo(1 + 5 * 1000));
        Assert.That(root.Children().Select(static child => child.Name), Is.EqualTo(new[] { "d0", "d2", "d3", "d5", "d6" }));
        foreach (var directory in root.Children())
        {
            var files = directory.Children().ToList();
            Assert.That(files.Select(static file => file.Name), Is.EqualTo(Enumerable.Range(0, 999).Select(static f => $"ä\uDCFF{f}")));
            Assert.That(files.Select(static file => file.Status.Size), Is.EqualTo(Enumerable.Range(0, 999)));
            Assert.That(files.Where(static file => file.LinkTarget.Length > 0).Select(static file => file.Name), Is.EqualTo(new[] { "ä\uDCFF500" }));
            Assert.That(files.Select(static file => file.Content?.A), Is.EqualTo(Enumerable.Range(0, 999).Select(static f => f % 2 == 0 ? (ulong?)f : null)));
        }
    }

    private static FileStatus Directory(uint mode) => new() { Kind = FileKind.Directory, Mode = mode };
}
