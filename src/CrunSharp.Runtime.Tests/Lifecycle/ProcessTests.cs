using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Init;
using CrunSharp.Runtime.Lifecycle;
using CrunSharp.Runtime.Rootfs;

namespace CrunSharp.Runtime.Tests.Lifecycle;

public class ProcessTests : BundleFixture
{
    private static RuntimeSpec With(string command, Func<ProcessSpec, ProcessSpec> change)
    {
        var spec = Shell(command);
        return spec with { Process = change(spec.Process!) };
    }

    [Test]
    public void Limits_are_exactly_those_that_were_asked_for()
    {
        var spec = With("awk '/open files|stack size|core file/ {print $(NF-2), $(NF-1)}' /proc/self/limits", process => process with
        {
            Rlimits = [new() { Type = "RLIMIT_NOFILE", Soft = 100, Hard = 200 }, new() { Type = "RLIMIT_CORE", Soft = 0, Hard = 4096 }, new() { Type = "RLIMIT_STACK", Soft = 1 << 20, Hard = 1 << 21 }],
        });
        Assert.That(Run(spec), Is.EqualTo("1048576 2097152\n0 4096\n100 200\n"));
        Assert.That(Refusal(With("true", process => process with { Rlimits = [new() { Type = "RLIMIT_NO", Soft = 1, Hard = 1 }] })), Does.Contain("\"RLIMIT_NO\" is no resource limit"));
    }

    [Test]
    public void A_limit_that_cannot_be_raised_is_refused_when_the_container_is_made()
    {
        if (CapabilitySet.OfThisProcess().Effective.Contains(Capability.CAP_SYS_RESOURCE)) Assert.Ignore("this process may raise limits");
        var hard = ResourceLimits.OfThisProcess(ResourceLimit.RLIMIT_NOFILE).Hard;
        Assert.That(Refusal(With("true", process => process with { Rlimits = [new() { Type = "RLIMIT_NOFILE", Soft = 1, Hard = hard + 1 }] })),
            Does.StartWith("raise RLIMIT_NOFILE: prlimit64(").And.EndsWith("EPERM (Operation not permitted) [config.md#posix-process]"));
    }

    [Test]
    public void The_oom_score_and_the_mask_are_set()
    {
        Assert.That(Run(With("cat /proc/self/oom_score_adj; umask", process => process with { OomScoreAdj = 321 })), Is.EqualTo("321\n0022\n"));
        Assert.That(Run(With("umask", process => process with { User = new UserSpec { Umask = 0x3f } })), Is.EqualTo("0077\n"));
    }

    [TestCase("SCHED_BATCH", 0, 3)]
    [TestCase("SCHED_IDLE", 0, 5)]
    [TestCase("SCHED_FIFO", 3, 1)]
    [TestCase("SCHED_RR", 5, 2)]
    public void The_scheduler_is_the_one_that_was_asked_for(string policy, int priority, int number)
    {
        var spec = With("awk '{print $40, $41}' /proc/$$/stat", process => process with { Scheduler = new SchedulerSpec { Policy = policy, Priority = priority } });
        Assert.That(Run(spec), Is.EqualTo($"{priority} {number}\n"));
    }

    [Test]
    public void A_nice_value_and_a_deadline_are_set_and_nonsense_is_refused()
    {
        Assert.That(Run(With("awk '{print $19}' /proc/self/stat", process => process with { Scheduler = new SchedulerSpec { Policy = "SCHED_OTHER", Nice = 7 } })), Is.EqualTo("7\n"));
        var deadline = new SchedulerSpec { Policy = "SCHED_DEADLINE", Runtime = 1_000_000, Deadline = 10_000_000, Period = 10_000_000, Flags = ["SCHED_FLAG_RESET_ON_FORK"] };
        Assert.That(Run(With("awk '{print $41}' /proc/$$/stat", process => process with { Scheduler = deadline })), Is.EqualTo("6\n"));
        Assert.That(Refusal(With("true", process => process with { Scheduler = new SchedulerSpec { Policy = "SCHED_FIFO", Priority = 100 } })),
            Does.StartWith("schedule as SCHED_FIFO: sched_setattr(").And.Contain("EINVAL"));
    }

    [TestCase("IOPRIO_CLASS_BE", 6, "best-effort: prio 6\n")]
    [TestCase("IOPRIO_CLASS_RT", 1, "realtime: prio 1\n")]
    [TestCase("IOPRIO_CLASS_IDLE", 0, "idle\n")]
    public void The_io_priority_is_the_one_that_was_asked_for(string @class, int priority, string shown) =>
        Assert.That(Run(With("ionice -p $$ | sed 's/: *prio 0$//'", process => process with { IoPriority = new IoPrioritySpec { Class = @class, Priority = priority } })).Replace("idle: prio 7", "idle", StringComparison.Ordinal), Is.EqualTo(shown));

    [Test]
    public void The_execution_domain_is_the_one_that_was_asked_for()
    {
        var spec = Shell("uname -m");
        Assert.That(Run(spec with { Linux = spec.Linux! with { Personality = new PersonalitySpec { Domain = "LINUX32" } } }), Is.EqualTo("i686\n"));
        Assert.That(Refusal(spec with { Linux = spec.Linux! with { Personality = new PersonalitySpec { Domain = "BSD" } } }), Does.StartWith("\"BSD\" is no execution domain"));
    }

    [Test]
    public void A_memory_policy_is_set_or_refused_where_the_kernel_has_none()
    {
        var spec = Shell("head -1 /proc/self/numa_maps | awk '{print $2}'");
        spec = spec with { Linux = spec.Linux! with { MemoryPolicy = new MemoryPolicySpec { Mode = "MPOL_BIND", Nodes = "0", Flags = ["MPOL_F_STATIC_NODES"] } } };
        if (File.Exists("/proc/self/numa_maps")) Assert.That(Run(spec), Is.EqualTo("bind=static:0\n"));
        else Assert.That(Refusal(spec), Does.StartWith("set the memory policy MPOL_BIND: set_mempolicy(").And.Contain("ENOSYS"));
    }

    [Test]
    public void What_the_kernel_has_no_module_for_is_refused()
    {
        if (!File.Exists("/sys/module/apparmor/parameters/enabled"))
        {
            Assert.That(Refusal(With("true", process => process with { ApparmorProfile = "x" })),
                Is.EqualTo("an AppArmor profile is asked for, and this kernel has no AppArmor [config.md#linux-process]"));
        }
        if (File.Exists("/sys/fs/selinux/enforce")) return;
        Assert.That(Refusal(With("true", process => process with { SelinuxLabel = "x" })), Is.EqualTo("a label of SELinux is asked for (selinuxLabel), and this host has no SELinux [config.md#linux-process]"));
        var spec = Shell("true");
        Assert.That(Refusal(spec with { Linux = spec.Linux! with { MountLabel = "x" } }), Does.Contain("a label of SELinux is asked for (mountLabel)"));
        Assert.That(Refusal(spec with { Linux = spec.Linux! with { IntelRdt = new IntelRdtSpec { ClosId = "x" } } }), Does.Contain("resctrl is not mounted"));
    }

    [Test]
    public void Capabilities_that_are_unknown_or_cannot_be_granted_are_left_out_with_a_warning()
    {
        var all = CapabilitySet.OfThisProcess().Permitted;
        var spec = With("grep CapEff /proc/self/status", process => process with { Capabilities = All("CAP_CHOWN", "CAP_NOSUCH", "CAP_SYS_RESOURCE") });
        Assert.That(Run(spec), Is.EqualTo(all.Contains(Capability.CAP_SYS_RESOURCE) ? "CapEff:\t0000000001000001\n" : "CapEff:\t0000000000000001\n"));
        Assert.That(Warnings, Does.Contain("unknown capability \"CAP_NOSUCH\" is left out"));
        if (!all.Contains(Capability.CAP_SYS_RESOURCE)) Assert.That(Warnings, Does.Contain("capability CAP_SYS_RESOURCE cannot be granted and is left out"));
    }

    [Test]
    public void Home_is_the_users_where_it_is_not_set_and_of_a_variable_twice_the_last_counts()
    {
        File.WriteAllText(Rootfs + "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nbad line\napp:x:1000:1000::/home/app:/bin/sh\n");
        Assert.That(Run(Shell("echo $HOME")), Is.EqualTo("/root\n"));
        Assert.That(Run(With("echo $HOME", process => process with { User = new UserSpec { Uid = 1000 } })), Is.EqualTo("/home/app\n"));
        Assert.That(Run(With("echo $HOME", process => process with { User = new UserSpec { Uid = 77 } })), Is.EqualTo("/\n"));
        Assert.That(Run(With("echo $HOME; env | grep -c ^A=; echo $A", process => process with { Env = ["PATH=/bin", "HOME=/set", "A=1", "A=2"] })), Is.EqualTo("/set\n1\n2\n"));
        File.Delete(Rootfs + "/etc/passwd");
        File.CreateSymbolicLink(Rootfs + "/etc/passwd", "/dev/zero");
        Assert.That(Run(Shell("echo $HOME")), Is.EqualTo("/\n"));
    }

    [TestCase("nosuch", ErrorKind.CommandNotFound, "exec: \"nosuch\": executable file not found in $PATH")]
    [TestCase("/nosuch", ErrorKind.CommandNotFound, "exec: \"/nosuch\": no such file or directory")]
    [TestCase("/etc/plain", ErrorKind.CommandNotExecutable, "exec: \"/etc/plain\": permission denied")]
    [TestCase("etc/plain", ErrorKind.CommandNotExecutable, "exec: \"etc/plain\": permission denied")]
    [TestCase("/etc", ErrorKind.CommandNotExecutable, "exec: \"/etc\": permission denied")]
    public void A_program_that_is_not_there_is_told_when_the_container_is_made(string program, ErrorKind kind, string message)
    {
        File.WriteAllText(Rootfs + "/etc/plain", "");
        var spec = With("", process => process with { Args = [program] });
        using var root = RootDirectory.Open(spec, Rootfs);
        using var launch = Launch.Begin(spec, root, new LaunchOptions());
        using var process = launch.Process;
        var error = Assert.Throws<CrunException>(launch.WaitUntilReady)!;
        Assert.That((error.Kind, error.Message), Is.EqualTo((kind, message)));
    }

    [Test]
    public void A_program_relative_to_the_working_directory_is_found()
    {
        Assert.That(Run(With("", process => process with { Args = ["./sh", "-c", "pwd"], Cwd = "/bin" })), Is.EqualTo("/bin\n"));
        Assert.That(Run(With("", process => process with { Args = ["sh", "-c", "pwd"], Cwd = "/bin", Env = ["PATH=.:/nosuch"] })), Is.EqualTo("/bin\n"));
    }

    [Test]
    public void The_terminal_has_the_size_that_was_asked_for_and_is_the_users()
    {
        var spec = With("stat -c %u /dev/console; sleep 0; stty size", process => process with { Terminal = true, ConsoleSize = new ConsoleSize(33, 99), User = new UserSpec { Uid = 55 } });
        File.CreateSymbolicLink(Rootfs + "/bin/stty", "busybox");
        spec = spec with { Mounts = [Proc, Dev, new MountSpec { Destination = "/dev/pts", Type = "devpts", Source = "devpts", Options = ["newinstance", "ptmxmode=0666", "mode=0620", "gid=5"] }] };
        using var root = RootDirectory.Open(spec, Rootfs);
        using var launch = Launch.Begin(spec, root, new LaunchOptions());
        launch.Start();
        using var terminal = launch.TakeTerminal()!;
        using var process = launch.Process;
        process.Reap();
        var buffer = new byte[256];
        var length = FileDescriptor.Read(terminal, buffer, out _);
        Assert.That(System.Text.Encoding.ASCII.GetString(buffer, 0, length), Does.StartWith("55\r\n33 99\r\n"));
        Assert.That(Refusal(spec with { Mounts = [Proc, Dev] }), Is.EqualTo("make the terminal: a terminal needs a devpts mounted at /dev/pts [config.md#process]"));
    }

    [Test]
    public void A_pipe_for_output_is_the_users_so_that_he_can_open_it_by_its_name()
    {
        var (read, write) = FileDescriptor.Pipe();
        var spec = With("echo hello > /dev/stdout", process => process with { User = new UserSpec { Uid = 1000 }, Capabilities = null });
        using (read)
        {
            using (var root = RootDirectory.Open(spec, Rootfs))
            using (var launch = Launch.Begin(spec, root, new LaunchOptions(), null, write, write))
            {
                launch.Start();
                using var process = launch.Process;
                Assert.That(process.Reap().Code, Is.Zero);
            }
            write.Dispose();
            var buffer = new byte[64];
            Assert.That(FileDescriptor.Read(read, buffer, out _), Is.EqualTo(6));
        }
    }

    [Test]
    public void A_process_that_joins_has_its_cpus_score_and_home()
    {
        File.WriteAllText(Rootfs + "/etc/passwd", "app:x:1000:1000::/home/app:/bin/sh\n");
        var first = Shell("sleep 100");
        using var root = RootDirectory.Open(first, Rootfs);
        using var launch = Launch.Begin(first, root, new LaunchOptions());
        launch.Start();
        using var process = launch.Process;
        try
        {
            var spec = Shell("echo $HOME; grep Cpus_allowed_list /proc/self/status; cat /proc/self/oom_score_adj").Process! with
            {
                User = new UserSpec { Uid = 1000 },
                OomScoreAdj = 77,
                ExecCpuAffinity = new ExecCpuAffinity { Initial = "0-1", Final = "0" },
            };
            using var output = File.OpenHandle(Folder + "/joined", FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite);
            using var join = Join.Begin(process, spec, new LaunchOptions(), null, null, output, output);
            join.Start();
            using var second = join.Process;
            second.Reap();
            Assert.That(File.ReadAllText(Folder + "/joined"), Is.EqualTo("/home/app\nCpus_allowed_list:\t0\n77\n"));
            Assert.That(() => Join.Begin(process, spec with { Args = ["nosuch"] }, new LaunchOptions()).WaitUntilReady(),
                Throws.TypeOf<CrunException>().With.Message.EqualTo("exec: \"nosuch\": executable file not found in $PATH"));
        }
        finally
        {
            process.Send(9);
            process.Reap();
        }
    }

    [Test]
    public void Parameters_of_the_kernel_are_those_of_the_containers_namespaces()
    {
        var spec = Shell("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max");
        RuntimeSpec With(string key, string value, params string[] without) => spec with
        {
            Linux = spec.Linux! with { Sysctl = new Dictionary<string, string> { [key] = value }, Namespaces = [.. spec.Linux.Namespaces!.Where(ns => !without.Contains(ns.Type))] },
        };
        Assert.That(Run(With("net.ipv4.ip_forward", "1")), Does.StartWith("1\n"));
        Assert.That(Run(With("kernel.msgmax", "4321")), Does.Contain("\n4321\n"));
        Assert.That(Run(With("fs/mqueue/msg_max", "12")), Does.EndWith("\n12\n"));
        foreach (var (key, without) in ((string, string)[])[("net.ipv4.ip_forward", "network"), ("kernel.msgmax", "ipc"), ("kernel.core_pattern", ""), ("net/../kernel/core_pattern", ""), ("vm.swappiness", "")])
            Assert.That(Refusal(With(key, "1", without)), Is.EqualTo($"sysctl \"{key}\" is not in a separate kernel namespace [config-linux.md#sysctl]"));
    }
}
