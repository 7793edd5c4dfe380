using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>save</c> and <c>load</c>, in both formats, with ourselves and with others.</summary>
public sealed class ArchiveTests : BuildTest
{
    private string _app = "";
    private string _other = "";

    protected override void Prepare()
    {
        // A layer with all that a layer may hold, one that hides and one that is empty.
        BuildText("""
            FROM busybox
            RUN mkdir -p /d/e && echo 1 > /d/file && ln /d/file /d/hard && ln -s file /d/link && mkfifo /d/pipe && chmod 4755 /d/file && chown 5:6 /d/e && echo x > "/d/näme with space" && dd if=/dev/zero of=/d/big bs=1M count=3 2>/dev/null
            RUN rm -r /d/e /data && mkdir /data && echo new > /data/new
            WORKDIR /d
            CMD ["cat", "file"]
            """, "-t", "app:v1").Succeeded();
        BuildText("FROM busybox\nRUN echo other > /other\n", "-t", "example.com/other").Succeeded();
        Run("rmi", "out").Succeeded();
        (_app, _other) = (World.Inspect("app:v1", "{{.Id}}"), World.Inspect("example.com/other", "{{.Id}}"));
    }

    private string FilesOf(string image) =>
        InImage("cd /; find d data other -exec stat -c '%n %F %a %u %g %s %h' {} + 2>/dev/null | sed '/directory/s/ [0-9]* [0-9]*$//' | sort; readlink d/link", image);

    [TestCase("docker")]
    [TestCase("oci")]
    public void What_is_saved_and_loaded_is_the_same(string format)
    {
        var before = FilesOf("app:v1");
        Run("tag", "app:v1", "second").Succeeded();
        Run("save", "--format", format, "-o", "all.tar", "app:v1", "second", "example.com/other").Succeeded();
        Run("rmi", "-f", _app, _other).Succeeded();
        Assert.That(Run("load", "-i", "all.tar").Succeeded().Lines, Is.EquivalentTo((string[])["Loaded image: app:v1", "Loaded image: second:latest", "Loaded image: example.com/other:latest"]));
        Run("rmi", "second").Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That((World.Inspect("app:v1", "{{.Id}}"), World.Inspect("example.com/other", "{{.Id}}")), Is.EqualTo((_app, _other)));
            Assert.That(FilesOf("app:v1"), Is.EqualTo(before));
            Assert.That(Run("run", "--rm", "--network", "none", "app:v1").Succeeded().Out, Is.EqualTo("1\n"));
        });
    }

    [TestCase("cat")]
    [TestCase("gzip -1")]
    [TestCase("xz -0")]
    public void A_pipe_does_as_well(string compress)
    {
        World.Shell($"$C save app:v1 | {compress} > piped; $C rmi app:v1; $C load < piped").Succeeded();
        Assert.That(World.Inspect("app:v1", "{{.Id}}"), Is.EqualTo(_app));
        Assert.That(World.Shell($"$C save --format oci app:v1 | {compress} | $C load").Succeeded().Out, Is.EqualTo("Loaded image: app:v1\n"));
    }

    [TestCase("docker")]
    [TestCase("oci")]
    public void A_layout_may_be_a_directory(string format)
    {
        World.Shell($"rm -rf layout; mkdir layout; $C save --format {format} app:v1 | tar -x -C layout; $C rmi app:v1; $C load -i layout").Succeeded();
        Assert.That(World.Inspect("app:v1", "{{.Id}}"), Is.EqualTo(_app));
    }

    [Test]
    public void Saving_by_id_gives_no_name()
    {
        Run("save", "-o", "id.tar", _other).Succeeded();
        Run("rmi", "-f", _other).Succeeded();
        Assert.That(Run("load", "-q", "-i", "id.tar").Succeeded().Out, Is.EqualTo($"Loaded image ID: {_other}\n"));
        Run("tag", _other, "example.com/other").Succeeded();
    }

    [TestCase("docker-archive", "saved.tar")]
    [TestCase("oci-archive", "saved.oci")]
    public void Skopeo_reads_what_is_saved_and_is_read(string kind, string file)
    {
        Run("save", "--format", kind.Split('-')[0], "-o", file, "app:v1").Succeeded();
        var before = FilesOf("app:v1");
        // There and back through each of its formats; compressing the layers changes no image.
        Skopeo("copy", $"{kind}:{file}", "oci:there:example.com/there:1");
        Skopeo("copy", "--dest-compress-format", "zstd", "oci:there:example.com/there:1", "oci-archive:back.oci:example.com/back:2");
        Skopeo("copy", "oci:there:example.com/there:1", "docker-archive:back.tar:example.com/back:3");
        Skopeo("copy", "oci:there:example.com/there:1", "dir:plain");
        Assert.Multiple(() =>
        {
            foreach (var (input, name) in ((string, string)[])[("there", "example.com/there:1"), ("back.oci", "example.com/back:2"), ("back.tar", "example.com/back:3")])
            {
                Assert.That(Run("load", "-i", input).Succeeded().Out, Is.EqualTo($"Loaded image: {name}\n"));
                Assert.That(FilesOf(name), Is.EqualTo(before), name);
                Assert.That(World.Inspect(name, "{{json .Config.Cmd}} {{.Config.WorkingDir}}"), Is.EqualTo("""["cat","file"] /d"""));
            }
        });
        Run("rmi", "-f", "example.com/there:1", "example.com/back:2", "example.com/back:3").Succeeded();
        World.Shell("rm -rf there back.oci back.tar plain " + file).Succeeded();
    }

    [TestCase("docker-archive", "docker")]
    [TestCase("oci-archive", "oci")]
    public void Buildah_has_the_same_files_and_its_images_are_loaded(string kind, string format)
    {
        using var buildah = new Buildah(World);
        Run("save", "--format", format, "-o", "for-buildah", "app:v1").Succeeded();
        buildah.Run($"buildah tag $(buildah pull -q {kind}:{World.Files}/for-buildah) localhost/app");
        Assert.That(buildah.FilesOf("localhost/app").Where(static line => line.StartsWith("./d/", StringComparison.Ordinal)), Is.EqualTo((string[])
        [
            "./d/big f 644 0:0 3145728 ", "./d/file f 4755 0:0 2 ", "./d/hard f 4755 0:0 2 ", "./d/link l 777 0:0 4 file", "./d/näme with space f 644 0:0 2 ", "./d/pipe p 644 0:0 0 ",
        ]));
        buildah.Run($"buildah push -q localhost/app {kind}:{World.Files}/from-buildah:example.com/theirs:1");
        var before = FilesOf("app:v1");
        Assert.That(Run("load", "-i", "from-buildah").Succeeded().Lines, Does.Contain("Loaded image: example.com/theirs:1"));
        Assert.That(FilesOf("example.com/theirs:1"), Is.EqualTo(before));
        Run("rmi", "-f", World.Inspect("example.com/theirs:1", "{{.Id}}")).Succeeded();
        Run("load", "-i", "for-buildah").Succeeded();
        World.Shell("rm -f for-buildah from-buildah").Succeeded();
    }

    [Test]
    public void What_is_no_archive_or_was_changed_is_refused_and_leaves_nothing()
    {
        World.File("text", "this is no archive");
        Run("load", "-i", "text").Failed(1);
        Run("load", "-i", "nosuch").Failed(1, "nosuch");
        Run("save", "nosuch").Failed(1, "No such image: nosuch:latest");
        Run("save", "-o", "twice.tar", "app:v1").Succeeded();
        Run("rmi", "-f", _app).Succeeded();
        Run("builder", "prune", "-af").Succeeded();
        // One byte of a layer, then half of the file.
        World.Shell("cp twice.tar bad.tar; printf X | dd of=bad.tar bs=1 seek=$(( $(stat -c %s bad.tar) / 2 )) conv=notrunc 2>/dev/null; head -c 2500000 twice.tar > cut.tar").Succeeded();
        Run("load", "-i", "bad.tar").Failed(1);
        Run("load", "-i", "cut.tar").Failed(1);
        Assert.That(Run("images", "-q", "app").Out, Is.Empty);
        Run("load", "-i", "twice.tar").Succeeded();
        Assert.That(World.Inspect("app:v1", "{{.Id}}"), Is.EqualTo(_app));
        World.Shell("rm -f *.tar text").Succeeded();
    }

    private void Skopeo(params string[] arguments) => World.Host.Tool("env", ["-C", World.Files, "skopeo", "--insecure-policy", "--tmpdir", World.Files, .. arguments]);
}
