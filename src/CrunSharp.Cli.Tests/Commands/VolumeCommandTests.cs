namespace CrunSharp.Cli.Tests.Commands;

/// <summary>The commands on volumes, on a store in a directory of its own.</summary>
public class VolumeCommandTests
{
    private string _root = "";
    private Session _session = new();

    [SetUp]
    public void MakeStore()
    {
        _root = Path.Combine(Path.GetTempPath(), $"crun-sharp-cli-{Guid.NewGuid():N}");
        Directory.CreateDirectory(_root);
        _session = new Session { Root = $"{_root}/store" };
    }

    [TearDown]
    public void RemoveStore() => Directory.Delete(_root, recursive: true);

    [Test]
    public void A_volume_is_made_once_listed_shown_and_removed()
    {
        Assert.That(_session.Succeed("docker", "volume", "create", "--label", "team=a", "data"), Is.EqualTo("data\n"));
        Assert.That(_session.Succeed("docker", "volume", "create", "data"), Is.EqualTo("data\n"));
        Assert.That(_session.Succeed("docker", "volume", "ls"), Is.EqualTo("DRIVER    VOLUME NAME\nlocal     data\n"));
        Assert.That(_session.Succeed("docker", "volume", "ls", "--format", "{{.Name}} {{.Label \"team\"}} {{.Mountpoint}}"), Is.EqualTo($"data a {_root}/store/volumes/data/_data\n"));
        Assert.That(_session.Succeed("docker", "volume", "inspect", "-f", "{{.Name}} {{.Labels.team}} {{.Driver}}", "data"), Is.EqualTo("data a local\n"));
        Assert.That(_session.Succeed("docker", "inspect", "-f", "{{.Mountpoint}}", "data"), Is.EqualTo($"{_root}/store/volumes/data/_data\n"));
        Assert.That(_session.Succeed("docker", "volume", "rm", "data"), Is.EqualTo("data\n"));
        Assert.That(_session.Run("docker", "volume", "rm", "data"), Is.EqualTo((1, "docker: get data: no such volume\n")));
        Assert.That(_session.Succeed("docker", "volume", "rm", "-f", "data"), Is.EqualTo("data\n"));
    }

    [Test]
    public void Only_volumes_without_a_name_are_pruned_unless_all_are_asked_for()
    {
        var anonymous = _session.Succeed("docker", "volume", "create").TrimEnd('\n');
        Assert.That(anonymous, Does.Match("^[0-9a-f]{64}$"));
        _session.Succeed("docker", "volume", "create", "data");
        File.WriteAllBytes($"{_root}/store/volumes/{anonymous}/_data/file", new byte[8192]);
        Directory.CreateSymbolicLink($"{_root}/store/volumes/{anonymous}/_data/link", "/usr");
        Assert.That(_session.Succeed("docker", "volume", "prune", "-f"), Does.Match(
            $"^Deleted Volumes:\n{anonymous}\n\nTotal reclaimed space: [0-9.]+kB\ndocker: 1 unused volume with a name kept: -a removes them too\n$"));
        Assert.That(_session.Succeed("docker", "volume", "prune", "-af"), Is.EqualTo("Deleted Volumes:\ndata\n\nTotal reclaimed space: 0B\n"));
        Assert.That(_session.Succeed("docker", "volume", "ls", "-q"), Is.Empty);
    }

    [TestCase("name=da", "data ")]
    [TestCase("label=team=a", "data ")]
    [TestCase("label=nosuch", "")]
    [TestCase("dangling=true", "data other ")]
    [TestCase("dangling=false", "")]
    [TestCase("driver=local", "data other ")]
    public void Filters_select(string filter, string names)
    {
        _session.Succeed("docker", "volume", "create", "--label", "team=a", "data");
        _session.Succeed("docker", "volume", "create", "other");
        Assert.That(_session.Succeed("docker", "volume", "ls", "-q", "--filter", filter).Replace('\n', ' '), Is.EqualTo(names));
    }

    [Test]
    public void Bad_volumes_are_refused()
    {
        Assert.That(_session.Run("docker", "volume", "create", "a/b").Code, Is.EqualTo(1));
        Assert.That(_session.Run("docker", "volume", "create", "-d", "nfs", "data").Code, Is.EqualTo(1));
    }
}
