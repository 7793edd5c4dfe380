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
    [TestCase("podman run --rm --network none --tmpfs /t:mode=700 --tmpfs /home/user localhost/busybox stat -c %a /t /home/user", 0, "700\n755\n")]
    [TestCase("podman run --rm --network none --systemd always localhost/busybox sh -c 'touch /run/x /tmp/x && grep -c \"^tmpfs /run tmpfs\" /proc/mounts'", 0, "1\n")]
    [TestCase("podman run --rm --network none -v /dev/null:/dev/null localhost/busybox sh -c 'echo x > /dev/null && echo ok'", 0, "ok\n")]
    [TestCase("podman run --rm --network none --uidmap 0:100000:5000 --gidmap 0:100000:5000 localhost/busybox sh -c 'id -u; stat -c %u /dev /dev/fd /etc'", 0, "0\n0\n0\n0\n")]
    [TestCase("podman run --rm --network none --ulimit nofile=100:200 --ulimit nproc=99:99 localhost/busybox sh -c 'ulimit -Sn; ulimit -Hn'", 0, "100\n200\n")]
    [TestCase("podman run --rm --network none --cap-drop ALL --cap-add SETUID localhost/busybox sh -c 'grep CapBnd /proc/self/status | cut -f2'", 0, "0000000000000080\n")]
    [TestCase("podman run --rm --network none --security-opt no-new-privileges --security-opt mask=/etc/passwd localhost/busybox sh -c 'cat /etc/passwd; grep NoNew /proc/self/status | cut -f2'", 0, "1\n")]
    [TestCase("podman run --rm --network none --cgroups=no-conmon --pid host localhost/busybox sh -c 'test $$ -gt 10 && echo host'", 0, "host\n")]
    [TestCase("podman run --rm --network none --annotation run=x localhost/busybox sh -c 'kill -9 $$ & sleep 0.1; exit 200'", 200, "")]
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
    public void A_filter_from_a_file_is_used()
    {
        World.File("filter.json", """{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}""");
        var outcome = Podman($"podman run --rm --network none --security-opt seccomp={World.Files}/filter.json localhost/busybox mkdir /made");
        Assert.That(outcome.Code, Is.EqualTo(1));
        Assert.That(outcome.Err, Does.Contain("No space left on device"));
    }

    [Test]
    public void Ports_are_published_and_containers_find_each_other_by_name()
    {
        const string Serve = "sh -c 'mkdir /w; echo page > /w/index.html; exec httpd -f -p 80 -h /w'";
        Podman($"podman network create --subnet 10.98.0.0/24 web && podman run -d --name server --network web --network-alias other -p 127.0.0.1:8080:80 localhost/busybox {Serve}").Succeeded();
        try
        {
            Harness.World.Await(() => World.Shell("curl -s --max-time 5 http://127.0.0.1:8080/").Out == "page\n", "the published port serves", 20_000);
            Assert.That(Podman("podman port server").Out, Is.EqualTo("80/tcp -> 127.0.0.1:8080\n"));
            // The name server starts beside the first container that needs it.
            Harness.World.Await(() => Podman("podman run --rm --network web localhost/busybox sh -c 'wget -qO- http://server/ && wget -qO- http://other/'").Out == "page\npage\n", "names are found", 30_000);
        }
        finally
        {
            Podman("podman rm -f -t 0 server; podman network rm web");
        }
        Assert.That(World.Shell("curl -s --max-time 5 http://127.0.0.1:8080/").Code, Is.Not.Zero);
    }

    [Test]
    public void The_containers_of_a_pod_share_what_it_has()
    {
        Podman("podman pod create --name pod --share-parent=false --share net,ipc,uts,pid --hostname podhost --network none --infra-image localhost/busybox --infra-command '/bin/sleep 1000'").Succeeded();
        try
        {
            Podman("podman run -d --pod pod --name one localhost/busybox sh -c 'trap \"exit 0\" TERM; while :; do sleep 0.1; done'").Succeeded();
            var outcome = Podman("podman run --rm --pod pod localhost/busybox sh -c 'hostname; ps | grep -c \"[s]leep 1000\"'");
            Assert.That(outcome.Out, Is.EqualTo("podhost\n1\n"), outcome.ToString());
            Podman("podman pod pause pod").Succeeded();
            Assert.That(Podman("podman inspect -f '{{.State.Status}}' one").Line, Is.EqualTo("paused"));
            Podman("podman pod unpause pod").Succeeded();
            Podman("podman pod stop -t 5 pod && podman pod start pod").Succeeded();
            Assert.That(Podman("podman pod inspect -f '{{.State}}' pod").Line, Is.EqualTo("Running"));
        }
        finally
        {
            Podman("podman pod rm -f -t 0 pod").Succeeded();
        }
    }

    [Test]
    public void The_health_of_a_container_is_checked()
    {
        Podman("podman run -d --name checked --network none --health-cmd 'test -e /tmp/ok' --health-interval disable localhost/busybox sleep 1000").Succeeded();
        try
        {
            Assert.That(Podman("podman healthcheck run checked").Code, Is.EqualTo(1));
            Assert.That(Podman("podman exec checked touch /tmp/ok; podman healthcheck run checked").Code, Is.Zero);
            Assert.That(Podman("podman inspect -f '{{.State.Health.Status}}' checked").Line, Is.EqualTo("healthy"));
        }
        finally
        {
            Podman("podman rm -f -t 0 checked");
        }
    }

    [Test]
    public void Exec_has_a_terminal_and_attach_gets_what_is_typed()
    {
        Podman("podman run -dit --name typed --network none localhost/busybox sh -c 'read x; echo got-$x; read x'").Succeeded();
        try
        {
            var inside = Podman("script -qec \"stty rows 44 cols 88; $(declare -f podman); podman exec -it typed sh -c 'tty; until test \\\"\\$(stty size)\\\" = \\\"44 88\\\"; do sleep 0.05; done; echo sized'\" /dev/null < <(sleep 5)");
            Assert.That(inside.Out, Does.Contain("/dev/pts/").And.Contain("sized"), inside.ToString());
            using var attached = World.StartShell(P + "script -qec \"$(declare -f podman); podman attach typed\" /dev/null");
            // What is typed before it is attached waits in the terminal.
            attached.Write("word\n");
            attached.Expect("got-word");
            attached.Write("\n");
            attached.Wait();
        }
        finally
        {
            Podman("podman rm -f -t 0 typed");
        }
    }

    [Test]
    public void What_fails_is_started_again()
    {
        Podman("podman run -d --name again --network none --restart on-failure:2 localhost/busybox sh -c 'exit 3'").Succeeded();
        Harness.World.Await(() => Podman("podman inspect -f '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}' again").Line == "2 exited 3", "it was started twice more", 20_000);
        Podman("podman rm -f again").Succeeded();
    }

    [Test]
    public void A_container_is_written_and_goes_on()
    {
        if (File.Exists(Harness.World.Artifacts + "/criu/criu")) World.Programs = Harness.World.Artifacts + "/criu";
        var check = World.Shell("criu check 2>&1");
        if (check.Code != 0) Assert.Ignore($"no criu that works here: {check.Code} {check.Out}");
        const string count = "sh -c 'i=0; while :; do i=$((i+1)); echo $i > /count; sleep 0.05; done'";
        Podman($"podman run -d --name kept --network none localhost/busybox {count}").Succeeded();
        int Count(string name) => int.TryParse(Podman($"podman exec {name} cat /count").Line, System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : 0;
        try
        {
            Harness.World.Await(() => Count("kept") > 5, "it counts");
            Podman("podman container checkpoint kept").Succeeded();
            Assert.That(Podman("podman inspect -f '{{.State.Status}} {{.State.Checkpointed}}' kept").Line, Is.EqualTo("exited true"));
            Podman("podman container restore kept").Succeeded();
            Harness.World.Await(() => Count("kept") > 6, "it goes on");
            Podman($"podman container checkpoint --export {World.Files}/kept.tar.gz kept && podman rm kept && podman container restore --import {World.Files}/kept.tar.gz --name other").Succeeded();
            Harness.World.Await(() => Count("other") > 7, "it goes on under another name");
            Assert.That(Podman("podman inspect -f '{{.State.Status}}' other").Line, Is.EqualTo("running"));
        }
        finally
        {
            Podman("podman rm -f -t 0 kept; podman rm -f -t 0 other");
        }
    }

    [Test]
    public void Buildah_runs_its_steps_with_it()
    {
        World.File("ctx/Dockerfile", "FROM localhost/busybox\nRUN echo made > /made\nRUN cat /made\n");
        var outcome = Podman($"podman build --network none --runtime {World.Runtime} -t built {World.Files}/ctx && podman run --rm --network none localhost/built cat /made; code=$?; podman rmi localhost/built >/dev/null 2>&1; exit $code");
        Assert.That(outcome.Code, Is.Zero, outcome.ToString());
        Assert.That(outcome.Out, Does.EndWith("made\n"));
        World.File("buildah.conf", Settings + $"\nnetwork_config_dir = \"{World.Directory}/n\"\n");
        var own = World.Shell($"""
            export CONTAINERS_CONF={World.Files}/buildah.conf TMPDIR={World.Files}
            buildah() ( exec buildah --root {World.Directory}/p --runroot {World.Directory}/r --storage-driver vfs "$@" )
            c=$(buildah from --pull-never localhost/busybox) || exit
            buildah run --isolation oci --runtime {World.Runtime} --network none $c sh -c 'echo own > /own; cat /own; exit 5'; code=$?
            buildah rm $c >/dev/null
            exit $code
            """);
        Assert.That((own.Code, own.Out), Is.EqualTo((5, "own\n")), own.ToString());
    }
}
