using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>export</c>: what is in the tar is what the container's processes see.</summary>
public sealed class ExportTests : BuildTest
{
    private const string List = "find . -mindepth 1 | grep -vE '^./(proc|sys|dev)(/|$)' | sort | while read f; do stat -c '%n %F %a %u:%g %s' $f | sed 's/\\(directory .*\\) [0-9]*$/\\1/'; [ -L $f ] && readlink $f; [ -f $f ] && md5sum < $f; done; true";

    [TearDown]
    public void RemoveImage() => Run("rmi", "-f", "layered");

    [TestCase(true)]
    [TestCase(false)]
    public void What_a_container_sees_is_exported(bool isRunning)
    {
        BuildText("FROM busybox\nRUN mkdir -p /d/gone /d/stays /hidden; echo 1 > /d/gone/x; echo 2 > /d/stays/y; echo 3 > /hidden/z; chmod 1751 /d; chown 7:8 /d/stays/y; ln -s y /d/stays/l; ln /d/stays/y /hard\n"
            + "RUN rm -r /d/gone; rm -r /hidden; mkdir /hidden\n", "-t", "layered").Succeeded();
        var name = isRunning ? "runs" : "ended";
        Run("run", "-d", "--name", name, "--network", "none", "-v", "/volume", "layered", "sh", "-c",
            $"echo own > /own; rm /d/stays/l; echo changed > /hard; echo v > /volume/v; cd /; {List} > /tmp/seen; touch /tmp/ready; {(isRunning ? "exec sleep 1000" : "true")}").Succeeded();
        if (isRunning) World.Await(() => Run("exec", name, "test", "-e", "/tmp/ready").Code == 0, "the container is ready", 20_000);
        else Run("wait", name).Succeeded();

        var folder = Directory.CreateDirectory($"{World.Files}/export").FullName;
        Run("export", "-o", $"{World.Files}/tree.tar", name).Succeeded();
        World.Host.Tool("tar", "--numeric-owner", "-C", folder, "-xpf", $"{World.Files}/tree.tar");
        var seen = File.ReadAllLines($"{folder}/tmp/seen").Where(static line => !line.Contains("/tmp", StringComparison.Ordinal) && !line.StartsWith("./volume/", StringComparison.Ordinal) && !line.StartsWith("./etc/", StringComparison.Ordinal)).ToArray();
        var got = World.Shell($"cd {folder}; {List}").Succeeded().Lines;
        Assert.Multiple(() =>
        {
            Assert.That(File.ReadAllText($"{folder}/own"), Is.EqualTo("own\n"));
            Assert.That(File.ReadAllText($"{folder}/hard"), Is.EqualTo("changed\n"));
            Assert.That(Directory.Exists($"{folder}/d/gone"), Is.False);
            Assert.That(Directory.GetFileSystemEntries($"{folder}/hidden"), Is.Empty);
            Assert.That(Directory.GetFileSystemEntries($"{folder}/volume"), Is.Empty, "volumes are not exported");
            Assert.That(seen.Where(static line => line.StartsWith("./d", StringComparison.Ordinal) && !line.StartsWith("./dev", StringComparison.Ordinal)), Is.SubsetOf(got));
            Assert.That(Directory.GetFileSystemEntries(folder, ".wh.*", SearchOption.AllDirectories), Is.Empty);
        });
        Assert.That(World.Shell($"$C export {name} | tar t | grep -c '^d/stays/y$'").Succeeded().Line, Is.EqualTo("1"));
        var image = World.Shell($"$C export {name} | $C import - again").Succeeded().Line;
        Assert.That(Run("run", "--rm", "--network", "none", image, "/bin/busybox", "cat", "/hard").Succeeded().Out, Is.EqualTo("changed\n"));
        Run("rmi", "again").Succeeded();
        Directory.Delete(folder, recursive: true);
        File.Delete($"{World.Files}/tree.tar");
    }

    [Test]
    public void What_cannot_be_exported_is_refused()
    {
        Run("export", "nosuch").Failed(1, "No such container: nosuch");
        var id = Run("create", "--network", "none", "busybox").Succeeded().Line;
        Run("export", "-o", "/nodir/x", id).Failed(1, "invalid output path: directory \"/nodir\" does not exist");
        Run("export", "-o", "/tmp", id).Failed(1, "is a directory");
        Assert.That(World.Shell($"$C export {id} > /dev/full"), Has.Property("Code").EqualTo(1).And.Property("Err").Contains("No space left on device"));
        using var terminal = World.StartOnTerminal(24, 80, $"$C export {id}");
        Assert.That(terminal.Wait(), Has.Property("Code").EqualTo(1).And.Property("Out").Contains("cowardly refusing to save to a terminal"));
    }
}
