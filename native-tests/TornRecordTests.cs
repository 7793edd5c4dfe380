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
    public void A_torn_record_of_the_network_does_not_stop_it([Values("network.json", "cursor", "ip/*", "endpoints/*")] string file, [Values("", "{", "{}", "\0\0\0\0")] string content)
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

    [Test]
    public void A_torn_record_of_an_image_or_volume_hides_no_other([Values("images/*.json", "names/*", "volumes/*/volume.json", "layers/*/layer.json")] string file, [Values("", "{", "null")] string content)
    {
        World.Import("spoiled", BusyboxImage.With(World.Files + "/spoiled.tar", static tar => BusyboxImage.AddFile(tar, "spoiled", "x")));
        Run("volume", "create", "spoiled").Succeeded();
        Run("volume", "create", "kept").Succeeded();
        var id = World.Inspect("spoiled", "{{.Id}}").Split(':')[1];
        var layer = World.Inspect("spoiled", "{{index .RootFS.Layers 0}}").Split(':')[1];
        World.File("../root/" + file.Replace("images/*", $"images/{id}").Replace("names/*", "names/docker.io%2Flibrary%2Fspoiled%3Alatest")
            .Replace("volumes/*", "volumes/spoiled").Replace("layers/*", $"layers/{layer}"), content);
        Assert.Multiple(() =>
        {
            Assert.That(Run("images", "--format", "{{.Repository}}"), Has.Property("Code").Zero.And.Property("Out").Contains("busybox\n"));
            Assert.That(Run("volume", "ls", "-q"), Has.Property("Code").Zero.And.Property("Out").Contains("kept\n"));
            Assert.That(InContainer("echo well", "-v", "kept:/data").Out, Is.EqualTo("well\n"));
            var healed = Run("import", World.Files + "/spoiled.tar", "spoiled");
            Assert.That(healed.Code, Is.Zero, healed.ToString());
            var again = Run("run", "--rm", "--network", "none", "spoiled", "cat", "/spoiled");
            Assert.That(again.Out, Is.EqualTo("x"), again.ToString());
        });
        Run("volume", "rm", "kept").Succeeded();
        var removed = Run("volume", "rm", "-f", "spoiled");
        Assert.That(removed.Code, Is.Zero, removed.ToString());
        Run("rmi", "-f", "spoiled");
    }

    [Test]
    public void A_damaged_image_is_told_in_one_line_and_loading_it_repairs_it([Values("", "{")] string content)
    {
        World.Import("spoiled", BusyboxImage.With(World.Files + "/spoiled.tar", static tar => BusyboxImage.AddFile(tar, "spoiled", "x")));
        Run("save", "-o", "spoiled.image", "spoiled").Succeeded();
        var id = World.Inspect("spoiled", "{{.Id}}").Split(':')[1];
        File.WriteAllText($"{World.Root}/blobs/sha256/{id}", content);
        Assert.Multiple(() =>
        {
            var listed = Run("images", "--format", "{{.Repository}}");
            Assert.That((listed.Code, listed.Out), Is.EqualTo((0, "busybox\n")));
            Assert.That(listed.Err.Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.EqualTo(1).And.Some.Contains(id[..12]));
            Run("run", "--rm", "--network", "none", "spoiled", "true").Failed(125, id);
            Assert.That(InContainer("echo well").Out, Is.EqualTo("well\n"));
            Run("image", "prune", "-f").Succeeded();
        });
        Run("load", "-i", "spoiled.image").Succeeded();
        Assert.That(Run("run", "--rm", "--network", "none", "spoiled", "cat", "/spoiled").Out, Is.EqualTo("x"));
        File.WriteAllText($"{World.Root}/blobs/sha256/{id}", content);
        Run("rmi", id).Succeeded();
        Assert.That((Run("images", "-q").Err, Run("images", "--format", "{{.Repository}}").Out), Is.EqualTo(("", "busybox\n")));
    }
}
