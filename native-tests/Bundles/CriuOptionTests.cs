using System.Text.Json.Nodes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Bundles;

/// <summary>
/// What the options of checkpoint and restore allow; without each of them criu refuses. With criu only; what it cannot do on
/// every kernel is in the virtual machine as well (checkpoint.sh).
/// </summary>
public sealed class CriuOptionTests : CriuTest
{
    [OneTimeSetUp]
    public void AddPrograms() =>
        File.Copy(Probe.Compile("held", File.ReadAllText(TestSources.Folder + "/payload/held.c")), World.Rootfs + "/bin/held");

    [SetUp]
    public void Require() => RequireCriu();

    private void Refused(string id, string images)
    {
        Assert.That(Run("checkpoint", "--image-path", Images(images), id).Code, Is.EqualTo(1));
        Assert.That(World.StatusOf(id), Is.EqualTo("running"));
    }

    [Test]
    public void Established_connections()
    {
        // Both ends are in the container; what one sends counts at the other.
        File.WriteAllText(World.Rootfs + "/count", "0");
        var bundle = StartScript("wired", "exec held wire 7000 /count", wait: AwaitProgress);
        Refused("wired", "refused");
        if (File.ReadAllText(Images("refused") + "/dump.log").Contains("Can't get 1:16 opt", StringComparison.Ordinal))
        {
            End("wired");
            Assert.Ignore("this criu does not know this kernel's sockets");
        }
        for (var i = 0; i < 2; i++)
        {
            Checkpoint("wired", "--tcp-established");
            var stopped = Count;
            Restore("wired", bundle, "--tcp-established");
            AwaitProgress();
            Assert.That(Count, Is.GreaterThan(stopped));
        }
        End("wired");
    }

    [Test]
    public void Locks_of_files()
    {
        bool IsHeld() => World.Shell("flock -n rootfs/locked true").Code != 0;
        var bundle = StartScript("locking", "exec held hold /locked", wait: () => Harness.World.Await(IsHeld, "the lock is held"));
        Refused("locking", "refused");
        Checkpoint("locking", "--file-locks");
        Assert.That(IsHeld(), Is.False);
        Restore("locking", bundle, "--file-locks");
        Assert.That(IsHeld());
        End("locking");
        Assert.That(IsHeld(), Is.False);
    }

    [Test]
    public void A_socket_of_the_host()
    {
        Directory.CreateDirectory(World.Files + "/outside");
        using var server = World.Host.Start(World.Rootfs + "/bin/held", ["receive", World.Files + "/outside/socket"]);
        server.Expect("ready\n");
        // criu finds the other end only in the same network namespace, and by the name that it was given.
        var bundle = StartScript("telling", $"exec held number {World.Files}/outside/socket", config =>
        {
            config["mounts"]!.AsArray().Add(new JsonObject { ["destination"] = World.Files + "/outside", ["type"] = "bind", ["source"] = World.Files + "/outside", ["options"] = new JsonArray("rbind", "rw") });
            var namespaces = config["linux"]!["namespaces"]!.AsArray();
            namespaces.Remove(namespaces.First(static ns => ns!["type"]!.GetValue<string>() == "network"));
        });
        server.Expect("\n3\n");
        Refused("telling", "refused");
        Checkpoint("telling", "--ext-unix-sk");
        var last = server.Output;
        Restore("telling", bundle, "--ext-unix-sk");
        Harness.World.Await(() => server.Output.Length > last.Length + 20, "numbers arrive");
        var numbers = server.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..].Select(static line => int.Parse(line, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        // One that was sent while criu held it may have been lost with the connection, and none comes twice.
        Assert.That(numbers, Is.Ordered.And.Unique);
        End("telling");
        World.Host.Tool("kill", $"{server.Pid}");
    }

    [Test]
    public void A_removed_file_of_another_name()
    {
        if (!World.IsOurs) Assert.Ignore("runc 1.1.5 has no such option");
        var bundle = StartScript("linked", "echo a >/kept; ln /kept /removed; exec 3>>/removed; rm /removed; while :; do echo more >&3; sleep 0.02; done",
            wait: () => Harness.World.Await(() => File.Exists(World.Rootfs + "/kept") && new FileInfo(World.Rootfs + "/kept").Length > 20, "it writes"));
        Refused("linked", "refused");
        Checkpoint("linked", "--link-remap");
        var length = new FileInfo(World.Rootfs + "/kept").Length;
        Restore("linked", bundle);
        Harness.World.Await(() => new FileInfo(World.Rootfs + "/kept").Length > length, "it writes on");
        End("linked");
        Assert.That(World.Shell("ls -A rootfs | grep -c link_remap").Out, Is.EqualTo("0\n"));
    }

    [Test]
    public void A_terminal_of_the_host()
    {
        // Detached on a terminal that is not the container's own, as a shell's job is.
        var bundle = World.Bundle("i=0; while :; do i=$((i+1)); echo at $i.; sleep 0.05; done");
        using var terminal = World.Host.Start("script", ["-qec", $"{World.Runtime} --root {World.State} run -d -b {bundle} shell; read line", "/dev/null"], directory: World.Files);
        terminal.Expect("at 3.");
        Refused("shell", "refused");
        Checkpoint("shell", "--shell-job");
        terminal.Write("end\n");
        terminal.Wait();
    }

    [Test]
    public void An_empty_network_namespace()
    {
        var bundle = StartCounter("empty");
        Inside("empty", "ip link add name bridge type bridge 2>/dev/null; true");
        Checkpoint("empty", "--empty-ns", "network");
        Restore("empty", bundle, "--empty-ns network");
        AwaitProgress();
        Assert.That(Inside("empty", "cat /proc/net/dev | tail -n +3 | wc -l; cat /sys/class/net/lo/operstate"), Is.EqualTo("1\ndown\n"));
        End("empty");
    }

    [Test]
    public void Memory_goes_to_a_server_and_comes_back()
    {
        var bundle = StartCounter("sent");
        Directory.CreateDirectory(Images("sent"));
        using var server = World.StartShell($"exec criu page-server --images-dir {Images("sent")} --address 127.0.0.1 --port 7002 --log-file {World.Files}/server.log");
        Harness.World.Await(() => World.Shell("ss -Hltn 'sport = :7002'").Out.Length > 0, "the server listens");
        Checkpoint("sent", "--page-server", "127.0.0.1:7002");
        server.Wait();
        Assert.That(Directory.GetFiles(Images("sent"), "pages-*.img"), Is.Not.Empty);
        Restore("sent", bundle);
        AwaitProgress();
        End("sent");
    }

    [Test]
    public void Memory_that_changed_since_an_earlier_checkpoint()
    {
        var bundle = StartCounter("early");
        var outcome = Run("checkpoint", "--pre-dump", "--image-path", World.Files + "/earlier", "early");
        if (outcome.Code != 0)
        {
            Assert.That(outcome.Err, Does.Contain("does not tell which memory changed").Or.Contain("missing features"));
            Assert.That(World.StatusOf("early"), Is.EqualTo("running"));
            AwaitProgress();
            End("early");
            Assert.Ignore("this kernel does not tell which memory changed");
        }
        AwaitProgress();
        Checkpoint("early", "--parent-path", "../earlier");
        Restore("early", bundle);
        AwaitProgress();
        End("early");
    }
}
