namespace CrunSharp.Cli.Tests.Commands;

/// <summary>The commands on volumes, on a store in a directory of its own.</summary>
public class VolumeCommandTests : StoreCommandTest
{
    [Test]
    public void A_volume_is_made_once_listed_shown_and_removed()
    {
        Assert.That(Session.Succeed("docker", "volume", "create", "--label", "team=a", "data"), Is.EqualTo("data\n"));
        Assert.That(Session.Succeed("docker", "volume", "create", "data"), Is.EqualTo("data\n"));
        Assert.That(Session.Succeed("docker", "volume", "ls"), Is.EqualTo("DRIVER    VOLUME NAME\nlocal     data\n"));
        Assert.That(Session.Succeed("docker", "volume", "ls", "--format", "{{.Name}} {{.Label \"team\"}} {{.Mountpoint}}"), Is.EqualTo($"data a {Root}/store/volumes/data/_data\n"));
        Assert.That(Session.Succeed("docker", "volume", "inspect", "-f", "{{.Name}} {{.Labels.team}} {{.Driver}}", "data"), Is.EqualTo("data a local\n"));
        Assert.That(Session.Succeed("docker", "inspect", "-f", "{{.Mountpoint}}", "data"), Is.EqualTo($"{Root}/store/volumes/data/_data\n"));
        Assert.That(Session.Succeed("docker", "volume", "rm", "data"), Is.EqualTo("data\n"));
        Assert.That(Session.Run("docker", "volume", "rm", "data"), Is.EqualTo((1, "docker: get data: no such volume\n")));
        Assert.That(Session.Succeed("docker", "volume", "rm", "-f", "data"), Is.EqualTo("data\n"));
    }

    [Test]
    public void Only_volumes_without_a_name_are_pruned_unless_all_are_asked_for()
    {
        var anonymous = Session.Succeed("docker", "volume", "create").TrimEnd('\n');
        Assert.That(anonymous, Does.Match("^[0-9a-f]{64}$"));
        Session.Succeed("docker", "volume", "create", "data");
        File.WriteAllBytes($"{Root}/store/volumes/{anonymous}/_data/file", new byte[8192]);
        Directory.CreateSymbolicLink($"{Root}/store/volumes/{anonymous}/_data/link", "/usr");
        Assert.That(Session.Succeed("docker", "volume", "prune", "-f"), Does.Match(
            $"^Deleted Volumes:\n{anonymous}\n\nTotal reclaimed space: [0-9.]+kB\ndocker: 1 unused volume with a name kept: -a removes them too\n$"));
        Assert.That(Session.Succeed("docker", "volume", "prune", "-af"), Is.EqualTo("Deleted Volumes:\ndata\n\nTotal reclaimed space: 0B\n"));
        Assert.That(Session.Succeed("docker", "volume", "ls", "-q"), Is.Empty);
    }

    [TestCase("name=da", "data ")]
    [TestCase("label=team=a", "data ")]
    [TestCase("label=nosuch", "")]
    [TestCase("dangling=true", "data other ")]
    [TestCase("dangling=false", "")]
    [TestCase("driver=local", "data other ")]
    public void Filters_select(string filter, string names)
    {
        Session.Succeed("docker", "volume", "create", "--label", "team=a", "data");
        Session.Succeed("docker", "volume", "create", "other");
        Assert.That(Session.Succeed("docker", "volume", "ls", "-q", "--filter", filter).Replace('\n', ' '), Is.EqualTo(names));
    }

    [Test]
    public void Bad_volumes_are_refused()
    {
        Assert.That(Session.Run("docker", "volume", "create", "a/b").Code, Is.EqualTo(1));
        Assert.That(Session.Run("docker", "volume", "create", "-d", "nfs", "data").Code, Is.EqualTo(1));
    }
}
