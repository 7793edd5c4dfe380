using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Bundles;

/// <summary>dockerd with its containerd, driving the runtime.</summary>
public sealed class DockerdTests : BundleTest
{
    private Dockerd? _dockerd;

    [OneTimeSetUp]
    public void StartDaemon()
    {
        DockerArchive.Write(World.Files + "/box.tar", "box", BusyboxImage.Write);
        World.EngineCgroups.UnionWith(["daemon", "docker"]);
        _dockerd = new Dockerd(World.World, Path.GetDirectoryName(World.Runtime)!, $"--storage-driver vfs --add-runtime x={World.Runtime} --default-runtime x");
        Docker("d load -i box.tar").Succeeded();
    }

    [OneTimeTearDown]
    public void EndDaemon() => _dockerd?.Dispose();

    [TestCase("d run --rm box sh -c 'echo out; echo err >&2; exit 3'", 3, "out\n")]
    [TestCase("echo input | d run --rm -i box cat", 0, "input\n")]
    [TestCase("d run --rm -e A=b -w /tmp -u 1000 --hostname h box sh -c 'echo $A; pwd; id -u; hostname'", 0, "b\n/tmp\n1000\nh\n")]
    [TestCase("d run --rm --network none box ls /sys/class/net", 0, "lo\n")]
    [TestCase("d run --rm box sh -c 'ip -4 -o addr show eth0 | grep -c 172.17.0'", 0, "1\n")]
    [TestCase("d run --rm --read-only box touch /x", 1, "")]
    [TestCase("d run --rm --cap-add SYS_ADMIN --security-opt seccomp=unconfined box sh -c 'mount -t tmpfs x /tmp && echo mounted'", 0, "mounted\n")]
    [TestCase("d run --rm --tmpfs /t box sh -c 'touch /t/x && ls /t'", 0, "x\n")]
    [TestCase("d run --rm -v $PWD/shared:/m:ro box sh -c 'cat /m/f; touch /m/x 2>/dev/null || echo readonly'", 0, "content\nreadonly\n")]
    [TestCase("d run --rm -v vol:/v box sh -c 'echo kept > /v/f' && d run --rm -v vol:/v box cat /v/f; d volume rm vol >/dev/null", 0, "kept\n")]
    [TestCase("d run --rm --init box sh -c 'readlink /proc/1/exe || cat /proc/1/comm'", 0, "/sbin/docker-init\n")]
    [TestCase("test -c zero || mknod zero c 1 5; d run --rm --device $PWD/zero:/dev/given box sh -c 'head -c 3 /dev/given | wc -c'", 0, "3\n")]
    [TestCase("d run --rm --cap-drop CHOWN box chown 1 /tmp", 1, "")]
    [TestCase("d run --rm --ulimit nofile=100:200 box sh -c 'ulimit -Sn; ulimit -Hn'", 0, "100\n200\n")]
    [TestCase("d run --rm --sysctl net.ipv4.ip_unprivileged_port_start=77 box cat /proc/sys/net/ipv4/ip_unprivileged_port_start", 0, "77\n")]
    [TestCase("d run --rm --pid host box sh -c 'test $$ -gt 10 && echo host'", 0, "host\n")]
    [TestCase("d run --rm --tmpfs /t:mode=700 --tmpfs /home/user box stat -c %a /t /home/user", 0, "700\n755\n")]
    [TestCase("d run --rm -v /dev/null:/dev/null box sh -c 'echo x > /dev/null && echo ok'", 0, "ok\n")]
    [TestCase("d run --rm --cgroupns host --device-cgroup-rule 'c 1:* rwm' box sh -c 'mknod /tmp/zero c 1 5 && head -c 3 /tmp/zero | wc -c'", 0, "3\n")]
    [TestCase("d run --rm --init box sh -c 'kill -9 $$'", 137, "")]
    [TestCase("d run --rm --init box sh -c 'kill -11 $$'", 139, "")]
    [TestCase("d run --rm --nosuch box true", 125, "")]
    [TestCase("d run --rm box nosuch", 127, "")]
    [TestCase("d run --rm box /etc/passwd", 126, "")]
    public void Run_behaves_as_with_runc(string command, int code, string output)
    {
        World.File("shared/f", "content\n");
        var outcome = Docker(command);
        Assert.That((outcome.Code, outcome.Out), Is.EqualTo((code, output)), outcome.ToString());
    }

    [Test]
    public void A_privileged_container_has_all_that_the_host_can_give()
    {
        Assume.That(World.IsOurs, "another runtime wants what this host may not have");
        Assert.That(Docker("d run --rm --privileged box sh -c 'mount -t tmpfs x /tmp && echo mounted'").Succeeded().Out, Is.EqualTo("mounted\n"));
    }

    [Test]
    public void A_container_in_the_background_can_be_used_and_ended()
    {
        Docker("d run -d --name web box sh -c 'echo started; trap \"exit 7\" TERM; while :; do sleep 0.1; done'").Succeeded();
        Assert.Multiple(() =>
        {
            var inside = Docker("d exec web sh -c 'echo in; exit 4'");
            Assert.That((inside.Code, inside.Out), Is.EqualTo((4, "in\n")), inside.ToString());
            Assert.That(Docker("echo input | d exec -i -u 1000 -w /tmp web sh -c 'cat; id -u; pwd'").Out, Is.EqualTo("input\n1000\n/tmp\n"));
            var wrong = Docker("d exec web nosuch");
            Assert.That(wrong.Code, Is.EqualTo(126).Or.EqualTo(127), wrong.ToString());
            Assert.That(wrong.Out + wrong.Err, Does.Contain("executable file not found in $PATH"));
            Assert.That(Docker("d top web").Succeeded().Lines, Has.Length.GreaterThanOrEqualTo(2));
            Assert.That(Docker("d stats --no-stream --format '{{.Name}}' web").Out, Is.EqualTo("web\n"));
            Docker("d pause web").Succeeded();
            Assert.That(Docker("d inspect -f '{{.State.Status}}' web").Out, Is.EqualTo("paused\n"));
            Docker("d unpause web").Succeeded();
            Docker("d restart -t 5 web").Succeeded();
            Docker("d stop -t 5 web").Succeeded();
            Assert.That(Docker("d inspect -f '{{.State.ExitCode}}' web").Out, Is.EqualTo("7\n"));
            Assert.That(Docker("d logs web").Out, Is.EqualTo("started\nstarted\n"));
            Docker("d start web").Succeeded();
            Docker("d kill web").Succeeded();
            Assert.That(Docker("d wait web").Out, Is.EqualTo("137\n"));
        });
        Docker("d rm -f web").Succeeded();
    }

    [Test]
    public void A_terminal_works()
    {
        var outcome = World.Shell("script -qec \"stty rows 33 cols 77; docker -H unix:///run/docker.sock run -it --rm box sh -c 'tty; sleep 0.5; stty size'\" /dev/null </dev/null");
        Assert.That(outcome.Out, Does.Contain("/dev/pts/0").And.Contain("33 77"), outcome.ToString());
    }

    [Test]
    public void Containers_reach_each_other_and_their_ports_are_published()
    {
        Docker("d run -d --name server -p 8080:80 box sh -c 'mkdir /w; echo page > /w/index.html; exec httpd -f -p 80 -h /w'").Succeeded();
        try
        {
            Harness.World.Await(() => Docker("d exec server wget -qO- http://127.0.0.1/").Out == "page\n", "it serves", 20_000);
            Assert.That(Docker("d run --rm box wget -qO- http://$(d inspect -f '{{.NetworkSettings.IPAddress}}' server)/").Out, Is.EqualTo("page\n"));
            Assert.That(World.Shell("curl -s --max-time 5 http://127.0.0.1:8080/").Out, Is.EqualTo("page\n"));
        }
        finally
        {
            Docker("d rm -f server");
        }
    }

    [Test]
    public void A_Dockerfile_is_built()
    {
        World.File("context/Dockerfile", "FROM box\nRUN echo made > /made\nRUN cat /made && rmdir /home/user\nCMD cat /made\n");
        Docker("DOCKER_BUILDKIT=0 d build -t built context").Succeeded();
        Assert.That(Docker("d run --rm built; d rmi built >/dev/null").Out, Is.EqualTo("made\n"));
    }

    [Test]
    public void A_Dockerfile_is_built_by_BuildKit()
    {
        World.File("kit/Dockerfile", "FROM box\nRUN echo made > /made\nRUN --mount=type=cache,target=/cache touch /cache/c && ls /cache\nUSER user\nRUN id -u && cat /made\nCMD cat /made\n");
        var outcome = Docker("DOCKER_BUILDKIT=1 d build --progress plain -t kit kit");
        Assert.That(outcome.Code, Is.Zero, outcome.ToString());
        Assert.That(outcome.Out + outcome.Err, Does.Contain(" 1000\n"));
        Assert.That(Docker("d run --rm kit; d rmi kit >/dev/null").Out, Is.EqualTo("made\n"));
        World.File("fails/Dockerfile", "FROM box\nRUN exit 5\n");
        Assert.That(Docker("DOCKER_BUILDKIT=1 d build --progress plain fails").Err, Does.Contain("exit code: 5"));
    }

    [Test]
    public void Containers_of_a_network_find_each_other_by_name()
    {
        Docker("d network create web && d run -d --name named --network web --network-alias other box sh -c 'mkdir /w; echo page > /w/index.html; exec httpd -f -p 80 -h /w'").Succeeded();
        try
        {
            Harness.World.Await(() => Docker("d run --rm --network web box sh -c 'wget -qO- http://named/ && wget -qO- http://other/'").Out == "page\npage\n", "names are found", 30_000);
            Docker("d network connect bridge named").Succeeded();
            Assert.That(Docker("d exec named ls /sys/class/net").Lines, Is.EqualTo((string[])["eth0", "eth1", "lo"]));
        }
        finally
        {
            Docker("d rm -f named; d network rm web");
        }
    }

    [Test]
    public void What_fails_is_started_again_and_its_health_is_checked()
    {
        Docker("d run -d --name again --restart on-failure:2 box sh -c 'exit 3'").Succeeded();
        Docker("d run -d --name checked --health-cmd 'test -e /tmp/ok' --health-interval 300ms --health-retries 1 box sleep 1000").Succeeded();
        try
        {
            Harness.World.Await(() => Docker("d inspect -f '{{.State.Health.Status}}' checked").Line == "unhealthy", "it is unhealthy", 20_000);
            Docker("d exec checked touch /tmp/ok").Succeeded();
            Harness.World.Await(() => Docker("d inspect -f '{{.State.Health.Status}}' checked").Line == "healthy", "it is healthy", 20_000);
            Harness.World.Await(() => Docker("d inspect -f '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}' again").Line == "2 exited 3", "it was started twice more", 20_000);
        }
        finally
        {
            Docker("d rm -f again checked");
        }
    }

    [Test]
    public void A_container_whose_shim_was_killed_can_be_started_again()
    {
        var id = Docker("d run -d --name lost box sleep 1000").Succeeded().Line;
        try
        {
            World.Host.Tool("kill", "-KILL", World.Host.Tool("pgrep", "-f", $"containerd-shim-runc-v2 .*-id {id}").Trim());
            Harness.World.Await(() => Docker("d inspect -f '{{.State.Status}}' lost").Line == "exited", "it has ended", 20_000);
            Docker("d start lost").Succeeded();
            Assert.That(Docker("d exec lost echo again").Out, Is.EqualTo("again\n"));
        }
        finally
        {
            Docker("d rm -f lost");
        }
    }

    private Outcome Docker(string script) => _dockerd!.Run(script);
}
