namespace CrunSharp.NativeTests.Harness;

/// <summary>Tests of the published program on the real kernel. Each class has a world of its own; each test leaves it as it was.</summary>
[Category("needs-root")]
public abstract class NativeTest
{
    /// <summary>The world of these tests.</summary>
    protected World World { get; private set; } = null!;

    [OneTimeSetUp]
    public void MakeWorld()
    {
        World = new World();
        World.ImportBusybox();
        Prepare();
    }

    /// <summary>What the class needs in its world.</summary>
    protected virtual void Prepare()
    {
    }

    [TearDown]
    public void ProveThatNothingIsLeft()
    {
        var containers = World.Run("ps", "-aq").Succeeded().Lines;
        if (containers.Length > 0) World.Run(["rm", "-f", "-v", .. containers]).Succeeded();
        var left = Cleanliness.Leftovers(World);
        // A program that was killed a moment ago may need one more to be gone.
        for (var i = 0; left.Count > 0 && i < 100; i++)
        {
            Thread.Sleep(10);
            left = Cleanliness.Leftovers(World);
        }
        Assert.That(left, Is.Empty, "left behind");
    }

    [OneTimeTearDown]
    public void EndWorld() => World?.Dispose();

    /// <summary>Runs the program to its end.</summary>
    protected Outcome Run(params string[] arguments) => World.Run(arguments);

    /// <summary>Runs a shell script in a container without a network that is removed; its outcome.</summary>
    protected Outcome InContainer(string script, params string[] options) =>
        World.Run(["run", "--rm", "--network", "none", .. options, "busybox", "sh", "-c", script]);

    /// <summary>Starts a container in the background that sleeps, and answers signals; its id.</summary>
    protected string StartSleeper(string name, params string[] options) =>
        World.Run(["run", "-d", "--name", name, "--network", "none", .. options, "busybox", "sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]).Succeeded().Line;
}
