using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>exec</c>.</summary>
public sealed class ExecTests : NativeTest
{
    private void Box(params string[] options) => StartSleeper("box", options);

    [Test]
    public void The_exit_code_and_the_streams_are_the_commands()
    {
        Box();
        var outcome = Run("exec", "box", "sh", "-c", "echo out; echo err >&2; exit 9");
        Assert.That((outcome.Code, outcome.Out, outcome.Err), Is.EqualTo((9, "out\n", "err\n")));
    }

    [Test]
    public void A_signal_ends_it_with_128_and_its_number()
    {
        Box();
        Assert.That(Run("exec", "box", "sh", "-c", "kill -KILL $$").Code, Is.EqualTo(137));
    }

    [Test]
    public void A_missing_command_is_127_and_one_that_is_not_executable_126()
    {
        Box();
        Run("exec", "box", "nosuch").Failed(127, "executable file not found");
        Run("exec", "box", "/etc/passwd").Failed(126, "permission denied");
    }

    [Test]
    public void Input_passes_with_i_only()
    {
        Box();
        Assert.Multiple(() =>
        {
            Assert.That(World.RunWith("a\nb\n", "exec", "-i", "box", "wc", "-l").Out, Is.EqualTo("2\n"));
            Assert.That(World.RunWith("a\nb\n", "exec", "box", "wc", "-l").Out, Is.EqualTo("0\n"));
        });
    }

    [Test]
    public void T_gives_a_terminal()
    {
        Box();
        Assert.That(Run("exec", "-t", "box", "sh", "-c", "tty; echo err >&2").Out, Does.Match("^/dev/pts/\\d+\r\nerr\r\n$"));
    }

    [Test]
    public void It_types_on_a_terminal_of_the_same_size()
    {
        Box();
        using var session = World.StartOnTerminal(33, 91, "$C exec -it box sh");
        session.Expect("#");
        session.Write("stty size\r");
        session.Expect("33 91");
        session.Write("exit 4\r");
        Assert.That(session.Wait().Code, Is.EqualTo(4));
    }

    [Test]
    public void Without_t_the_command_gets_no_terminal_of_the_hosts()
    {
        // A hostile program would go on reading what the user types after the command has ended.
        Box();
        using var session = World.StartOnTerminal(24, 80, "$C exec -i box sh -c 'test -t 0 || test -t 1 || test -t 2 && echo reached || echo kept'; $C exec box sh -c 'test -t 1 || test -t 2 && echo reached || echo kept'");
        Assert.That(session.Wait().Out, Is.EqualTo("kept\r\nkept\r\n"));
    }

    [Test]
    public void Without_t_the_command_cannot_reopen_files_of_the_host()
    {
        Box();
        World.Shell("echo secret > out; $C exec box sh -c 'echo visible; timeout 1 head -c 6 /proc/self/fd/1 > /tmp/stolen; : > /proc/self/fd/1' >> out 2>/dev/null");
        Assert.That(File.ReadAllText(World.Files + "/out"), Is.EqualTo("secret\nvisible\n"));
        Assert.That(Run("exec", "box", "cat", "/tmp/stolen").Out, Is.Empty);
    }

    [Test]
    public void D_returns_at_once_and_the_command_runs_on()
    {
        Box();
        Run("exec", "-d", "box", "sh", "-c", "sleep 0.2; echo done > /tmp/mark").Succeeded();
        World.Await(() => Run("exec", "box", "cat", "/tmp/mark").Out == "done\n", "the mark is there");
    }

    [TestCase("user", "1000 1000 1000 2000")]
    [TestCase("1000", "1000 1000 1000 2000")]
    [TestCase("1234:77", "1234 77 77")]
    [TestCase("user:extra", "1000 2000 2000")]
    public void U_chooses_who_runs_it(string user, string ids)
    {
        Box();
        Assert.That(Run("exec", "-u", user, "box", "sh", "-c", "echo $(id -u) $(id -g) $(id -G)").Line, Is.EqualTo(ids));
    }

    [Test]
    public void E_and_w_set_its_environment_and_directory()
    {
        Box("-e", "A=container", "-w", "/data");
        using var session = World.StartWith(new Dictionary<string, string> { ["FROMHOST"] = "host" },
            "exec", "-e", "B=exec", "-e", "FROMHOST", "-e", "UNSETONE", "-w", "/tmp", "box", "sh", "-c", "pwd; echo $A $B $FROMHOST; env | grep -c UNSETONE");
        Assert.Multiple(() =>
        {
            Assert.That(session.Wait().Out, Is.EqualTo("/tmp\ncontainer exec host\n0\n"));
            Assert.That(Run("exec", "box", "pwd").Out, Is.EqualTo("/data\n"));
        });
    }

    [Test]
    public void Its_root_is_the_containers_and_nothing_lies_on_top_of_it()
    {
        Box();
        const string script = "ls /data; stat -c %d:%i / /..";
        var outcome = Run("exec", "box", "sh", "-c", script).Succeeded();
        Assert.That(outcome.Lines[0], Is.EqualTo("from-image"));
        Assert.That(outcome.Lines[1..], Has.All.EqualTo(outcome.Lines[1]));
    }

    [Test]
    public void It_joins_all_namespaces_and_the_control_group()
    {
        Box();
        const string script = "for n in mnt net pid ipc uts cgroup; do readlink /proc/$0/ns/$n; done; cat /proc/$0/cgroup";
        Assert.That(Run("exec", "box", "sh", "-c", script, "self").Out, Is.EqualTo(Run("exec", "box", "sh", "-c", script, "1").Out));
    }

    [Test]
    public void It_has_the_capabilities_and_the_filter_of_the_container()
    {
        Box("--cap-drop", "ALL", "--cap-add", "CHOWN");
        const string script = "grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/$0/status";
        Assert.That(Run("exec", "box", "sh", "-c", script, "self").Out, Is.EqualTo(Run("exec", "box", "sh", "-c", script, "1").Out).And.Contains("Seccomp:\t2"));
    }

    [Test]
    public void Privileged_gives_all_capabilities()
    {
        Box();
        Assert.That(Run("exec", "--privileged", "box", "grep", "CapEff", "/proc/self/status").Out, Is.Not.EqualTo(Run("exec", "box", "grep", "CapEff", "/proc/self/status").Out));
    }

    [Test]
    public void A_container_that_does_not_run_is_refused()
    {
        Run("run", "--name", "ended", "--network", "none", "busybox", "true").Succeeded();
        Run("exec", "ended", "true").Failed(1, "is not running");
        Run("exec", "nosuch", "true").Failed(1, "No such container: nosuch");
    }

    [Test]
    public void A_container_that_is_still_starting_is_not_entered_before_its_root_is_its_own()
    {
        for (var i = 0; i < 10; i++)
        {
            using var entering = World.StartShell($"while [ ! -e done{i} ]; do $C exec early{i} sh -c 'test -e /data/from-image && echo inside || echo on the host'; done 2>/dev/null");
            Run("run", "-d", "--name", $"early{i}", "busybox", "sleep", "1000").Succeeded();
            World.File($"done{i}", "");
            entering.EndInput();
            Assert.That(entering.Wait().Lines, Has.All.EqualTo("inside"));
            Run("rm", "-f", $"early{i}").Succeeded();
        }
    }

    [Test]
    public void What_it_left_running_ends_with_the_container()
    {
        Box();
        Run("exec", "-d", "box", "sleep", "1000").Succeeded();
        Run("rm", "-f", "box").Succeeded();
    }

    [Test]
    public void Nothing_of_a_hostile_container_is_executed_to_enter_it()
    {
        Box();
        Assert.That(Run("exec", "box", "cat", "/data/from-image").Out, Is.EqualTo("image\n"), "it is the container's root");
        Run("exec", "box", "sh", "-c", "test -e /data/from-image || exit 1; for f in sh ash bash nsenter runc crun-sharp; do rm -f /bin/$f; printf '#!/bin/busybox sh\\ntouch /ran-%s\\n' $f > /bin/$f; chmod +x /bin/$f; done; mkdir -p /lib/x86_64-linux-gnu; echo x > /lib/x86_64-linux-gnu/libnss_files.so.2").Succeeded();
        Run("exec", "-u", "user", "box", "/bin/busybox", "true").Succeeded();
        Run("exec", "box", "/bin/busybox", "true").Succeeded();
        Assert.That(Run("exec", "box", "/bin/busybox", "ls", "/").Out, Does.Not.Contain("ran-"));
    }

    [Test]
    public void Twenty_at_once_all_end_well()
    {
        Box();
        var sessions = Enumerable.Range(0, 20).Select(i => World.Start("exec", "box", "sh", "-c", $"echo {i}; exit {i}")).ToList();
        Assert.That(sessions.ConvertAll(static session => session.Wait().Code), Is.EqualTo(Enumerable.Range(0, 20)));
    }

    [Test]
    public void Ten_megabytes_pass_in_and_out()
    {
        Box();
        Assert.That(World.Shell("head -c 10000000 /dev/urandom > in; $C exec -i box cat < in | cmp - in && echo same").Out, Is.EqualTo("same\n"));
    }
}
