using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Bundles;

/// <summary>podman and buildah, driving the runtime.</summary>
public sealed class PodmanTests : BundleTest
{
    private const string Settings = """
        [containers]
        default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
        pids_limit = 0
        log_driver = "k8s-file"
        [network]
        network_backend = "netavark"
        """;

    private string P => $"""
        podman() (
          export CONTAINERS_CONF={World.Files}/containers.conf XDG_RUNTIME_DIR={World.Files}/pod TMPDIR={World.Files}
          exec podman --root {World.Directory}/p --runroot {World.Directory}/r --tmpdir {World.Directory}/t --network-config-dir {World.Directory}/n \
            --storage-driver vfs --cgroup-manager cgroupfs --runtime {World.Runtime} "$@"
        )

        """;

    private Outcome Podman(string script) => World.Shell(P + script);

    [OneTimeSetUp]
    public void ImportImage()
    {
        // podman keeps what it needs in places of its own; here they are directories of this world.
        World.Shell($"""
            set -e
            mount -t tmpfs tmpfs /run
            mkdir -p {World.Files}/tmp/$(basename {World.Directory})
            exec 5<{World.Directory}
            mount --bind {World.Files}/tmp /var/tmp
            mount -c --bind /proc/self/fd/5 {World.Directory}
            """).Succeeded();
        World.Host.KnownMounts = 3;
        World.File("containers.conf", Settings + $"\n[engine]\nevents_logger = \"file\"\nimage_copy_tmp_dir = \"{World.Files}\"\n");
        // conmon's sockets are in /tmp; the archive is there as well.
        World.Shell($"cp {BusyboxImage.Archive} busybox.tar && mount -t tmpfs tmpfs /tmp").Succeeded();
        Podman($"podman import -c 'CMD [\"sh\"]' busybox.tar localhost/busybox").Succeeded();
    }

    [OneTimeTearDown]
    public void RemoveAll() => Podman("podman rm -fa >/dev/null 2>&1; podman rmi -fa >/dev/null 2>&1");

    [TestCase("podman run --rm --network none localhost/busybox sh -c 'echo out; exit 3'", 3, "out\n")]
    [TestCase("echo input | podman run --rm -i --network none localhost/busybox cat", 0, "input\n")]
    [TestCase("podman run --rm --network none -e A=b -w /tmp -u 1000 --hostname h localhost/busybox sh -c 'echo $A; pwd; id -u; hostname'", 0, "b\n/tmp\n1000\nh\n")]
    [TestCase("podman run --rm --network none --read-only localhost/busybox touch /x", 1, "")]
    [TestCase("podman run --rm --network none localhost/busybox nosuch", 127, "")]
    [TestCase("podman run --rm --network none localhost/busybox /etc/passwd", 126, "")]
    [TestCase("podman run --rm --network none --privileged localhost/busybox sh -c 'mount -t tmpfs x /tmp && echo mounted'", 0, "mounted\n")]
    [TestCase("podman run --rm --network none --tmpfs /t localhost/busybox sh -c 'touch /t/x && ls /t'", 0, "x\n")]
    public void Run_behaves_as_with_runc(string command, int code, string output)
    {
        var outcome = Podman(command);
        Assert.That((outcome.Code, outcome.Out), Is.EqualTo((code, output)), outcome.ToString());
    }

    [Test]
    public void A_container_in_the_background_can_be_used_and_ended()
    {
        Podman("podman run -d --name web --network none localhost/busybox sh -c 'echo started; trap \"exit 7\" TERM; while :; do sleep 0.1; done'").Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(Podman("podman exec web sh -c 'echo in; exit 4'").Code, Is.EqualTo(4));
            Assert.That(Podman("podman exec web nosuch").Code, Is.EqualTo(127));
            Assert.That(Podman("podman inspect -f '{{.State.Status}}' web").Out, Is.EqualTo("running\n"));
            Assert.That(Podman("podman top web pid comm").Succeeded().Lines, Has.Length.GreaterThan(1));
            Assert.That(Podman("podman pause web && podman ps --filter status=paused -q | wc -l && podman unpause web >/dev/null").Succeeded().Lines[^1], Is.EqualTo("1"));
            Assert.That(Podman("podman stop -t 5 web").Code, Is.Zero);
            Assert.That(Podman("podman inspect -f '{{.State.ExitCode}}' web").Line, Is.EqualTo("7"));
            Assert.That(Podman("podman logs web").Out, Does.StartWith("started\n"));
            Assert.That(Podman("podman start web && podman kill web && podman wait web").Succeeded().Lines[^1], Is.EqualTo("137"));
            Assert.That(Podman("podman rm web").Code, Is.Zero);
        });
    }

    [Test]
    public void A_terminal_works()
    {
        var outcome = Podman("script -qec \"$(declare -f podman); podman run --rm -it --network none localhost/busybox sh -c 'tty; stty size; sleep 0.5'\" /dev/null < <(sleep 3)");
        Assert.That(outcome.Out, Does.Contain("/dev/pts/0"), outcome.ToString());
    }

    [Test]
    public void Volumes_are_mounted()
    {
        World.File("volume/f", "content\n");
        Assert.That(Podman($"podman run --rm --network none -v {World.Files}/volume:/v:ro localhost/busybox sh -c 'cat /v/f; touch /v/x 2>/dev/null || echo readonly'").Succeeded().Out, Is.EqualTo("content\nreadonly\n"));
        Assert.That(Podman("podman run --rm --network none -v vol:/v localhost/busybox sh -c 'echo kept > /v/f' && podman run --rm --network none -v vol:/v localhost/busybox cat /v/f; podman volume rm vol >/dev/null").Succeeded().Out, Is.EqualTo("kept\n"));
    }

    [Test]
    public void Buildah_runs_its_steps_with_it()
    {
        World.File("ctx/Dockerfile", "FROM localhost/busybox\nRUN echo made > /made\nRUN cat /made\n");
        var outcome = Podman($"podman build --network none --runtime {World.Runtime} -t built {World.Files}/ctx && podman run --rm --network none localhost/built cat /made; code=$?; podman rmi localhost/built >/dev/null 2>&1; exit $code");
        Assert.That(outcome.Code, Is.Zero, outcome.ToString());
        Assert.That(outcome.Out, Does.EndWith("made\n"));
    }
}
