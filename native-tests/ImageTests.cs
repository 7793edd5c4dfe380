using System.Text.Json;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>images</c>, <c>tag</c>, <c>rmi</c>, <c>history</c>, <c>image inspect</c>, <c>import</c>.</summary>
public sealed class ImageTests : BuildTest
{
    private string _id = "";

    protected override void Prepare() => _id = World.Inspect("busybox", "{{.Id}}");

    [TearDown]
    public void RemoveOthers()
    {
        Run(["rm", "-f", .. Run("ps", "-aq").Lines]);
        foreach (var image in Run("images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").Succeeded().Lines.Select(static line => line.Split(' ')))
            if (image[0] != "busybox:latest") Run("rmi", "-f", image[0].Contains('<', StringComparison.Ordinal) ? image[1] : image[0]);
        Assert.That(Run("images", "--format", "{{.Repository}}:{{.Tag}}").Out, Is.EqualTo("busybox:latest\n"));
    }

    [Test]
    public void A_table_lists_images_by_name()
    {
        Run("tag", "busybox", "example.com:5000/team/app:v1").Succeeded();
        var lines = Run("images").Succeeded().Lines;
        Assert.Multiple(() =>
        {
            Assert.That(lines[0], Does.Match(@"^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$"));
            Assert.That(lines.Skip(1), Has.One.Match($@"^busybox +latest +{_id[7..19]} +\S.* ago +[0-9.]+MB$").And.One.Match($@"^example.com:5000/team/app +v1 +{_id[7..19]} "));
            Assert.That(Run("image", "ls", "--digests", "--no-trunc").Out, Does.Match(@"REPOSITORY +TAG +DIGEST +IMAGE ID").And.Contain(_id));
        });
    }

    [Test]
    public void Filters_choose_and_formats_show()
    {
        foreach (var (tier, name) in ((string, string)[])[("web", "web:1"), ("db", "db:1"), ("none", "dangling"), ("some", "dangling")])
            World.RunWith($"FROM busybox\nRUN echo {tier} > /tier\nLABEL tier={tier}\n", "build", "-q", "-t", name, "-").Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(Names("-f", "label=tier"), Is.EqualTo((string[])["dangling:latest", "<none>:<none>", "db:1", "web:1"]));
            Assert.That(Names("-f", "label=tier=web"), Is.EqualTo((string[])["web:1"]));
            Assert.That(Names("-f", "dangling=true"), Is.EqualTo((string[])["<none>:<none>"]));
            Assert.That(Names("-f", "dangling=false"), Does.Not.Contain("<none>:<none>"));
            Assert.That(Names("-f", "reference=*b*:1"), Is.EquivalentTo((string[])["db:1", "web:1"]));
            Assert.That(Names("web"), Is.EqualTo((string[])["web:1"]));
            Assert.That(Names("web:2"), Is.Empty);
            Assert.That(Names("-f", "since=web:1"), Is.EqualTo((string[])["dangling:latest", "<none>:<none>", "db:1"]));
            Assert.That(Names("-f", "before=web:1"), Is.EqualTo((string[])["busybox:latest"]));
            Assert.That(Run("images", "-q", "--no-trunc", "busybox").Line, Is.EqualTo(_id));
            Assert.That(JsonDocument.Parse(Run("images", "--format", "json", "web").Line).RootElement.GetProperty("Repository").GetString(), Is.EqualTo("web"));
            Assert.That(Run("images", "-f", "nosuch=1").Code, Is.Not.Zero);
        });
        string[] Names(params string[] options) => Run(["images", "--format", "{{.Repository}}:{{.Tag}}", .. options]).Succeeded().Lines;
    }

    [Test]
    public void Tags_are_names_and_the_last_one_holds_the_image()
    {
        var id = Made("one");
        Run("tag", "one", "two:v2").Succeeded();
        Run("tag", id[7..19], "three").Succeeded();
        Assert.That(World.Inspect("three", "{{json .RepoTags}}"), Is.EqualTo("""["one:latest","three:latest","two:v2"]"""));
        Assert.That(Run("rmi", "one").Succeeded().Out, Is.EqualTo("Untagged: one:latest\n"));
        Assert.That(Run("rmi", "two:v2", "three").Succeeded().Out, Is.EqualTo($"Untagged: two:v2\nUntagged: three:latest\nDeleted: {id}\n"));
        Run("image", "inspect", id).Failed(1, $"No such image: {id}");
        Run("tag", "nosuch", "x").Failed(1, "No such image: nosuch:latest");
        Run("tag", "busybox", "Upper").Failed(1, "must be lowercase");
    }

    [Test]
    public void A_tag_moves_to_another_image()
    {
        var first = Made("moving");
        var second = Made("moving");
        Assert.That(second, Is.Not.EqualTo(first));
        Assert.That(World.Inspect(first, "{{json .RepoTags}}"), Is.EqualTo("[]"));
        Assert.That(Run("image", "prune", "-f").Succeeded().Out, Does.Contain($"deleted: {first}").And.Not.Contain(second));
    }

    [Test]
    public void An_id_removes_the_image_if_it_has_one_name_or_by_force()
    {
        var id = Made("one");
        Assert.That(Run("rmi", id[7..15]).Succeeded().Out, Is.EqualTo($"Untagged: one:latest\nDeleted: {id}\n"));
        id = Made("one");
        Run("tag", "one", "two").Succeeded();
        Assert.That(Run("rmi", id), Has.Property("Code").EqualTo(1).And.Property("Err").Contains("image is referenced in multiple repositories").Or.Property("Err").Contains("must be forced"));
        Assert.That(Run("rmi", "-f", id).Succeeded().Lines, Is.EqualTo((string[])["Untagged: one:latest", "Untagged: two:latest", $"Deleted: {id}"]));
    }

    [Test]
    public void An_image_in_use_stays()
    {
        var id = Made("used");
        var running = Run("run", "-d", "--network", "none", "used", "sleep", "1000").Succeeded().Line;
        Assert.That(Run("rmi", "used"), Has.Property("Code").EqualTo(1).And.Property("Err").Contains(running[..12]).And.Property("Err").Contains("container"));
        Assert.That(Run("rmi", "-f", id), Has.Property("Code").EqualTo(1).And.Property("Err").Contains("running container"));
        Run("rm", "-f", running).Succeeded();
        var stopped = Run("create", "--network", "none", "used", "true").Succeeded().Line;
        Assert.That(Run("rmi", "used"), Has.Property("Code").EqualTo(1).And.Property("Err").Contains(stopped[..12]));
        Run("rmi", "-f", "used").Succeeded();
        Run("start", "-a", stopped).Succeeded();
        Run("rm", stopped).Succeeded();
    }

    [Test]
    public void Images_that_share_layers_are_removed_one_by_one()
    {
        BuildText("FROM busybox\nRUN echo shared > /shared\n", "-t", "parent").Succeeded();
        BuildText("FROM parent\nRUN cat /shared > /own\n", "-t", "child").Succeeded();
        Run("rmi", "parent").Succeeded();
        Assert.That(InImage("cat /shared /own", "child"), Is.EqualTo("shared\nshared\n"));
        Run("rmi", "nosuch").Failed(1, "No such image: nosuch:latest");
        Assert.That(Run("rmi", "nosuch", "child"), Has.Property("Code").EqualTo(1).And.Property("Out").Contains("Untagged: child:latest"), "the others are done all the same");
    }

    [Test]
    public void History_and_inspect_tell_of_an_image()
    {
        BuildText("FROM busybox\nRUN echo 123 > /made\nLABEL a=b\nENTRYPOINT [\"sh\"]\n", "-t", "told").Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(Run("history", "told").Lines[0], Does.Match("^IMAGE +CREATED +CREATED BY +SIZE +COMMENT$"));
            Assert.That(Run("history", "--format", "{{.CreatedBy}}", "--no-trunc", "told").Lines, Is.EqualTo((string[])["ENTRYPOINT [\"sh\"]", "LABEL a=b", "RUN /bin/sh -c echo 123 > /made # buildkit"]));
            Assert.That(Run("history", "-q", "--no-trunc", "told").Lines[0], Is.EqualTo(World.Inspect("told", "{{.Id}}")));
            Assert.That(World.Inspect("told", "{{.Architecture}} {{.Os}} {{len .RootFS.Layers}} {{index .Config.Entrypoint 0}} {{.Config.Labels.a}}"), Does.Match("^(amd64|arm64) linux 2 sh b$"));
            Assert.That(Run("image", "inspect", "told", "nosuch"), Has.Property("Code").EqualTo(1).And.Property("Out").Contains("\"told:latest\"").And.Property("Err").Contains("No such image: nosuch"));
        });
    }

    [Test]
    public void Import_takes_a_tar_from_a_file_or_the_input_and_changes_its_configuration()
    {
        Run("import", "-m", "a note", "-c", "ENV A=b PATH=/bin", "-c", "EXPOSE 80", "--change", "CMD echo $A", "-c", "WORKDIR /data", "-c", "USER user", BusyboxImage.Archive, "imported:1").Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(Run("run", "--rm", "--network", "none", "imported:1").Succeeded().Out, Is.EqualTo("b\n"));
            Assert.That(Run("run", "--rm", "--network", "none", "imported:1", "sh", "-c", "pwd; whoami; cat from-image").Succeeded().Out, Is.EqualTo("/data\nuser\nimage\n"));
            Assert.That(ConfigOf("imported:1").GetProperty("ExposedPorts").ToString(), Is.EqualTo("""{"80/tcp":{}}"""));
            Assert.That(Run("history", "--format", "{{.Comment}}", "imported:1").Line, Is.EqualTo("a note"));
        });
        foreach (var compress in (string[])["cat", "gzip", "xz -1", "bzip2"])
        {
            var id = World.Shell($"{compress} < {BusyboxImage.Archive} | $C import - piped").Succeeded().Line;
            Assert.That((World.Inspect("piped", "{{.Id}}"), InImage("cat /data/from-image", "piped")), Is.EqualTo((id, "image\n")), compress);
        }
        Run("import", "nosuch.tar").Failed(1, "nosuch.tar");
        World.File("no.tar", new string('x', 5000));
        Run("import", "no.tar").Failed(1);
        Run("import", "-c", "RUN x", BusyboxImage.Archive).Failed(1, "RUN");
        Run("import", BusyboxImage.Archive, "Bad Name").Failed(1);
    }

    [Test]
    public void Disk_space_comes_back()
    {
        using var world = new World();
        world.Run("images").Succeeded();
        var empty = Size();
        world.ImportBusybox();
        world.RunWith("FROM busybox\nRUN head -c 20000000 /dev/urandom > /big\nFROM busybox\nRUN head -c 20000000 /dev/urandom > /other\n", "build", "-t", "big", "-").Succeeded();
        world.Run("save", "-o", "big.tar", "big").Succeeded();
        world.Run("load", "-i", "big.tar").Succeeded();
        world.Shell("rm big.tar").Succeeded();
        Assert.That(Size(), Is.GreaterThan(empty + 20_000));
        world.Run(["rmi", "-f", .. world.Run("images", "-q", "--no-trunc").Succeeded().Lines.Distinct()]).Succeeded();
        world.Run("image", "prune", "-af").Succeeded();
        world.Run("builder", "prune", "-af");
        Assert.That(Size(), Is.LessThan(empty + 200));
        long Size() => long.Parse(world.Shell($"du -sk {world.Root} | cut -f1").Succeeded().Line);
    }

    // An image of its own, with a name.
    private string Made(string name)
    {
        BuildText($"FROM busybox\nLABEL unique={Guid.NewGuid()}\n", "-t", name).Succeeded();
        Run("rmi", "out").Succeeded();
        return World.Inspect(name, "{{.Id}}");
    }
}
