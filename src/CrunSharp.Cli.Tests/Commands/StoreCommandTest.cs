namespace CrunSharp.Cli.Tests.Commands;

/// <summary>Commands on a store in a directory of its own.</summary>
public abstract class StoreCommandTest
{
    private protected string Root { get; private set; } = "";

    private protected Session Session { get; private set; } = new();

    [SetUp]
    public void MakeStore()
    {
        Root = Path.Combine(Path.GetTempPath(), $"crun-sharp-cli-{Guid.NewGuid():N}");
        Directory.CreateDirectory(Root);
        Session = new Session { Root = $"{Root}/store" };
    }

    [TearDown]
    public void RemoveStore() => Directory.Delete(Root, recursive: true);
}
