using System.Net.Sockets;
using System.Text.Json;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Init;
using CrunSharp.Runtime.Lifecycle;
using CrunSharp.Runtime.Seccomp;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Tests.Lifecycle;

public class SeccompNotifyTests : BundleFixture
{
    private RuntimeSpec WithFilter(string command, bool noNewPrivileges, params SeccompRule[] rules)
    {
        var spec = Shell(command);
        return spec with
        {
            Process = spec.Process! with { NoNewPrivileges = noNewPrivileges },
            Linux = spec.Linux! with
            {
                Seccomp = new SeccompSpec { DefaultAction = "SCMP_ACT_ALLOW", ListenerPath = Folder + "/socket", ListenerMetadata = "meta", Syscalls = rules },
            },
        };
    }

    [TestCase(false)]
    [TestCase(true)]
    public void A_listener_is_handed_over_before_the_program_starts(bool noNewPrivileges)
    {
        var spec = WithFilter("mkdir /made 2>&1", noNewPrivileges, new SeccompRule { Names = ["mkdir", "mkdirat"], Action = "SCMP_ACT_NOTIFY" });
        using var agent = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        agent.Bind(new UnixDomainSocketEndPoint(Folder + "/socket"));
        agent.Listen();
        SafeFileHandle? kept = null;
        var output = Run(spec, new LaunchOptions
        {
            OnListener = listener =>
            {
                SeccompListener.Send(spec.Linux!.Seccomp!, 7, """{"id":"x"}"""u8, listener);
                using var connection = agent.Accept();
                var buffer = new byte[4096];
                using var handle = new SafeFileHandle((nint)connection.Handle, ownsHandle: false);
                kept = UnixSocket.TryReceiveDescriptor(handle);
                var length = connection.Receive(buffer);
                Assert.That(kept, Is.Not.Null);
                Assert.That(FileAt.PathOf(kept!), Is.EqualTo("anon_inode:seccomp notify"));
                using var state = JsonDocument.Parse("{" + System.Text.Encoding.UTF8.GetString(buffer, 0, length));
                Assert.That(state.RootElement.ToString(), Is.EqualTo("""{"ociVersion":"1.3.0","fds":["seccompFd"],"pid":7,"metadata":"meta","state":{"id":"x"}}"""));
                // Nobody answers: as soon as the last listener is closed the call fails.
                kept!.Dispose();
            },
        });
        Assert.That(output, Is.EqualTo("mkdir: can't create directory '/made': Function not implemented\nexit 1"));
    }

    [Test]
    public void A_filter_that_notifies_nobody_is_refused() =>
        Assert.That(Refusal(WithFilter("true", true, new SeccompRule { Names = ["mkdir"], Action = "SCMP_ACT_NOTIFY" })),
            Is.EqualTo("the system call filter notifies, and nobody listens [config-linux.md#seccomp]"));

    [Test]
    public void A_listener_that_cannot_be_handed_over_stops_the_start()
    {
        var spec = WithFilter("true", true, new SeccompRule { Names = ["mkdir"], Action = "SCMP_ACT_NOTIFY" });
        Assert.That(Refusal(spec, new LaunchOptions { OnListener = listener => SeccompListener.Send(spec.Linux!.Seccomp!, 1, "{}"u8, listener) }),
            Does.StartWith("send the seccomp listener: connect({AF_UNIX, ").And.EndsWith("ENOENT (No such file or directory)"));
    }

    [Test]
    public void Actions_and_error_numbers_are_those_of_the_filter()
    {
        var spec = WithFilter("mkdir /a 2>&1; rmdir /a 2>&1", false,
            new SeccompRule { Names = ["mkdir", "mkdirat", "no_such_call"], Action = "SCMP_ACT_ERRNO", ErrnoRet = 28 }, new SeccompRule { Names = ["rmdir", "unlinkat"], Action = "SCMP_ACT_KILL_PROCESS" });
        File.CreateSymbolicLink(Rootfs + "/bin/rmdir", "busybox");
        Assert.That(Run(spec), Is.EqualTo("mkdir: can't create directory '/a': No space left on device\nexit 159"));
    }

    [Test]
    public void The_listener_of_a_container_that_another_process_starts_is_sent_with_its_state()
    {
        var spec = WithFilter("mkdir /made 2>&1; sleep 100", true, new SeccompRule { Names = ["mkdir", "mkdirat"], Action = "SCMP_ACT_NOTIFY" });
        File.WriteAllBytes(Folder + "/config.json", spec.ToJson());
        using var agent = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        agent.Bind(new UnixDomainSocketEndPoint(Folder + "/socket"));
        agent.Listen();
        var store = new RuntimeStore(Folder + "/state");
        using var creation = Creation.Run(store, Bundle.Load(Folder), new CreateOptions { Id = "notifying", CgroupDriver = CrunSharp.Runtime.Cgroups.CgroupDriver.Disabled }, TimeProvider.System);
        using var started = creation.Process;
        creation.Dispose();
        using (var container = store.Get("notifying")) container.Start();
        using (var connection = agent.Accept())
        {
            using var handle = new SafeFileHandle((nint)connection.Handle, ownsHandle: false);
            using var listener = UnixSocket.TryReceiveDescriptor(handle);
            var buffer = new byte[4096];
            using var state = JsonDocument.Parse("{" + System.Text.Encoding.UTF8.GetString(buffer, 0, connection.Receive(buffer)));
            Assert.That(state.RootElement.GetProperty("pid").GetInt32(), Is.EqualTo(started.Pid));
            Assert.That(state.RootElement.GetProperty("state").GetProperty("id").GetString(), Is.EqualTo("notifying"));
        }
        using (var container = store.Get("notifying")) container.Delete(force: true);
        started.Reap();
    }
}
