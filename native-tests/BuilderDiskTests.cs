using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>builder du</c> and <c>builder prune</c>.</summary>
public sealed class BuilderDiskTests : BuildTest
{
    private const string Rows = "{{.Type}} {{.Shared}} {{.InUse}} {{.Bytes}} {{.Description}}";

    [SetUp]
    public void Forget() => World.Shell("$C rmi -f out step1 step2 step3 >/dev/null 2>&1; $C builder prune -af >/dev/null; $C image prune -f >/dev/null").Succeeded();

    private string[] Items(params string[] options) => Run(["builder", "du", "--format", Rows, .. options]).Succeeded().Lines;

    private void Step(string name) => World.RunWith($"FROM busybox\nRUN head -c 1000000 /dev/urandom > /{name}\n", "build", "-q", "-t", name, "-").Succeeded();

    private int Steps() => Items("--filter", "type=regular").Length;

    // What du says of the cache and of the layers that are not in images.
    private long Disk(params string[] layers) => long.Parse(World.Shell($"cd $CRUN_SHARP_ROOT; du -B1 -sc cache {string.Join(' ', layers)} | tail -1 | cut -f1").Succeeded().Line);

    [Test]
    public void What_builds_keep_is_shown_with_its_size()
    {
        var id = "du-" + Guid.NewGuid().ToString("N")[..8];
        BuildText($"FROM busybox\nRUN --mount=type=cache,id={id},target=/c head -c 2000000 /dev/urandom > /c/f; head -c 1000000 /dev/urandom > /out\n").Succeeded();
        Assert.That(Items().Select(static l => l.Split(' ')[0]), Does.Contain("regular").And.Contain("exec.cachemount"));
        Assert.That(Items("--filter", "shared=true").Single(), Does.Match("^regular true false 1[0-9]{6} RUN "));
        Run("rmi", "-f", "out").Succeeded();
        Assert.That(Items("--filter", "type=regular").Single(), Does.Match("^regular false false 1[0-9]{6} RUN "), "rmi takes nothing from the cache");
        Assert.That(Items("--filter", $"id={id}").Single(), Does.Match($"^exec.cachemount false false 2[0-9]{{6}} cache mount {id}$"));
        Assert.That(Items("--filter", "until=1h"), Is.Empty);
        var layer = Run("builder", "du", "--verbose", "--filter", "type=regular").Succeeded().Lines[0].Split('\t')[^1];
        var sum = Items().Sum(static l => long.Parse(l.Split(' ')[3]));
        Assert.That(sum, Is.EqualTo(Disk($"layers/{layer}")).Within(200_000), "but for records and directories");
        var table = Run("builder", "du").Succeeded().Out;
        Assert.That(table, Does.StartWith("ID ").And.Match("Reclaimable:\t[0-9.]+MB\nTotal:\t\t[0-9.]+MB\n$"));
        Run("builder", "du", "--filter", "color=red").Failed(1, "invalid filter 'color'");
    }

    [Test]
    public void The_longest_unused_goes_first()
    {
        foreach (var name in (string[])["step1", "step2", "step3"]) Step(name);
        Run("rmi", "step1", "step2", "step3").Succeeded();
        Assert.That(Steps(), Is.EqualTo(3));
        // The first one is used again; the clock of files has seconds.
        World.Shell("find $CRUN_SHARP_ROOT/cache -path '*/??/*' -type f -exec touch -d '1 hour ago' {} +").Succeeded();
        Step("step1");
        Run("rmi", "step1").Succeeded();
        var pruned = Run("builder", "prune", "-f", "--filter", "type=regular", "--max-used-space", "10g").Succeeded();
        Assert.That((Steps(), pruned.Line), Is.EqualTo((3, "Total reclaimed space: 0B")));
        var most = Items().Sum(static l => long.Parse(l.Split(' ')[3])) - 1_500_000;
        pruned = Run("builder", "prune", "-f", "--filter", "type=regular", "--max-used-space", $"{most}").Succeeded();
        Assert.That(pruned.Line, Does.Contain("Total reclaimed space: 2.0").Or.Contain("Total reclaimed space: 1.0"));
        Assert.That(Items("--filter", "type=regular").Single(), Does.Contain("> /step1"));
        Run("builder", "prune", "-f", "--reserved-space", "10g").Succeeded();
        Assert.That(Steps(), Is.EqualTo(1));
        Run("builder", "prune", "-f", "--min-free-space", "1").Succeeded();
        Assert.That(Steps(), Is.EqualTo(1));
        Run("builder", "prune", "-f", "--keep-storage", "0").Succeeded();
        Assert.That(Steps(), Is.Zero);
        Assert.That(Run("system", "check").Code, Is.Zero);
    }

    [Test]
    public void Only_what_filters_select_goes()
    {
        var id = "prune-" + Guid.NewGuid().ToString("N")[..8];
        BuildText($"FROM busybox\nRUN --mount=type=cache,id={id},target=/c echo x > /c/f; echo y > /out\n").Succeeded();
        Run("builder", "prune", "-f", "--filter", "type=exec.cachemount").Succeeded();
        Assert.That(Items("--filter", $"id={id}"), Has.Length.EqualTo(1), "cache mounts go with --all only");
        Run("builder", "prune", "-af", "--filter", $"id={id}").Succeeded();
        Assert.That((Items("--filter", $"id={id}").Length, Steps()), Is.EqualTo((0, 1)));
        Run("builder", "prune", "-f", "--filter", "type=regular").Succeeded();
        Assert.That(Steps(), Is.EqualTo(1), "an image has it");
        Run("builder", "prune", "-af", "--filter", "type=regular").Succeeded();
        Assert.That(Steps(), Is.Zero);
        Assert.That(InImage("cat /out"), Is.EqualTo("y\n"));
    }

    [Test]
    public void A_build_that_wrote_collects_the_longest_unused_when_there_is_too_much()
    {
        Run("builder", "prune", "-af").Succeeded();
        var mark = World.Root + "/cache/collected";
        Outcome Cached(string text, string bounds) => World.Shell($"export CRUN_SHARP_BUILD_CACHE={bounds}; printf 'FROM busybox\nRUN {text}\n' | $C build --progress plain -o type=cacheonly -");
        const string First = "head -c 2000000 /dev/urandom > /first", Second = "head -c 2000000 /dev/urandom > /second";
        Cached(First, "off").Succeeded();
        Cached("head -c 1000000 /dev/urandom > /small", "reserved=1t").Succeeded();
        Assert.That((Steps(), File.Exists(mark)), Is.EqualTo((2, false)));
        World.Shell("find $CRUN_SHARP_ROOT/cache/?? -type f -exec touch -d '1 hour ago' {} +").Succeeded();

        // What it used last, it keeps.
        Cached("head -c 1000000 /dev/urandom > /small", "reserved=0,max=4m,free=0").Succeeded();
        Assert.That((Steps(), File.Exists(mark)), Is.EqualTo((2, false)), "it wrote nothing");
        Cached(Second, "reserved=0,max=4m,free=0").Succeeded();
        Assert.That((Steps(), File.Exists(mark)), Is.EqualTo((2, true)));
        Assert.That(Cached(Second, "off").Err, Does.Contain("CACHED\n\n#2 ").And.Not.Contain("#2 DONE"));
        Assert.That(Cached(First, "off").Err, Does.Match(@"#2 \[.*first\n#2 DONE"), "the longest unused is gone");
        Assert.That(Run("system", "check").Code, Is.Zero);
        Assert.That(Cached("true", "max=x").Succeeded().Err, Does.Contain("collect the build cache: $CRUN_SHARP_BUILD_CACHE: \"max=x\""));
    }
}
