using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Bundles;

/// <summary>containerd and its shim, driving the runtime.</summary>
public sealed class ContainerdTests : BundleTest
{
    private const string Image = "docker.io/library/box:latest";

    private Session? _daemon;

    // What is run in the foreground gets no input: this ctr forwards its end at no certain time.
    private string Functions => $"""
        c() ( timeout 60 ctr -a /run/c.sock "$@" </dev/null )
        r() ( c run --snapshotter native --runc-binary {World.Runtime} --cpu-shares 0 "$@" )
        IMAGE={Image}

        """;

    [OneTimeSetUp]
    public void StartDaemon()
    {
        World.File("containerd.toml", $"""
            version = 2
            root = "{World.Directory}/c"
            state = "/run/c"
            oom_score = 0
            disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
            [grpc]
            address = "/run/c.sock"
            """);
        DockerArchive.Write(World.Files + "/box.tar", "box", BusyboxImage.Write);
        World.Shell("mount -t tmpfs tmpfs /run").Succeeded();
        World.Host.KnownMounts = World.Host.Mounts.Split('\n').Count(line => line.Contains(World.Directory, StringComparison.Ordinal));
        World.EngineCgroups.UnionWith(["daemon", "default"]);
        // The daemon's cgroup is below the world's, which is the root of the tree for it and all of its containers.
        _daemon = World.StartShell("""
            set -e
            mkdir -p /sys/fs/cgroup/daemon
            echo $$ > /sys/fs/cgroup/cgroup.procs
            exec unshare -C sh -c 'echo $$ > /sys/fs/cgroup/daemon/cgroup.procs; exec containerd -c containerd.toml -l warn'
            """);
        World.Host.Daemons.Add(_daemon.Pid);
        Harness.World.Await(() => Ctr("c version >/dev/null 2>&1").Code == 0, "containerd answers", 60_000);
        Ctr("c images import --no-unpack box.tar").Succeeded();
    }

    [OneTimeTearDown]
    public void EndDaemon()
    {
        if (_daemon is null) return;
        _daemon.Send(CrunSharp.Kernel.Processes.Signal.SIGTERM);
        _daemon.Wait();
        _daemon.Dispose();
    }

    [TestCase("r --rm $IMAGE one sh -c 'echo out; echo err >&2; exit 3'", 3, "out\n")]
    [TestCase("r --rm --env A=b --cwd /tmp $IMAGE one sh -c 'echo $A; pwd; id -u; grep CapEff: /proc/self/status | tr -d \"\\t\"'", 0, "b\n/tmp\n0\nCapEff:00000000a80425fb\n")]
    [TestCase("r --rm --cap-drop CAP_CHOWN $IMAGE one chown 1 /tmp", 1, "")]
    [TestCase("test -c zero || mknod zero c 1 5; r --rm --device $PWD/zero $IMAGE one head -c 3 $PWD/zero | wc -c", 0, "3\n")]
    [TestCase("r --rm --read-only $IMAGE one touch /x", 1, "")]
    [TestCase("r --rm --privileged $IMAGE one sh -c 'mount -t tmpfs x /tmp && echo mounted'", 0, "mounted\n")]
    [TestCase("r --rm --mount type=bind,src=$PWD/shared,dst=/m,options=rbind:ro $IMAGE one sh -c 'cat /m/f; touch /m/x 2>/dev/null || echo readonly'", 0, "content\nreadonly\n")]
    [TestCase("r --rm --net-host $IMAGE one ls /sys/class/net", 0, "lo\n")]
    [TestCase("r --rm --seccomp $IMAGE one sh -c 'grep Seccomp: /proc/self/status | tr -d \"\\t\"'", 0, "Seccomp:2\n")]
    [TestCase("r --rm --mount type=tmpfs,dst=/t,options=mode=700:size=1m $IMAGE one stat -c %a /t", 0, "700\n")]
    [TestCase("r --rm --uidmap 0:100000:65536 --gidmap 0:100000:65536 $IMAGE one sh -c 'id -u; stat -c %u /dev/fd'", 0, "0\n0\n")]
    public void Run_behaves_as_with_runc(string command, int code, string output)
    {
        World.File("shared/f", "content\n");
        var outcome = Ctr(command);
        Assert.That((outcome.Code, outcome.Out), Is.EqualTo((code, output)), outcome.ToString());
    }

    [TestCase("nosuch", "executable file not found in $PATH")]
    [TestCase("/etc/passwd", "permission denied")]
    public void What_cannot_be_run_is_told(string program, string message)
    {
        var outcome = Ctr($"r --rm $IMAGE wrong {program}");
        Assert.That(outcome.Code, Is.Not.Zero);
        Assert.That(outcome.Err, Does.Contain(message), outcome.ToString());
    }

    [Test]
    public void A_task_in_the_background_can_be_used_and_ended()
    {
        Ctr("r -d $IMAGE back sh -c 'trap \"exit 7\" TERM; while :; do sleep 0.1; done'").Succeeded();
        try
        {
            Assert.Multiple(() =>
            {
                Assert.That(StatusOf("back"), Is.EqualTo("RUNNING"));
                var inside = Ctr("c task exec --exec-id one back sh -c 'echo in; exit 4'");
                Assert.That((inside.Code, inside.Out), Is.EqualTo((4, "in\n")), inside.ToString());
                var wrong = Ctr("c task exec --exec-id two back nosuch");
                Assert.That(wrong.Code, Is.Not.Zero);
                Assert.That(wrong.Err, Does.Contain("executable file not found in $PATH"), wrong.ToString());
                Assert.That(Ctr("c task exec --exec-id three --user 1000 --cwd /tmp back sh -c 'id -u; pwd'").Out, Is.EqualTo("1000\n/tmp\n"));
                Ctr("c task pause back").Succeeded();
                Assert.That(StatusOf("back"), Is.EqualTo("PAUSED"));
                Ctr("c task resume back").Succeeded();
                Assert.That(StatusOf("back"), Is.EqualTo("RUNNING"));
                Assert.That(Ctr("c task ps back").Succeeded().Lines, Has.Length.GreaterThanOrEqualTo(2));
                Assert.That(Ctr("c task metrics back").Succeeded().Out, Does.Contain("back"));
                Ctr("c task kill back").Succeeded();
            });
            Harness.World.Await(() => StatusOf("back") == "STOPPED", "it has ended");
            Assert.That(Ctr("c task rm back").Err, Does.Contain("7"));
        }
        finally
        {
            Ctr("c task kill -s KILL back; c task rm -f back; c container rm back");
        }
    }

    [Test]
    public void The_events_of_a_task_are_told()
    {
        using var events = World.StartShell(Functions + "exec timeout 60 ctr -a /run/c.sock events");
        try
        {
            Ctr("r -d $IMAGE told true").Succeeded();
            foreach (var topic in (string[])["/tasks/create", "/tasks/start", "/tasks/exit"]) events.Expect(topic);
            Ctr("c task rm told").Succeeded();
            events.Expect("/tasks/delete");
        }
        finally
        {
            events.Send(CrunSharp.Kernel.Processes.Signal.SIGTERM);
            events.Wait();
            Ctr("c task rm -f told; c container rm told");
        }
    }

    [Test]
    public void A_terminal_works()
    {
        var outcome = World.Shell(Functions + $"script -qec \"stty rows 33 cols 77; ctr -a /run/c.sock run -t --rm --snapshotter native --runc-binary {World.Runtime} --cpu-shares 0 $IMAGE term sh -c 'tty; sleep 0.3; stty size'\" /dev/null </dev/null");
        Assert.That(outcome.Out, Does.Contain("/dev/pts/0"), outcome.ToString());
    }

    [Test]
    public void What_a_killed_shim_leaves_is_cleared()
    {
        Ctr("r -d $IMAGE lost sleep 1000").Succeeded();
        var shim = World.Host.Tool("pgrep", "-f", "containerd-shim-runc-v2 .*-id lost").Trim();
        World.Host.Tool("kill", "-KILL", shim);
        Harness.World.Await(() => Ctr("c task ls -q").Out.Length == 0, "the task is gone", 30_000);
        Ctr("c container rm lost").Succeeded();
    }

    private Outcome Ctr(string script) => World.Shell(Functions + script);

    private string StatusOf(string task) =>
        Array.Find(Ctr("c task ls").Succeeded().Lines, line => line.StartsWith(task + " ", StringComparison.Ordinal))?.Split(' ')[^1] ?? "";
}
