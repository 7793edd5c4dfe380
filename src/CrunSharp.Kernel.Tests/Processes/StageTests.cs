using System.Buffers.Binary;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Tests.Processes;

/// <summary>The stage with plans written by hand.</summary>
public class StageTests
{
    private static ExitStatus Run(StagePlan plan, SafeFileHandle? output = null)
    {
        using var stage = Stage.Start(plan, null, output, null);
        using var process = stage.WaitForProcess();
        try
        {
            stage.WaitForExec();
        }
        catch (CrunException)
        {
            process.Reap();
            throw;
        }
        return process.Reap();
    }

    private static void Execute(StagePlan plan, params string[] command)
    {
        plan.CloseOnExec();
        plan.For("run").Execute(command[0], plan.Texts(command), plan.Texts(["A=b"]));
    }

    [Test]
    public void A_plan_executes_its_program_and_the_exit_code_comes_back()
    {
        var plan = new StagePlan();
        plan.Clone(0, null);
        Execute(plan, "/bin/sh", "-c", "exit 42");
        Assert.That(Run(plan), Is.EqualTo(new ExitStatus(42, 0)));
    }

    [Test]
    public void A_signal_is_told_from_an_exit()
    {
        var plan = new StagePlan();
        plan.Clone(0, null);
        Execute(plan, "/bin/sh", "-c", "kill -9 $$");
        Assert.That(Run(plan), Is.EqualTo(new ExitStatus(137, 9)));
    }

    [Test]
    public void A_failing_step_is_reported_with_its_call_operation_and_section()
    {
        var plan = new StagePlan();
        plan.Clone(CloneFlags.CLONE_NEWNS, null);
        plan.For("mount /proc", "config.md#mounts").OpenFileSystem("nosuchfs", plan.NewSlot());
        var error = Assert.Throws<CrunException>(() => Run(plan));
        Assert.That(error!.Message, Is.EqualTo("""mount /proc: fsopen("nosuchfs", 0x1) = ENODEV (No such device) [config.md#mounts]"""));
    }

    [Test]
    public void A_failing_clone_is_reported_before_there_is_a_process()
    {
        var plan = new StagePlan();
        plan.For("make namespaces").Clone((CloneFlags)0x100 | CloneFlags.CLONE_NEWUSER | CloneFlags.CLONE_NEWNS | (CloneFlags)0x200, null);
        using var stage = Stage.Start(plan, null, null, null);
        var error = Assert.Throws<CrunException>(() => stage.WaitForProcess());
        Assert.That(error!.Message, Does.StartWith("make namespaces: clone3("));
    }

    [Test]
    public void A_tolerated_error_goes_on_at_its_label()
    {
        var plan = new StagePlan();
        plan.Clone(0, null);
        var there = new StageLabel();
        plan.ChangeDirectory("/nosuch").Tolerating([Errno.EACCES, Errno.ENOENT], there);
        Execute(plan, "/bin/false");
        plan.Place(there);
        Execute(plan, "/bin/true");
        Assert.That(Run(plan).Code, Is.Zero);
    }

    [Test]
    public void A_result_goes_into_a_slot_and_out_of_it()
    {
        var path = Path.GetTempFileName();
        try
        {
            var plan = new StagePlan();
            plan.Clone(0, null);
            var file = plan.NewSlot();
            plan.OpenTrusted(AT.AT_FDCWD, path, OpenFlags.O_WRONLY, file);
            plan.Write(file, "written by the stage"u8);
            plan.Close(file);
            Execute(plan, "/bin/true");
            Run(plan);
            Assert.That(File.ReadAllText(path), Is.EqualTo("written by the stage"));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Test]
    public void A_meeting_waits_for_the_caller_and_ends_with_it()
    {
        var plan = new StagePlan();
        plan.Clone(0, null);
        plan.Meet(7);
        Execute(plan, "/bin/true");
        PidHandle process;
        using (var stage = Stage.Start(plan, null, null, null))
        {
            process = stage.WaitForProcess();
            Assert.That(stage.WaitForEvent(7), Is.Zero);
            Assert.That(process.WaitForEnd(TimeSpan.FromMilliseconds(50)), Is.False);
        }
        using (process) Assert.That(process.Reap().Code, Is.EqualTo(125), "the caller is gone, so the process must not start");
    }

    [Test]
    public void The_program_sees_only_its_own_environment_descriptors_and_default_signals()
    {
        var output = Path.GetTempFileName();
        try
        {
            using (var file = File.OpenHandle(output, FileMode.Open, FileAccess.Write))
            {
                var plan = new StagePlan();
                plan.Clone(0, null);
                Execute(plan, "/bin/sh", "-c", "env | grep -v -e PWD -e SHLVL -e _=; ls /proc/self/fd | wc -l; grep -E 'Sig(Blk|Ign)' /proc/self/status");
                Run(plan, file);
            }
            var lines = File.ReadAllLines(output);
            Assert.That(lines, Is.EqualTo(new[] { "A=b", "4", "SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000" }));
        }
        finally
        {
            File.Delete(output);
        }
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    public void Nothing_of_the_old_root_is_left_in_the_mount_namespace(int mountsOnOldRoot)
    {
        var plan = new StagePlan();
        plan.Clone(CloneFlags.CLONE_NEWNS, null);
        plan.SetPropagation("/", MountPropagation.MS_PRIVATE, recursive: true);
        for (var i = 0; i < mountsOnOldRoot; i++) plan.MoveMount(NewTmpfs(plan), "/");
        var root = NewTmpfs(plan);
        plan.MoveMount(root, "/");
        plan.PivotRoot(root);
        plan.Meet(1);
        using var stage = Stage.Start(plan, null, null, null);
        using var process = stage.WaitForProcess();
        stage.WaitForEvent(1);
        var mounts = File.ReadAllLines($"/proc/{process.Pid}/mountinfo");
        process.Send(9);
        process.Reap();
        Assert.That(mounts, Has.Length.EqualTo(1));
        Assert.That(mounts[0], Does.Contain(" - tmpfs "));
    }

    private static StageValue NewTmpfs(StagePlan plan)
    {
        var (fileSystem, mount) = (plan.NewSlot(), plan.NewSlot());
        plan.OpenFileSystem("tmpfs", fileSystem);
        plan.Create(fileSystem);
        plan.Mount(fileSystem, MountAttributes.None, mount);
        return mount;
    }

    [Test]
    public void An_init_ends_with_its_child_and_gives_signals_on()
    {
        var plan = new StagePlan();
        plan.Clone(CloneFlags.CLONE_NEWPID, null);
        plan.BecomeInit();
        Execute(plan, "/bin/sh", "-c", "trap 'exit 9' TERM; (sleep 0.01; exit 3) & while :; do sleep 0.02; done");
        using var stage = Stage.Start(plan, null, null, null);
        using var process = stage.WaitForProcess();
        stage.WaitForExec();
        Assert.That(process.WaitForEnd(TimeSpan.FromMilliseconds(200)), Is.False);
        process.Send(15);
        Assert.That(process.Reap().Code, Is.EqualTo(9));
    }

    [Test]
    public void A_check_fails_with_what_it_was_for()
    {
        var plan = new StagePlan();
        plan.Clone(0, null);
        var file = plan.NewSlot();
        plan.OpenTrusted(AT.AT_FDCWD, "/etc", OpenFlags.O_PATH, file);
        plan.For("verify /proc").CheckFileSystem(file, 0x9fa0, "/proc is not procfs");
        var error = Assert.Throws<CrunException>(() => Run(plan));
        Assert.That(error!.Reason, Is.EqualTo("/proc is not procfs"));
    }

    [Test]
    public void Garbage_instead_of_a_plan_is_refused()
    {
        var plan = new byte[16];
        BinaryPrimitives.WriteInt32LittleEndian(plan, 0x12345678);
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, plan);
            using var file = File.OpenHandle(path);
            var program = Path.GetTempFileName();
            File.WriteAllBytes(program, StageProgram.Bytes);
            File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            using var process = System.Diagnostics.Process.Start("/bin/sh", ["-c", $"exec {program} 5 16 5<{path}"]);
            process.WaitForExit();
            File.Delete(program);
            Assert.That(process.ExitCode, Is.EqualTo(125));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestCase("/bin/sh", null)]
    [TestCase("/no/such", "run: execve(\"/no/such\") = ENOENT (No such file or directory)")]
    public void A_stage_waits_for_a_starter_and_reports_to_the_one_that_stays(string program, string? expected)
    {
        var folder = Directory.CreateTempSubdirectory("crun-starter-").FullName;
        using var directory = FileAt.OpenDirectory(folder);
        try
        {
            using var listener = UnixSocket.ListenForPackets(directory, "start.sock");
            var plan = new StagePlan();
            plan.Clone(0, null);
            plan.Meet(1);
            plan.AwaitStarter(listener);
            var first = plan.Count;
            void Following(StagePlan to) => Execute(to, program, "-c", "exit 7");
            Following(plan);
            PidHandle process;
            using (var stage = Stage.Start(plan, null, null, null))
            {
                process = stage.WaitForProcess();
                stage.WaitForEvent(1);
                stage.Continue();
            }
            // One that leaves without a word.
            UnixSocket.TryConnectPackets(directory, "start.sock")!.Dispose();
            Assert.That(process.WaitForEnd(TimeSpan.FromMilliseconds(50)), Is.False);
            using var connection = UnixSocket.TryConnectPackets(directory, "start.sock")!;
            string? message = null;
            try
            {
                StageStarter.Start(connection, first, () =>
                {
                    var again = new StagePlan();
                    Following(again);
                    return again;
                });
            }
            catch (CrunException error)
            {
                message = error.Message;
            }
            Assert.That(message, Is.EqualTo(expected));
            Assert.That(process.Reap().Code, Is.EqualTo(expected is null ? 7 : 125));
            process.Dispose();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
