using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>Records that a disk which lost power, or a hand, spoiled: the others are still there, and what can be made anew is.</summary>
public sealed class TornRecordTests : NativeTest
{
    // What a disk that lost power, or a hand, may leave in a file.
    private static readonly string[] Torn = ["", "{", "{}", "null", "[]", "\0\0\0\0\0\0\0\0", "{\"id\":5}", "not json"];

    [Test]
    public void A_torn_record_of_a_container_hides_no_other([Values("container.json", "state.json")] string file, [Values(0, 1, 2, 3, 4, 5, 6, 7)] int kind)
    {
        StartSleeper("whole");
        var id = Run("create", "--name", "torn", "--network", "none", "busybox", "true").Succeeded().Line;
        var path = $"{World.Root}/containers/{id}/{file}";
        File.WriteAllText(path, Torn[kind]);
        Assert.Multiple(() =>
        {
            var listed = Run("ps", "-a", "--format", "{{.Names}}");
            Assert.That(listed, Has.Property("Code").Zero.And.Property("Out").Contains("whole\n"));
            Assert.That(Run("exec", "whole", "echo", "well").Out, Is.EqualTo("well\n"));
            Assert.That(Run("inspect", "torn").Err, Does.Not.Contain("Exception"));
            Assert.That(InContainer("echo other").Out, Is.EqualTo("other\n"));
        });
        Run("rm", "-f", "torn");
        Run("rm", "-f", id);
        Assert.That(Run("run", "--rm", "--name", "torn", "--network", "none", "busybox", "echo", "again").Out, Is.EqualTo("again\n"));
        Run("rm", "-f", "whole").Succeeded();
    }

    [Test]
    public void A_torn_record_of_the_network_does_not_stop_it([Values("cursor", "ip/*", "endpoints/*")] string file, [Values("", "{", "{}", "\0\0\0\0")] string content)
    {
        Run("run", "-d", "--name", "networked", "-p", "8080:80", "busybox", "sleep", "1000").Succeeded();
        foreach (var path in Directory.GetFileSystemEntries($"{World.RunRoot}/net/bridge", file.Contains('/', StringComparison.Ordinal) ? "*" : file)
            .SelectMany(path => File.Exists(path) ? [path] : path.EndsWith(file.Split('/')[0], StringComparison.Ordinal) ? Directory.GetFiles(path) : [])
            .Where(path => file.Contains('/', StringComparison.Ordinal) ? Path.GetFileName(Path.GetDirectoryName(path)) == file.Split('/')[0] : Path.GetFileName(path) == file))
            File.WriteAllText(path, content);
        Assert.Multiple(() =>
        {
            Assert.That(Run("ps", "--format", "{{.Names}}").Out, Is.EqualTo("networked\n"));
            var other = Run("run", "--rm", "busybox", "echo", "other");
            Assert.That(other.Out, Is.EqualTo("other\n"), other.ToString());
            Assert.That(Run("rm", "-f", "networked").Code, Is.Zero);
            var again = Run("run", "--rm", "-p", "8080:80", "busybox", "echo", "again");
            Assert.That(again.Out, Is.EqualTo("again\n"), again.ToString());
        });
    }
}
