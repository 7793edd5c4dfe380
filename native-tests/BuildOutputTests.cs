using System.Text.Json;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>build --output</c>: files, archives, registries, and what is refused.</summary>
public sealed class BuildOutputTests : BuildTest
{
    private const string Text = """
        FROM busybox
        RUN mkdir -p /d/sub && echo one > /d/one && echo gone > /d/gone && ln /d/one /d/hard && ln -s one /d/link && chown 7:8 /d/one && chmod 4751 /d/one && mkfifo /d/pipe && chmod 1770 /d/sub
        RUN rm /d/gone && echo two > /d/sub/two

        """;

    private string Files => World.Files;

    [TearDown]
    public void RemoveOthers()
    {
        foreach (var image in Run("images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").Succeeded().Lines.Select(static line => line.Split(' ')))
            if (image[0] != "busybox:latest") Run("rmi", "-f", image[0].Contains('<', StringComparison.Ordinal) ? image[1] : image[0]);
    }

    [TestCase("{0}/tree")]
    [TestCase("type=local,dest={0}/tree")]
    [TestCase("\"type=local\",\"dest={0}/tree\",\"mode=copy\"")]
    public void Files_go_into_a_directory_with_owners_modes_and_links(string output)
    {
        Built(string.Format(null, output, Files)).Succeeded();
        Assert.That(World.Shell($"cd {Files}/tree/d; stat -c '%n %F %a %u:%g %h' one hard pipe sub/two; stat -c '%n %F %a %u:%g' sub; readlink link; ls; [ one -ef hard ] && echo same; ls -A .. | grep -c '^[.]'").Lines, Is.EqualTo((string[])
        [
            "one regular file 4751 7:8 2", "hard regular file 4751 7:8 2", "pipe fifo 644 0:0 1", "sub/two regular file 644 0:0 1", "sub directory 1770 0:0",
            "one", "hard", "link", "one", "pipe", "sub", "same", "0",
        ]));
        Assert.That(Images(), Is.EqualTo((string[])["busybox:latest"]), "no image is kept");
        World.Shell($"rm -rf {Files}/tree").Succeeded();
    }

    [Test]
    public void Devices_that_are_named_as_files_of_results_stay_what_they_are()
    {
        var context = Context("FROM scratch\nCOPY Dockerfile /\n");
        World.Shell("mknod null c 1 3 && mkdir place").Succeeded();
        World.Shell($"$C build -q --iidfile null --metadata-file null --timeline null -o type=tar,dest=null {context}").Succeeded();
        World.Shell($"$C build -q --iidfile /dev/stderr --metadata-file /dev/stdout {context} > told 2> id").Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(World.Shell("stat -c %F null /dev/stdout /dev/stderr").Out, Is.EqualTo("character special file\nsymbolic link\nsymbolic link\n"));
            Assert.That(World.Shell("cat id").Out, Does.StartWith("sha256:"));
            Assert.That(World.Shell("cat told").Out, Does.Contain("containerimage.digest"));
            Assert.That(Run("build", "-q", "--iidfile", "place", context).Err, Is.EqualTo("crun-sharp: write place: is a directory\n"));
            Assert.That(Run("build", "-q", "--timeline", "none/page", context).Err, Does.Contain("directory").And.Contain("does not exist"));
        });
        World.Shell("rm null && ln -s ../victim link").Succeeded();
        Run("build", "-q", "--iidfile", "link", context).Succeeded();
        Assert.That(World.Shell("test ! -e ../victim && stat -c %F link").Out, Is.EqualTo("regular file\n"));
    }

    [Test]
    public void A_directory_that_is_there_keeps_what_it_has_and_no_link_in_it_is_followed()
    {
        World.Shell($"mkdir -p {Files}/tree/d {Files}/outside/sub; echo mine > {Files}/tree/mine; echo old > {Files}/tree/d/one; ln -s {Files}/outside/sub {Files}/tree/d/sub; ln -s {Files}/outside/x {Files}/tree/d/hard; mkdir -p {Files}/tree/d/link/full/of").Succeeded();
        Built($"{Files}/tree").Succeeded();
        Assert.That(World.Shell($"cd {Files}; ls -A outside outside/sub; cat tree/mine tree/d/one tree/d/sub/two; readlink tree/d/link").Out, Is.EqualTo("outside:\nsub\n\noutside/sub:\nmine\none\ntwo\none\n"));
        World.Shell($"mkdir {Files}/tree/.crun-sharp-output.7fffffff-1.tmp; chattr +x {Files} 2> /dev/null; true").Succeeded();
        Built($"type=local,dest={Files}/tree,mode=delete").Succeeded();
        Assert.That(World.Shell($"cd {Files}/tree; ls -A; ls -A outside 2> /dev/null").Lines, Does.Not.Contain("mine").And.Contains("d").And.None.StartsWith(".crun-sharp"));
        World.Shell($"rm -rf {Files}/tree {Files}/outside").Succeeded();
    }

    [TestCase("type=oci")]
    [TestCase("type=docker")]
    [TestCase("type=tar")]
    public void What_cannot_be_written_is_named(string output) =>
        Assert.That(Built(output + ",dest=/dev/full"), Has.Property("Code").EqualTo(1).And.Property("Err").Contains("write /dev/full: No space left on device"));

    [TestCase("-", "")]
    [TestCase("type=tar", "")]
    [TestCase("type=tar,dest=-", "")]
    [TestCase("type=tar,dest=tree.tar", "tree.tar")]
    public void Files_go_into_a_tar(string output, string file)
    {
        var outcome = World.Shell($"printf '{Text.ReplaceLineEndings("\\n")}' | $C build -o '{output}' - > out.tar").Succeeded();
        Assert.That(outcome.Out, Is.Empty);
        Assert.That(World.Shell($"tar tvf {(file.Length > 0 ? file : "out.tar")} --numeric-owner | awk '{{print $1, $2, $6, $7, $8, $9, $10}}' | grep ' d/'").Lines.Select(static line => line.TrimEnd()), Is.EqualTo((string[])
        [
            "drwxr-xr-x 0/0 d/", "-rwsr-x--x 7/8 d/hard", "lrwxrwxrwx 0/0 d/link -> one", "hrwsr-x--x 7/8 d/one link to d/hard", "prw-r--r-- 0/0 d/pipe", "drwxrwx--T 0/0 d/sub/", "-rw-r--r-- 0/0 d/sub/two",
        ]));
        World.Shell("rm -f out.tar tree.tar").Succeeded();
    }

    [TestCase("type=oci,dest=image.tar", "oci-archive:image.tar", "tar+gzip")]
    [TestCase("type=oci,dest=image.tar,compression=zstd", "oci-archive:image.tar", "tar+zstd")]
    [TestCase("type=oci,dest=image.tar,compression=zstd,compression-level=9,force-compression=true", "oci-archive:image.tar", "tar+zstd")]
    [TestCase("type=oci,dest=image.tar,compression=uncompressed", "oci-archive:image.tar", "v1.tar")]
    [TestCase("type=oci,dest=image,tar=false", "oci:image", "tar+gzip")]
    [TestCase("type=docker,dest=image.tar", "docker-archive:image.tar", null)]
    [TestCase("type=docker,dest=image.tar,compression=gzip", "docker-archive:image.tar", null)]
    [TestCase("type=docker,dest=image.tar", "oci-archive:image.tar", "v1.tar")]
    [TestCase("type=oci,dest=image.tar,oci-mediatypes=false", "oci-archive:image.tar", "diff.tar.gzip")]
    public void Skopeo_reads_what_goes_into_an_archive(string output, string from, string? layerType)
    {
        Built(output, "-t", "example.com/one:v1").Succeeded();
        Assert.That(Images(), Is.EqualTo((string[])["busybox:latest"]), "no image is kept");
        World.Shell("mkdir -p dir").Succeeded();
        World.Host.Tool("env", "-C", Files, "skopeo", "--insecure-policy", "--tmpdir", Files, "copy", "-q", from, "dir:dir");
        if (layerType is not null)
        {
            var manifest = JsonDocument.Parse(World.Host.Tool("env", "-C", Files, "skopeo", "--tmpdir", Files, "inspect", "--raw", from)).RootElement;
            Assert.That(manifest.GetProperty("layers").EnumerateArray().Last().GetProperty("mediaType").GetString(), Does.EndWith(layerType));
        }
        Run("load", "-i", from.EndsWith(".tar", StringComparison.Ordinal) ? "image.tar" : Packed()).Succeeded();
        Assert.That(InImage("cat /d/sub/two; ls /d", "example.com/one:v1"), Is.EqualTo("two\nhard\nlink\none\npipe\nsub\n"));
        World.Shell("rm -rf image image.tar packed.tar dir").Succeeded();

        string Packed()
        {
            World.Shell("tar -C image -cf packed.tar .").Succeeded();
            return "packed.tar";
        }
    }

    [Test]
    public void Podman_and_umoci_take_the_archives()
    {
        World.RunWith(Text, "build", "-t", "example.com/one:v1", "-o", "type=docker,dest=docker.tar", "-o", "type=oci,dest=oci.tar", "-o", "type=oci,dest=layout,tar=false", "--load", "-").Succeeded();
        var id = World.Inspect("example.com/one:v1", "{{.Id}}")[7..];
        foreach (var load in (string[])["load -q -i docker.tar", "pull -q oci:layout:v1"])
        {
            var podman = World.Shell($"""
                set -e; trap 'rm -rf {World.Directory}/ps {World.Directory}/pr {World.Directory}/pt' EXIT
                podman='podman --root {World.Directory}/ps --runroot {World.Directory}/pr --tmpdir {World.Directory}/pt --network-config-dir {World.Directory}/pt --events-backend none --storage-driver vfs --cgroup-manager cgroupfs'
                TMPDIR={Files} $podman {load} >&2
                $podman images --no-trunc --format '{"{{.Id}} {{.Repository}}:{{.Tag}}"}'
                """).Succeeded();
            Assert.That(podman.Line, Does.Contain(id).And.Contain(load.StartsWith("load", StringComparison.Ordinal) ? "example.com/one:v1" : "localhost"), load);
        }
        World.Shell("umoci unpack --image layout:v1 bundle && cat bundle/rootfs/d/sub/two && umoci ls --layout layout").Succeeded();
        // A second image in the same layout leaves the first one there.
        World.RunWith("FROM busybox\nRUN echo other > /other\n", "build", "-t", "example.com/one:v2", "-o", "type=oci,dest=layout,tar=false", "-").Succeeded();
        Assert.That(World.Shell("umoci ls --layout layout").Succeeded().Lines, Is.EquivalentTo((string[])["v1", "v2"]));
        World.Shell("rm -rf docker.tar oci.tar layout bundle").Succeeded();
    }

    [Test]
    public void Several_outputs_are_made_at_once_and_the_store_has_the_image_if_asked()
    {
        var outcome = World.RunWith(Text, "build", "-q", "-t", "out", "-o", "tree", "-o", "type=tar,dest=tree.tar", "-o", "type=oci,dest=image.tar", "-o", "type=image,\"name=other,third:v3\"", "--metadata-file", "meta.json", "--iidfile", "iid", "-").Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(File.Exists($"{Files}/tree/d/one") && File.Exists($"{Files}/tree.tar") && File.Exists($"{Files}/image.tar"));
            Assert.That(Images(), Is.EquivalentTo((string[])["busybox:latest", "out:latest", "other:latest", "third:v3"]));
            Assert.That(File.ReadAllText($"{Files}/iid"), Is.EqualTo(outcome.Line));
            Assert.That(World.Inspect("third:v3", "{{.Id}}"), Is.EqualTo(outcome.Line));
            var meta = JsonDocument.Parse(File.ReadAllText($"{Files}/meta.json")).RootElement;
            Assert.That(meta.GetProperty("containerimage.config.digest").GetString(), Is.EqualTo(outcome.Line));
            Assert.That(meta.GetProperty("containerimage.digest").GetString(), Is.EqualTo(meta.GetProperty("containerimage.descriptor").GetProperty("digest").GetString()));
            Assert.That(meta.GetProperty("image.name").GetString(), Does.Contain("docker.io/library/out:latest"));
        });
        Assert.That(World.RunWith(Text, "build", "-q", "-o", "type=cacheonly", "--iidfile", "iid", "-").Succeeded().Out, Is.Empty);
        Assert.That(File.ReadAllText($"{Files}/iid"), Is.Empty);
        World.Shell("rm -rf tree tree.tar image.tar meta.json iid").Succeeded();
    }

    [TestCase("type=lokal,dest=x", "unknown output type \"lokal\" (did you mean local?)")]
    [TestCase("type=oci,dst=x", "unknown attribute \"dst\" of the output type oci (did you mean dest?)")]
    [TestCase("type=local,dest=x,compression=gzip", "the output type local has no attribute compression: it is for docker, oci, image, registry")]
    [TestCase("type=image,compression=gzap", "unknown compression \"gzap\" (did you mean gzip?)")]
    [TestCase("type=image,compression=estargz", "estargz is not supported")]
    [TestCase("type=image,compression-level=99", "the compression level 99 is not between 0 and 9")]
    [TestCase("type=local", "dest is required")]
    [TestCase("a=b,dest=x", "type is required for output")]
    [TestCase("type=oci,tar=false", "dest is required")]
    [TestCase("type=oci,dest=/nosuch/x", "directory \"/nosuch\" does not exist")]
    [TestCase("type=image,push=maybe", "push=maybe: must be true or false")]
    [TestCase("type=image,\"name=a", "a quote is not closed")]
    [TestCase("type=image,annotation-indx.a=b", "unknown annotation type \"indx\" (did you mean index?)")]
    [TestCase("type=oci,dest=x,annotation-index.a=b", "there is no index that could have the annotation a")]
    [TestCase("type=registry", "a push needs the image's name")]
    [TestCase("type=oci,dest=x,rewrite-timestamp=true", "rewrite-timestamp needs SOURCE_DATE_EPOCH")]
    public void What_cannot_be_is_refused(string output, string message)
    {
        var outcome = World.RunWith("FROM busybox\n", "build", "-q", "-o", output, "-");
        Assert.That(outcome, Has.Property("Code").Not.Zero.And.Property("Err").Contains(message));
        Assert.That(Directory.GetFileSystemEntries(Files).Select(Path.GetFileName), Has.None.EqualTo("x"));
    }

    [Test]
    public void A_tar_does_not_go_to_a_terminal()
    {
        using var terminal = World.StartOnTerminal(24, 80, "echo FROM busybox | $C build -o - -");
        Assert.That(terminal.Wait(), Has.Property("Code").EqualTo(1).And.Property("Out").Contains("cowardly refusing to write a tar to a terminal"));
    }

    [Test]
    public void A_file_that_cannot_be_finished_leaves_the_old_one()
    {
        World.File("image.tar", "old");
        Assert.That(World.Shell("printf 'FROM busybox\\n' | (ulimit -f 10; trap '' XFSZ; $C build -q -o type=oci,dest=image.tar -)"), Has.Property("Code").EqualTo(1));
        Assert.That(File.ReadAllText($"{Files}/image.tar"), Is.EqualTo("old"));
        Assert.That(Directory.GetFileSystemEntries(Files, ".*"), Is.Empty);
        File.Delete($"{Files}/image.tar");
    }

    // The last layer is written to a file while it is compressed, and else taken from the store.
    [TestCase("type=oci")]
    [TestCase("type=oci,compression=zstd")]
    [TestCase("type=oci,compression=gzip,compression-level=1")]
    [TestCase("type=docker,compression=gzip")]
    public void An_archive_is_the_same_whether_its_layers_were_compressed_before(string output)
    {
        World.File("Dockerfile.large", "FROM busybox\nRUN head -c 9000000 /dev/urandom > /one; head -c 3000000 /dev/zero > /two\nRUN head -c 5000000 /bin/busybox > /three; echo $RANDOM > /four\n");
        const string build = "$C build -q -t large -f Dockerfile.large .";
        World.Shell($"{build} && {build} -o {output},dest=fresh.tar && {build} -o {output},dest=again.tar && {build} -o {output},dest=- > piped.tar && cmp fresh.tar again.tar && cmp fresh.tar piped.tar").Succeeded();
        Assert.That(World.Shell("tar tf fresh.tar").Succeeded().Lines[..3], Is.EqualTo((string[])["blobs/", "blobs/sha256/", "oci-layout"]));
        Assert.That(World.Shell("tar tf fresh.tar | grep -c blobs/sha256/.").Succeeded().Line, Is.EqualTo("5"));
        Assert.That(Directory.GetFileSystemEntries(Files, ".*"), Is.Empty);
        World.Shell("rm fresh.tar again.tar piped.tar Dockerfile.large; $C rmi large").Succeeded();
    }

    private Outcome Built(string output, params string[] options) => World.RunWith(Text, ["build", "-q", "-o", output, .. options, "-"]);

    private string[] Images() => Run("images", "--format", "{{.Repository}}:{{.Tag}}").Succeeded().Lines;
}
