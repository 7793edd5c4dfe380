namespace CrunSharp.NativeTests.Harness;

/// <summary>Tests of the OCI runtime. Each class has a world of its own; each test leaves it as it was.</summary>
[Category("needs-root")]
public abstract class BundleTest
{
    /// <summary>The world of these tests.</summary>
    protected BundleWorld World { get; private set; } = null!;

    [OneTimeSetUp]
    public void MakeWorld() => World = new BundleWorld();

    [TearDown]
    public void ProveThatNothingIsLeft()
    {
        var left = World.Leftovers();
        for (var i = 0; left.Count > 0 && i < 100; i++)
        {
            Thread.Sleep(10);
            left = World.Leftovers();
        }
        Assert.That(left, Is.Empty, "left behind");
    }

    [OneTimeTearDown]
    public void EndWorld() => World?.Dispose();

    /// <summary>Runs the runtime to its end.</summary>
    protected Outcome Run(params string[] arguments) => World.Run(arguments);

    /// <summary>Makes and starts a container that sleeps; its id.</summary>
    protected string StartSleeper(string id, Action<System.Text.Json.Nodes.JsonObject>? edit = null)
    {
        var bundle = World.Bundle("trap 'exit 0' TERM; echo ready; sleep 1000 & wait", edit);
        World.Shell($"$R create -b {bundle} {id} </dev/null >{id}.out 2>&1 && $R start {id}").Succeeded();
        // Before it has its trap, the first process of a pid namespace ignores the signal.
        Harness.World.Await(() => File.ReadAllText($"{World.Files}/{id}.out") == "ready\n", $"{id} is ready");
        return id;
    }
}
