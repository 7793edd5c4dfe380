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
        World.Shell($"$R create -b {World.Bundle("trap 'exit 0' TERM; sleep 1000 & wait", edit)} {id} </dev/null >/dev/null 2>&1 && $R start {id}").Succeeded();
        return id;
    }
}
