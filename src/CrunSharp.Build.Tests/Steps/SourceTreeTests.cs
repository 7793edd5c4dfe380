using CrunSharp.Build.Cache;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Steps;
using CrunSharp.Kernel.Files;
using CrunSharp.Storage;

namespace CrunSharp.Build.Tests.Steps;

public class SourceTreeTests
{
    private string _folder = null!;

    [SetUp]
    public void Make()
    {
        _folder = Directory.CreateTempSubdirectory("crun-sharp-tree-").FullName;
        Directory.CreateDirectory(_folder + "/index");
        // Files and directories whose names are mixed, at several depths, and empty directories.
        for (var a = 0; a < 6; a++)
        {
            for (var b = 0; b < 10; b++)
            {
                Directory.CreateDirectory($"{_folder}/tree/{a}dir/{b}dir/deep/deeper/empty{b}");
                for (var f = 0; f < 40; f++)
                    File.WriteAllText($"{_folder}/tree/{a}dir/{b}dir/{(f % 3 == 0 ? "deep/" : f % 3 == 1 ? "deep/deeper/" : "")}file{f}", $"{a} {b} {f}");
                File.WriteAllText($"{_folder}/tree/{a}dir/{b}dir.txt", "beside");
                File.CreateSymbolicLink($"{_folder}/tree/{a}dir/{b}dir/deep/link", $"to{a}{b}");
            }
            File.WriteAllText($"{_folder}/tree/{a}dir.txt", "beside");
        }
    }

    [TearDown]
    public void Remove() => Directory.Delete(_folder, recursive: true);

    [TestCase("", "")]
    [TestCase("**/file1*\n!2dir/3dir/**\n4dir\n!4dir/5dir/deep/file12", "")]
    [TestCase("*dir/1dir", "3dir\n**/deeper")]
    public void What_is_known_of_many_files_changes_only_the_way_that_they_are_found(string ignored, string excluded)
    {
        using var directory = FileAt.OpenDirectory(_folder + "/tree");
        using var indexes = FileAt.OpenDirectory(_folder + "/index");
        var ignore = DockerIgnore.Parse(".dockerignore", ignored);
        var exclude = DockerIgnore.FromPatterns(excluded.Split('\n'));

        // The first one knows of nothing and walks alone; the others walk with all processors.
        Walk(DockerIgnore.None, DockerIgnore.None);
        using var other = FileAt.OpenDirectory(Directory.CreateDirectory(_folder + "/other").FullName);
        var alone = Rows(new SourceTree(LayerView.OfDirectory(directory), ignore, ContextIndex.Open(other, "tree", new Tomorrow()), MayChange: true), exclude);
        Assert.That(alone, Has.Count.GreaterThan(300));
        for (var i = 0; i < 5; i++)
        {
            var (together, hashed) = Walk(ignore, exclude);
            Assert.That(together, Is.EqualTo(alone));
            Assert.That(hashed, Is.Zero);
        }

        File.WriteAllText(_folder + "/tree/4dir/5dir/deep/file12", "changed");
        if (excluded.Length == 0)
        {
            var (changed, hashed) = Walk(ignore, exclude);
            Assert.That(changed, Is.Not.EqualTo(alone));
            Assert.That(hashed, Is.EqualTo(1));
        }

        (List<string> Rows, int Hashed) Walk(DockerIgnore ignore, DockerIgnore exclude)
        {
            var index = ContextIndex.Open(indexes, "tree", new Tomorrow());
            var rows = Rows(new SourceTree(LayerView.OfDirectory(directory), ignore, index, MayChange: true), exclude);
            index.Save();
            return (rows, index.Hashed);
        }
    }

    private static List<string> Rows(SourceTree tree, DockerIgnore exclude)
    {
        var rows = new List<string>();
        Add("", tree.SelectContent("/", exclude, CancellationToken.None).Node);
        return rows;

        void Add(string path, CopyNode node)
        {
            rows.Add($"{path} {node.Status.Kind} {node.Status.Inode} {node.LinkTarget} {node.Content?.A} {node.Path} {node.Count}");
            foreach (var child in node.Children()) Add($"{path}/{child.Name}", child);
        }
    }

    // A file that was made just now is not recorded.
    private sealed class Tomorrow : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow().AddDays(1);
    }
}
