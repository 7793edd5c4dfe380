namespace CrunSharp.Cli.Tests;

/// <summary>Leaves nothing behind.</summary>
[SetUpFixture]
public class ScratchRemoval
{
    [OneTimeTearDown]
    public void Remove()
    {
        if (Directory.Exists(Session.Scratch)) Directory.Delete(Session.Scratch, recursive: true);
    }
}
