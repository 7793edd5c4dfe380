using CrunSharp.Engine;
using CrunSharp.Engine.Containers;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Tests.Commands;

/// <summary>Command lines that cannot work, but that courses teach.</summary>
public class RunHintTests : StoreCommandTest
{
    [Test]
    public void Create_volume_makes_a_volume()
    {
        Assert.That(Session.Succeed("docker", "create", "volume", "data"), Is.EqualTo("docker: taken as 'docker volume create data'\ndata\n"));
        Assert.That(Session.Succeed("docker", "volume", "ls", "-q"), Is.EqualTo("data\n"));
    }

    [Test]
    public void Run_build_is_not_an_image()
    {
        File.WriteAllText($"{Root}/Dockerfile", "FROM scratch\n");
        var (code, text) = Session.Run("docker", "run", "build", Root);
        Assert.That(code, Is.EqualTo(125));
        Assert.That(text, Does.EndWith($"\nDid you mean: docker build {Root}\n"));
    }

    [Test]
    public void A_container_is_no_image()
    {
        new ContainerStore(new EnginePaths { Root = $"{Root}/store", RunRoot = $"{Root}/store-run" }).Create(new ContainerConfig
        {
            Id = new string('a', 64),
            Name = "web",
            Created = "2024-05-01T12:00:00Z",
            Image = "nginx",
            ImageId = Digest.Of([]).ToString(),
            Layers = [],
            Host = new HostOptions(),
        });
        Assert.That(Session.Run("docker", "run", "--pull", "never", "web").Text, Does.EndWith("\n'web' is a container: start it with 'docker start web', or run its image nginx\n"));
    }
}
