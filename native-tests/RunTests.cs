using CrunSharp.Kernel.Processes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>run</c>: exit codes, streams, names, removal.</summary>
public sealed class RunTests : NativeTest
{
    [TestCase("true", 0)]
    [TestCase("exit 7", 7)]
    [TestCase("exit 255", 255)]
    public void The_exit_code_is_the_programs(string script, int code) => Assert.That(InContainer(script).Code, Is.EqualTo(code));

    [Test]
    public void A_program_that_is_killed_has_137()
    {
        using var session = World.Start("run", "--rm", "--name", "victim", "--network", "none", "busybox", "sh", "-c", "echo up; sleep 100");
        session.Expect("up");
        using (var process = PidHandle.TryOpen(World.PidOf("victim"))) process!.Send(Signal.SIGKILL.Number);
        Assert.That(session.Wait().Code, Is.EqualTo(137));
    }

    [Test]
    public void A_program_that_a_signal_ends_has_128_and_its_number() =>
        Assert.That(InContainer("kill -SEGV $$", "--init").Code, Is.EqualTo(139));

    [Test]
    public void A_command_that_does_not_exist_is_127() =>
        Run("run", "--rm", "--network", "none", "busybox", "nosuch").Failed(127, "exec: \"nosuch\": executable file not found in $PATH");

    [Test]
    public void A_command_that_is_not_executable_is_126() =>
        Run("run", "--rm", "--network", "none", "busybox", "/etc/passwd").Failed(126, "exec: \"/etc/passwd\": permission denied");

    [Test]
    public void An_image_that_does_not_exist_is_125() => Run("run", "--rm", "--pull", "never", "nosuch").Failed(125, "nosuch");

    [Test]
    public void An_unknown_flag_is_125() => Assert.That(Run("run", "--nosuch", "busybox"), Has.Property("Code").EqualTo(125).And.Property("Err").Contains("unknown flag: --nosuch"));

    [Test]
    public void Output_and_errors_stay_apart()
    {
        var outcome = InContainer("echo to-out; echo to-err >&2; exit 3");
        Assert.That((outcome.Code, outcome.Out, outcome.Err), Is.EqualTo((3, "to-out\n", "to-err\n")));
    }

    [Test]
    public void Bytes_pass_as_they_are() =>
        Assert.That(InContainer(@"printf '\000\377\n\r\200'").Bytes, Is.EqualTo(new byte[] { 0, 255, 10, 13, 128 }));

    [Test]
    public void With_i_input_passes_and_its_end_too()
    {
        Assert.Multiple(() =>
        {
            Assert.That(World.RunWith("one\ntwo\n", "run", "--rm", "-i", "--network", "none", "busybox", "wc", "-l").Out, Is.EqualTo("2\n"));
            Assert.That(World.RunWith("", "run", "--rm", "-i", "--network", "none", "busybox", "cat").Succeeded().Out, Is.Empty);
        });
    }

    [Test]
    public void With_i_the_programs_end_does_not_wait_for_the_inputs()
    {
        using var session = World.Start("run", "--rm", "-i", "--network", "none", "busybox", "head", "-n1");
        session.Write("first\nsecond\n");
        Assert.That(session.Wait(10_000).Succeeded().Out, Is.EqualTo("first\n"));
    }

    [Test]
    public void Without_i_the_input_is_empty() =>
        Assert.That(World.RunWith("not for it\n", "run", "--rm", "--network", "none", "busybox", "sh", "-c", "cat; readlink /proc/self/fd/0").Out, Is.EqualTo("/dev/null\n"));

    [Test]
    public void Many_megabytes_of_input_pass_through() =>
        Assert.That(World.Shell("head -c 20000000 /dev/zero | $C run --rm -i --network none busybox sh -c 'sleep 0.2; wc -c'").Succeeded().Out, Is.EqualTo("20000000\n"));

    [Test]
    public void A_hundred_megabytes_of_output_pass_through_a_pipe() =>
        Assert.That(World.Shell("$C run --rm --network none --log-driver none busybox head -c 100000000 /dev/zero | wc -c").Succeeded().Out, Is.EqualTo("100000000\n"));

    [Test]
    public void A_slow_reader_gets_all_output() =>
        Assert.That(World.Shell("$C run --rm --network none busybox sh -c 'head -c 3000000 /dev/zero; echo end' | (sleep 3; tail -c 4 >&2; cat | wc -c) 2>&1").Succeeded().Out,
            Is.EqualTo("end\n0\n"));

    [Test]
    public void A_reader_that_pauses_after_the_end_gets_all_output() =>
        Assert.That(World.Shell("$C run --rm --network none busybox head -c 1500000 /dev/zero | (sleep 12; wc -c)").Succeeded().Out, Is.EqualTo("1500000\n"));

    [Test]
    public void A_reader_that_leaves_ends_the_program_and_nothing_hangs() =>
        Assert.That(World.Shell("timeout 20 $C run --rm --network none busybox yes | head -n 1; echo ${PIPESTATUS[0]}").Out, Does.StartWith("y\n").And.Not.Contain("124"));

    [Test]
    public void D_prints_the_id_and_returns()
    {
        var id = StartSleeper("detached");
        Assert.That(id, Does.Match("^[0-9a-f]{64}$"));
        Assert.That(Run("ps", "-q", "--no-trunc").Out, Is.EqualTo(id + "\n"));
    }

    [Test]
    public void D_holds_nothing_of_its_caller()
    {
        // The pipe ends although the container runs: nobody else has it.
        Assert.That(World.Shell("$C run -d --network none busybox sleep 100 | cat | wc -c; exec 7>/dev/null; $C run -d --network none busybox sleep 100 7>&7 2>&1 | wc -c").Succeeded().Out, Is.EqualTo("65\n65\n"));
    }

    [Test]
    public void D_tells_of_a_command_that_does_not_exist() =>
        Run("run", "-d", "--network", "none", "busybox", "nosuch").Failed(127, "executable file not found");

    [Test]
    public void D_with_rm_leaves_nothing_and_frees_the_name()
    {
        Run("run", "-d", "--rm", "--name", "brief", "--network", "none", "busybox", "sh", "-c", "sleep 0.2").Succeeded();
        World.Await(() => Run("ps", "-aq").Out.Length == 0, "the container is gone");
        Run("run", "--rm", "--name", "brief", "--network", "none", "busybox", "true").Succeeded();
    }

    [Test]
    public void A_name_in_use_is_refused_with_its_holder()
    {
        var id = StartSleeper("taken");
        Run("run", "--name", "taken", "--network", "none", "busybox", "true")
            .Failed(125, $"Conflict. The container name \"/taken\" is already in use by container \"{id}\". You have to remove (or rename) that container to be able to reuse that name");
        Assert.That(Run("ps", "-aq").Lines, Has.Length.EqualTo(1));
    }

    [Test]
    public void Without_a_name_one_is_made_up()
    {
        Run("run", "--network", "none", "busybox", "true").Succeeded();
        Assert.That(Run("ps", "-a", "--format", "{{.Names}}").Line, Does.Match("^[a-z]+_[a-z]+[0-9]*$"));
    }

    [Test]
    public void Without_rm_the_container_stays_as_exited()
    {
        Run("run", "--name", "stays", "--network", "none", "busybox", "sh", "-c", "exit 4");
        Assert.That(Run("ps", "-a", "--format", "{{.Status}}").Line, Does.StartWith("Exited (4) "));
    }

    [Test]
    public void Signals_to_the_command_reach_the_program()
    {
        using var session = World.Start("run", "--rm", "--network", "none", "busybox", "sh", "-c", "trap 'echo got TERM; exit 9' TERM; trap 'echo got INT' INT; echo up; while :; do sleep 0.05; done");
        session.Expect("up");
        session.Send(Signal.SIGINT);
        session.Expect("got INT");
        session.Send(Signal.SIGTERM);
        var outcome = session.Wait();
        Assert.That((outcome.Code, outcome.Out), Is.EqualTo((9, "up\ngot INT\ngot TERM\n")));
    }

    [Test]
    public void Init_reaps_and_passes_signals_on()
    {
        using var session = World.Start("run", "--rm", "--init", "--network", "none", "busybox", "sh", "-c",
            "trap 'exit 5' TERM; for i in 1 2 3; do (sleep 0.01 & ) ; done; sleep 0.3; ls /proc | grep -c '^[0-9]'; echo $$; echo up; while :; do sleep 0.05; done");
        session.Expect("up");
        session.Send(Signal.SIGTERM);
        var outcome = session.Wait();
        Assert.Multiple(() =>
        {
            Assert.That(outcome.Code, Is.EqualTo(5));
            Assert.That(outcome.Lines[1], Is.Not.EqualTo("1"), "the program's process id");
            Assert.That(int.Parse(outcome.Lines[0]), Is.LessThanOrEqualTo(5), "processes: init, the shell, ls, grep, a subshell; no zombies");
        });
    }

    [Test]
    public void Twenty_at_once_all_end_well()
    {
        var sessions = Enumerable.Range(0, 20).Select(i => World.Start("run", "--rm", "busybox", "sh", "-c", $"echo {i}; exit {i}")).ToList();
        var outcomes = sessions.ConvertAll(static session =>
        {
            using (session) return session.Wait();
        });
        Assert.That(outcomes.Select(static outcome => (outcome.Code, outcome.Out)), Is.EqualTo(Enumerable.Range(0, 20).Select(static i => (i, $"{i}\n"))));
    }

    [Test]
    public void A_cidfile_has_the_id_and_is_not_overwritten()
    {
        Run("run", "--cidfile", "id", "--network", "none", "busybox", "true").Succeeded();
        Assert.That(File.ReadAllText(World.Files + "/id"), Is.EqualTo(Run("ps", "-aq", "--no-trunc").Line));
        Run("run", "--cidfile", "id", "--network", "none", "busybox", "true").Failed(125, "container ID file found");
    }

    [Test]
    public void Options_after_the_image_are_the_commands() =>
        Assert.That(Run("run", "--rm", "--network=none", "busybox", "echo", "-d", "--rm", "-it").Out, Is.EqualTo("-d --rm -it\n"));
}
