using CrunSharp.Kernel.Processes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>cache ls</c>, <c>rm</c>, <c>export</c>, <c>import</c>: cache mounts as things of their own.</summary>
public sealed class CacheMountCommandTests : BuildTest
{
    private string Fill(string script)
    {
        var id = "cache-" + Guid.NewGuid().ToString("N")[..8];
        Use(id, script).Succeeded();
        return id;
    }

    private Outcome Use(string id, string script) => BuildText($"FROM busybox\nARG N\nRUN --mount=type=cache,id={id},target=/c {script}\n", "--build-arg", $"N={Guid.NewGuid()}");

    [Test]
    public void Caches_are_listed_and_removed()
    {
        var id = Fill("head -c 300000 /dev/urandom > /c/f");
        var line = Run("cache", "ls", "--format", "{{.ID}} {{.Bytes}} {{.LastUsedSince}} {{.InUse}}").Succeeded().Lines.Single(l => l.StartsWith(id, StringComparison.Ordinal));
        Assert.That(line, Does.Match($"^{id} [3-5][0-9]{{5}} (Less than a second|[0-9]+ seconds?) ago false$|^{id} [3-5][0-9]{{5}} Less than a second false$"));
        Assert.That(Run("cache", "ls", "-q").Lines, Does.Contain(id));
        Assert.That(Run("cache", "rm", id).Succeeded().Line, Is.EqualTo(id));
        Run("cache", "rm", id).Failed(1, $"No such cache: {id}");
        Assert.That(Run("cache", "ls", "-q").Lines, Does.Not.Contain(id));
    }

    [Test]
    public void A_cache_goes_to_another_host_and_back_with_the_same_bytes()
    {
        var id = Fill("mkdir -p /c/a/b && echo one > /c/a/b/f && ln /c/a/b/f /c/hard && ln -s a/b /c/link && chmod 4750 /c/a/b/f && chown 5:6 /c/a && mkfifo /c/pipe");
        Run("cache", "export", "-o", "one.tar.zst", id).Succeeded();
        var other = id + "-other";
        Run("cache", "import", "-i", "one.tar.zst", other).Succeeded();
        Run("cache", "export", "-o", "two.tar.zst", other).Succeeded();
        World.Shell("cmp one.tar.zst two.tar.zst && zstd -qdc one.tar.zst | tar -t > /dev/null").Succeeded();
        Use(other, "cd /c; stat -c '%n %a %u %g %F' a > /out; stat -c '%n %a %u %g %h %F' a/b/f hard link pipe >> /out; cat link/f >> /out").Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("a 755 5 6 directory\na/b/f 4750 0 0 2 regular file\nhard 4750 0 0 2 regular file\nlink 777 0 0 1 symbolic link\npipe 644 0 0 1 fifo\none\n"));
        // What it had is gone; by standard input, and of any form.
        World.Shell($"mkdir -p new && echo new > new/n && tar -C new -cz . | $C cache import {other}").Succeeded();
        Use(other, "ls -A /c > /out").Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("n\n"));
        Run("cache", "rm", id, other).Succeeded();
    }

    [Test]
    public void Nothing_gets_out_of_a_cache_and_a_damaged_one_changes_nothing()
    {
        var id = Fill("echo old > /c/f");
        var victim = World.File("victim", "safe\n");
        World.Shell($"rm -rf bad && mkdir bad && ln -s {World.Files} bad/x && tar -C bad -cf bad.tar x && rm bad/x && mkdir bad/x && echo bad > bad/x/victim && tar -C bad -rf bad.tar x/victim && $C cache import {id}-bad < bad.tar; $C cache rm {id}-bad").Succeeded();
        Assert.That(File.ReadAllText(victim), Is.EqualTo("safe\n"));
        Run("cache", "export", "-o", "good.tar.zst", id).Succeeded();
        World.Shell($"head -c 60 good.tar.zst > cut; $C cache import -i cut {id}").Failed(1, "zstd");
        Use(id, "cat /c/f > /out; ls -A /c >> /out").Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("old\nf\n"));
        Run("cache", "export", "none").Failed(1, "No such cache: none");
        Run("cache", "rm", id).Succeeded();
    }

    [Test]
    public void A_cache_in_use_stays()
    {
        var id = Fill("true");
        using var session = World.Start("build", "--no-cache", "--progress", "plain", Context($"FROM busybox\nRUN --mount=type=cache,id={id},sharing=locked,target=/c echo started; sleep 1000\n"));
        session.ExpectError(" started\n");
        foreach (var command in (string[][])[["rm", id], ["export", "-o", "x", id], ["import", "-i", "/dev/null", id]])
            Run(["cache", .. command]).Failed(1, $"cache \"{id}\" is in use by a build");
        session.Send(Signal.SIGINT);
        session.Wait();
        Run("cache", "rm", id).Succeeded();
    }

    [Test]
    public void An_image_that_goes_takes_nothing_from_the_cache()
    {
        const string text = "FROM busybox\nRUN head -c 100000 /dev/urandom > /kept\n";
        BuildText(text, "-t", "kept").Succeeded();
        Run("rmi", "kept", "out").Succeeded();
        Run("image", "prune", "-f").Succeeded();
        Assert.That(Done(BuildText(text).Succeeded()), Is.Empty);
        Run("rmi", "out").Succeeded();
        Run("builder", "prune", "-f").Succeeded();
        Assert.That(Done(BuildText(text).Succeeded()), Has.Length.EqualTo(1));
    }
}
