using System.Globalization;
using System.Text.Json.Nodes;

namespace CrunSharp.NativeTests.Harness;

/// <summary>
/// Tests of checkpoints and restores. They need a criu that works with this kernel: the one that is first in PATH, else the
/// one that <c>./build.sh native-test</c> fetches. Without either they are skipped.
/// </summary>
public abstract class CriuTest : BundleTest
{
    /// <summary>A program that counts in <c>/count</c> of the root file system.</summary>
    protected const string Counter = "i=0; while :; do i=$((i+1)); echo $i > /count; sleep 0.02; done";

    private string? _missing;

    [OneTimeSetUp]
    public void PrepareForCriu()
    {
        // criu keeps what it knows of the kernel in /run, and makes a directory in /tmp.
        World.Shell("mount -t tmpfs tmpfs /tmp && mount -t tmpfs tmpfs /run").Succeeded();
        var check = World.Shell("criu check");
        if (check.Code != 0 && File.Exists(Harness.World.Artifacts + "/criu/criu"))
        {
            World.Programs = Harness.World.Artifacts + "/criu";
            check = World.Shell("rm -f /run/criu.kdat; criu check");
        }
        if (check.Code == 0) return;
        var lines = check.Err.Split('\n');
        _missing = "no criu that works here: " + (Array.Find(lines, static line => line.Contains("Error", StringComparison.Ordinal)) ?? lines[0]);
    }

    /// <summary>Where images are that a test calls so.</summary>
    protected string Images(string name) => $"{World.Files}/{name}-images";

    /// <summary>How far the counter is.</summary>
    protected int Count => int.TryParse(File.ReadAllText(World.Rootfs + "/count").AsSpan().Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 0;

    /// <summary>Skips the test when there is no criu that works.</summary>
    protected void RequireCriu()
    {
        if (_missing is not null) Assert.Ignore(_missing);
    }

    /// <summary>Waits until the counter goes on.</summary>
    protected void AwaitProgress()
    {
        var before = Count;
        Harness.World.Await(() => Count > before + 2, "the counter goes on");
    }

    /// <summary>Starts a container that counts; its bundle.</summary>
    protected string StartCounter(string id, Action<JsonObject>? edit = null)
    {
        File.WriteAllText(World.Rootfs + "/count", "0");
        return StartScript(id, Counter, edit, AwaitProgress);
    }

    /// <summary>Starts a container that runs a script; its bundle.</summary>
    protected string StartScript(string id, string script, Action<JsonObject>? edit = null, Action? wait = null)
    {
        var bundle = World.Bundle(script, edit);
        World.Shell($"$R run -d -b {bundle} {id} </dev/null >/dev/null 2>&1").Succeeded();
        wait?.Invoke();
        return bundle;
    }

    /// <summary>Writes a container to images of its name.</summary>
    protected void Checkpoint(string id, params string[] options)
    {
        var outcome = Run(["checkpoint", "--image-path", Images(id), .. options, id]);
        Assert.That(outcome.Code, Is.Zero, $"{outcome.Err}\n{LogOf(id, "dump")}");
    }

    /// <summary>Makes a container of images, detached.</summary>
    protected void Restore(string id, string bundle, string options = "", string? images = null)
    {
        var outcome = World.Shell($"$R restore -d -b {bundle} --image-path {Images(images ?? id)} {options} {id} </dev/null >/dev/null 2>{World.Files}/restore-errors; c=$?; cat {World.Files}/restore-errors; exit $c");
        Assert.That(outcome.Code, Is.Zero, $"{outcome.Out}\n{LogOf(images ?? id, "restore")}");
    }

    /// <summary>What a shell script prints in a container.</summary>
    protected string Inside(string id, string script) => World.Shell($"$R exec {id} sh -c {Quote(script)} </dev/null").Succeeded().Out;

    /// <summary>Removes a container that runs.</summary>
    protected void End(string id) => Run("delete", "--force", id).Succeeded();

    /// <summary>Text as one word of a shell.</summary>
    protected static string Quote(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private string LogOf(string id, string name)
    {
        var path = $"{Images(id)}/{name}.log";
        return File.Exists(path) ? string.Join('\n', File.ReadLines(path).TakeLast(30)) : "";
    }
}
