using CrunSharp.Kernel.Processes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>run -t</c>.</summary>
public sealed class RunTerminalTests : NativeTest
{
    private Outcome OnTerminal(string command)
    {
        using var session = World.StartOnTerminal(31, 97, command);
        return session.Wait(20_000);
    }

    [Test]
    public void A_terminal_merges_the_streams_and_ends_lines_with_carriage_returns() =>
        Assert.That(Run("run", "--rm", "-t", "--network", "none", "busybox", "sh", "-c", "echo out; echo err >&2; tty").Succeeded().Out,
            Is.EqualTo("out\r\nerr\r\n/dev/pts/0\r\n"));

    [Test]
    public void It_has_the_size_of_ours() =>
        Assert.That(OnTerminal("$C run --rm -it --network none busybox sh -c 'sleep 0.2; stty size'").Succeeded().Out, Is.EqualTo("31 97\r\n"));

    [Test]
    public void It_takes_a_new_size_while_it_runs()
    {
        using var session = World.StartOnTerminal(31, 97,
            "exec 3<&0; (sleep 1; stty rows 20 cols 50 <&3) & $C run --rm -it --network none busybox sh -c 'trap \"stty size\" WINCH; echo up; while :; do sleep 0.05; done'");
        session.Expect("20 50");
        World.Run(["rm", "-f", .. Run("ps", "-q").Lines]);
        session.Wait(20_000);
    }

    [Test]
    public void What_is_typed_reaches_the_program()
    {
        using var session = World.StartOnTerminal(24, 80, "$C run --rm -it --network none busybox sh");
        session.Expect("#");
        session.Write("echo $((40+2))\r");
        session.Expect("42");
        session.Write("exit 6\r");
        Assert.That(session.Wait(20_000).Code, Is.EqualTo(6));
    }

    [Test]
    public void Ctrl_c_is_the_programs()
    {
        using var session = World.StartOnTerminal(24, 80, "$C run --rm -it --network none busybox sh -c 'trap \"echo interrupted; exit 3\" INT; echo up; while :; do sleep 0.05; done'");
        session.Expect("up");
        session.Write("\u0003");
        var outcome = session.Wait(20_000);
        Assert.That((outcome.Code, outcome.Out), Is.EqualTo((3, "up\r\n^Cinterrupted\r\n")).Or.EqualTo((3, "up\r\ninterrupted\r\n")));
    }

    [Test]
    public void The_terminal_is_given_back_as_it_was() =>
        Assert.That(OnTerminal("stty -g > before; $C run --rm -it --network none busybox true; stty -g > after; cmp before after && echo same").Out, Is.EqualTo("same\r\n"));

    [Test]
    public void Input_that_is_no_terminal_is_refused_with_it() =>
        Assert.That(World.RunWith("", "run", "-it", "--network", "none", "busybox", "true"), Has.Property("Code").Not.Zero.And.Property("Err").Contains("the input device is not a TTY"));

    [Test]
    public void Detach_keys_leave_it_running()
    {
        using var session = World.StartOnTerminal(24, 80, "$C run -it --name left --network none busybox sh; echo code $?");
        session.Expect("#");
        session.Write("\u0010\u0011");
        session.Expect("code");
        Assert.That(Run("ps", "--format", "{{.Names}}").Line, Is.EqualTo("left"));
    }

    [Test]
    public void With_d_it_holds_a_terminal()
    {
        Run("run", "-dit", "--name", "held", "--network", "none", "busybox", "sh", "-c", "tty; cat").Succeeded();
        World.Await(() => Run("logs", "held").Out == "/dev/pts/0\r\n", "the log has the terminal's name");
        Assert.That(Run("ps", "-q").Lines, Has.Length.EqualTo(1));
    }

    [Test]
    public void A_kill_of_the_command_leaves_the_container_running()
    {
        using var session = World.StartOnTerminal(24, 80, "$C run -it --name orphan --network none busybox sh");
        session.Expect("#");
        foreach (var pid in World.ProcessesWith("run -it --name orphan"))
        {
            using var process = PidHandle.TryOpen(pid);
            process?.Send(Signal.SIGKILL.Number);
        }
        session.Wait();
        Assert.That(Run("ps", "-q").Lines, Has.Length.EqualTo(1));
    }
}
