using System.Formats.Tar;
using System.Text;
using System.Text.Json;

namespace CrunSharp.Cli.Tests.Commands;

/// <summary>The commands on images, on a store in a directory of its own.</summary>
public class ImageCommandTests : StoreCommandTest
{
    [Test]
    public void An_imported_image_is_listed_tagged_and_removed()
    {
        var id = Import("app:1");
        Assert.That(id, Does.Match("^sha256:[0-9a-f]{64}$"));
        Assert.That(Session.Succeed("docker", "images"), Is.EqualTo(
            $"REPOSITORY   TAG       IMAGE ID       CREATED                  SIZE\napp          1         {id[7..19]}   Less than a second ago   6B\n"));
        Session.Succeed("docker", "tag", "app:1", "localhost:5000/team/app");
        Assert.That(Session.Succeed("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"), Is.EqualTo(
            $"app:1 {id[7..19]}\nlocalhost:5000/team/app:latest {id[7..19]}\n"));
        Assert.That(Session.Succeed("docker", "images", "-q", "--no-trunc", "app"), Is.EqualTo(id + "\n"));
        Assert.That(Session.Succeed("docker", "rmi", "app:1"), Is.EqualTo("Untagged: app:1\n"));
        Assert.That(Session.Succeed("docker", "rmi", id[7..15]), Does.Match($"^Untagged: localhost:5000/team/app:latest\nDeleted: {id}\nDeleted: sha256:[0-9a-f]{{64}}\n$"));
        Assert.That(Session.Succeed("docker", "images", "-q"), Is.Empty);
    }

    [Test]
    public void An_id_with_names_in_several_repositories_is_removed_only_by_force()
    {
        var id = Import("a:1");
        Session.Succeed("docker", "tag", "a:1", "b:1");
        Assert.That(Session.Run("docker", "rmi", id[7..19]), Is.EqualTo((1,
            $"docker: conflict: unable to delete {id[7..19]} (must be forced) - image is referenced in multiple repositories\n")));
        Assert.That(Session.Succeed("docker", "rmi", "-f", id[7..19]), Does.Match($"^Untagged: a:1\nUntagged: b:1\nDeleted: {id}\nDeleted: sha256:[0-9a-f]{{64}}\n$"));
    }

    [Test]
    public void What_is_not_there_is_named()
    {
        Import("a:1");
        var (code, text) = Session.Run("docker", "rmi", "nosuch", "a:1");
        Assert.That(code, Is.EqualTo(1));
        Assert.That(text, Does.StartWith("docker: No such image: nosuch:latest\nUntagged: a:1\nDeleted: sha256:"));
        Assert.That(Session.Run("docker", "rmi", "-f", "nosuch"), Is.EqualTo((0, "docker: No such image: nosuch:latest\n")));
        Assert.That(Session.Run("docker", "tag", "nosuch", "b"), Is.EqualTo((1, "docker: No such image: nosuch:latest\n")));
        Assert.That(Session.Run("docker", "image", "inspect", "nosuch"), Is.EqualTo((1, "[]\ndocker: No such image: nosuch:latest\n")));
        Assert.That(Session.Run("docker", "inspect", "nosuch"), Is.EqualTo((1, "[]\ndocker: No such object: nosuch\n")));
        Assert.That(Session.Run("docker", "history", "nosuch").Code, Is.EqualTo(1));
        Assert.That(Session.Run("docker", "save", "nosuch").Code, Is.EqualTo(1));
        Assert.That(Session.Run("docker", "load", "-i", "/nosuch").Code, Is.EqualTo(1));
    }

    [Test]
    public void Changes_shape_the_configuration()
    {
        Session.Input = Tar();
        Session.Succeed("docker", "import", "-m", "a note", "-c", "ENV A=1 B=\"two words\"", "-c", "ENV C=$A.$B", "-c", "CMD [\"/app\", \"-x\"]",
            "-c", "ENTRYPOINT run it", "-c", "EXPOSE 80 53/udp", "-c", "LABEL team=a", "-c", "USER app", "-c", "WORKDIR /srv", "-c", "WORKDIR sub",
            "-c", "VOLUME /data", "-c", "STOPSIGNAL SIGINT", "-", "app");
        Assert.That(Session.Succeed("docker", "inspect", "-f", "{{json .Config}}", "app"), Is.EqualTo(
            """
            {"Hostname":"","Domainname":"","User":"app","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,"ExposedPorts":{"53/udp":{},"80/tcp":{}},"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":["A=1","B=two words","C=1.two words"],"Cmd":["/app","-x"],"Image":"","Volumes":{"/data":{}},"WorkingDir":"/srv/sub","Entrypoint":["/bin/sh","-c","run it"],"OnBuild":null,"Labels":{"team":"a"},"StopSignal":"SIGINT"}

            """));
        Assert.That(Session.Succeed("docker", "history", "app", "--format", "{{.Comment}} {{.Size}}"), Is.EqualTo("a note 6B\n"));
        Assert.That(Session.Run("docker", "import", "-c", "RUN x", "-", "app"), Is.EqualTo((1, "docker: change \"RUN x\": RUN is not a valid change command\n")));
        Assert.That(Session.Run("docker", "import", "-c", "NOSUCH x", "-", "app").Code, Is.EqualTo(1));
    }

    [Test]
    public void An_image_is_inspected_in_the_schema_of_docker()
    {
        var id = Import("app:1");
        using var json = JsonDocument.Parse(Session.Succeed("docker", "image", "inspect", "app:1"));
        var image = json.RootElement[0];
        Assert.That(image.EnumerateObject().Select(static p => p.Name), Is.EqualTo((string[])
        [
            "Id", "RepoTags", "RepoDigests", "Parent", "Comment", "Created", "DockerVersion", "Author", "Config", "Architecture", "Os", "Size",
            "GraphDriver", "RootFS", "Metadata",
        ]));
        Assert.That(image.GetProperty("Id").GetString(), Is.EqualTo(id));
        Assert.That(image.GetProperty("RepoTags")[0].GetString(), Is.EqualTo("app:1"));
        Assert.That(Session.Succeed("docker", "inspect", "--type", "image", "-f", "{{.Id}} {{len .RootFS.Layers}} {{.Os}}", id[7..19]), Is.EqualTo($"{id} 1 linux\n"));
        Assert.That(Session.Succeed("docker", "inspect", "-f", "{{if .Config.Healthcheck}}x{{end}}{{index .Config.Labels \"none\"}}|", "app:1"), Is.EqualTo("|\n"));
    }

    [TestCase("docker")]
    [TestCase("oci")]
    public void A_saved_image_is_loaded_elsewhere(string format)
    {
        var id = Import("app:1");
        Session.Succeed("docker", "tag", "app:1", "app:2");
        Session.Succeed("docker", "save", "--format", format, "-o", $"{Root}/app.tar", "app");
        Assert.That(Directory.GetFileSystemEntries(Root).Select(Path.GetFileName), Is.EquivalentTo((string[])["app.tar", "store"]));
        var other = new Session { Root = $"{Root}/other" };
        Assert.That(other.Succeed("docker", "load", "-i", $"{Root}/app.tar"), Is.EqualTo("Loaded image: app:1\nLoaded image: app:2\n"));
        Assert.That(other.Succeed("docker", "images", "-q", "--no-trunc"), Is.EqualTo($"{id}\n{id}\n"));
    }

    [Test]
    public void An_image_is_saved_by_its_id_to_standard_output()
    {
        var id = Import("app:1");
        Assert.That(Session.Succeed("docker", "save", id[7..19]), Is.Empty);
        var other = new Session { Root = $"{Root}/other", Input = Session.Output.ToArray() };
        Assert.That(other.Succeed("docker", "load"), Is.EqualTo($"Loaded image ID: {id}\n"));
    }

    [Test]
    public void A_save_that_fails_leaves_no_file()
    {
        Import("app:1");
        foreach (var layer in Directory.GetDirectories($"{Root}/store/layers", "*", SearchOption.AllDirectories).Where(static d => File.Exists($"{d}/hello")))
            File.Delete($"{layer}/hello");
        Assert.That(Session.Run("docker", "save", "-o", $"{Root}/app.tar", "app:1").Code, Is.EqualTo(1));
        Assert.That(Directory.GetFileSystemEntries(Root).Select(Path.GetFileName), Is.EquivalentTo((string[])["store"]));
    }

    [Test]
    public void Terminals_are_not_read_or_written()
    {
        Import("app:1");
        Session.IsTerminal = true;
        Assert.That(Session.Run("docker", "save", "app:1"), Is.EqualTo((1, "docker: cowardly refusing to save to a terminal: use the -o option or redirect\n")));
        Assert.That(Session.Run("docker", "load"), Is.EqualTo((1, "docker: requested load from stdin, but stdin is empty\n")));
    }

    [Test]
    public void Images_that_nothing_uses_are_pruned_after_a_yes()
    {
        var named = Import("app:1");
        var dangling = Import("other:1", "-c", "LABEL n=2");
        Session.Succeed("docker", "tag", "app:1", "other:1");
        Session.Input = "n\n"u8.ToArray();
        Assert.That(Session.Succeed("docker", "image", "prune"), Is.EqualTo(
            "WARNING! This will remove all dangling images.\nAre you sure you want to continue? [y/N] "));
        Session.Input = "y\n"u8.ToArray();
        Assert.That(Session.Succeed("docker", "image", "prune"), Does.Contain($"[y/N] Deleted Images:\ndeleted: {dangling}\n\nTotal reclaimed space: "));
        Assert.That(Session.Succeed("docker", "images", "-q", "--no-trunc", "app"), Is.EqualTo(named + "\n"));
        Assert.That(Session.Succeed("docker", "image", "prune", "-af", "--filter", "until=1h"), Is.EqualTo("Total reclaimed space: 0B\n"));
        Assert.That(Session.Succeed("docker", "image", "prune", "-af"), Does.StartWith($"Deleted Images:\nuntagged: app:1\nuntagged: other:1\ndeleted: {named}\ndeleted: sha256:"));
        Assert.That(Directory.GetFileSystemEntries($"{Root}/store/layers"), Is.Empty);
    }

    [TestCase("dangling=false", "a:1 b:2 ")]
    [TestCase("dangling=true", "<none>:<none> ")]
    [TestCase("label=team", "a:1 ")]
    [TestCase("label=team=b", "")]
    [TestCase("reference=b*", "b:2 ")]
    [TestCase("reference=a:*", "a:1 ")]
    [TestCase("until=24h", "")]
    public void Filters_select(string filter, string names)
    {
        Import("a:1", "-c", "LABEL team=a");
        Import("b:2", "-c", "LABEL n=2");
        Session.Input = Tar();
        Session.Succeed("docker", "import", "-c", "LABEL n=3", "-");
        var listed = Session.Succeed("docker", "images", "--filter", filter, "--format", "{{.Repository}}:{{.Tag}}").Split('\n').Order(StringComparer.Ordinal);
        Assert.That(string.Concat(listed.Where(static l => l.Length > 0).Select(static l => l + " ")), Is.EqualTo(names));
    }

    [Test]
    public void The_plural_noun_is_understood()
    {
        var id = Import("app:1");
        Assert.That(Session.Succeed("docker", "images", "inspect", "-f", "{{.Id}}", "app:1"), Is.EqualTo($"docker: taken as 'docker image inspect'\n{id}\n"));
    }

    [Test]
    public void History_is_shown_for_people_and_for_programs()
    {
        var id = Import("app:1");
        Assert.That(Session.Succeed("docker", "history", "app:1"), Is.EqualTo(
            $"IMAGE          CREATED                  CREATED BY   SIZE      COMMENT\n{id[7..19]}   Less than a second ago                6B        Imported from -\n"));
        Assert.That(Session.Succeed("docker", "history", "-q", "--no-trunc", "app:1"), Is.EqualTo(id + "\n"));
        Assert.That(Session.Succeed("docker", "history", "-H=false", "--format", "{{.CreatedAt}} {{.Size}}", "app:1"), Is.EqualTo("2024-05-01T12:00:00Z 6\n"));
    }

    [Test]
    public void A_cut_off_tar_leaves_no_image()
    {
        Session.Input = Tar()[..700];
        Assert.That(Session.Run("docker", "import", "-", "bad").Code, Is.EqualTo(1));
        Assert.That(Session.Succeed("docker", "images", "-q"), Is.Empty);
    }

    private string Import(string name, params string[] options)
    {
        Session.Input = Tar();
        return Session.Succeed(["docker", "import", .. options, "-", name]).TrimEnd('\n');
    }

    private static byte[] Tar()
    {
        var output = new MemoryStream();
        using (var tar = new TarWriter(output, TarEntryFormat.Pax, leaveOpen: true))
        {
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "hello")
            {
                DataStream = new MemoryStream(Encoding.ASCII.GetBytes("hello\n")),
                ModificationTime = DateTimeOffset.UnixEpoch,
            });
        }
        return output.ToArray();
    }
}
