using CrunSharp.Engine;
using CrunSharp.Engine.Containers;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Tests.Commands;

/// <summary>Command lines that cannot work, but that courses teach.</summary>
public class RunHintTests
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
    public void Create_volume_makes_a_volume()
    {
        Assert.That(_session.Succeed("docker", "create", "volume", "data"), Is.EqualTo("docker: taken as 'docker volume create data'\ndata\n"));
        Assert.That(_session.Succeed("docker", "volume", "ls", "-q"), Is.EqualTo("data\n"));
    }

    [Test]
    public void Run_build_is_not_an_image()
    {
        File.WriteAllText($"{_root}/Dockerfile", "FROM scratch\n");
        var (code, text) = _session.Run("docker", "run", "build", _root);
        Assert.That(code, Is.EqualTo(125));
        Assert.That(text, Does.EndWith($"\nDid you mean: docker build {_root}\n"));
    }

    [Test]
    public void A_container_is_no_image()
    {
        new ContainerStore(new EnginePaths { Root = $"{_root}/store", RunRoot = $"{_root}/store-run" }).Create(new ContainerConfig
        {
            Id = new string('a', 64),
            Name = "web",
            Created = "2024-05-01T12:00:00Z",
            Image = "nginx",
            ImageId = Digest.Of([]).ToString(),
            Layers = [],
            Host = new HostOptions(),
        });
        Assert.That(_session.Run("docker", "run", "web").Text, Does.EndWith("\n'web' is a container: start it with 'docker start web', or run its image nginx\n"));
    }
}
