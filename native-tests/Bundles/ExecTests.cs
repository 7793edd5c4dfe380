using System.Net.Sockets;
using System.Text.Json.Nodes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Bundles;

/// <summary>Further processes in a container.</summary>
public sealed class ExecTests : BundleTest
{
    [Test]
    public void It_has_the_containers_namespaces_and_what_was_asked_for()
    {
        StartSleeper("target");
        var outcome = World.Shell("$R exec --cwd /tmp -e A=b --user 1000:1001 -g 2000 target sh -c 'pwd; echo $A $MARK; id -u; id -G; hostname; echo err >&2; exit 9' </dev/null");
        Assert.Multiple(() =>
        {
            Assert.That(outcome.Lines, Is.EqualTo(new[] { "/tmp", "b 1", "1000", "1001 2000", "bundle" }));
            Assert.That(outcome.Err, Is.EqualTo("err\n"));
            Assert.That(outcome.Code, Is.EqualTo(9));
            Assert.That(World.Shell("echo input | $R exec target cat").Succeeded().Out, Is.EqualTo("input\n"));
        });
    }

    [Test]
    public void In_a_paused_container_it_waits_when_that_is_asked_for()
    {
        StartSleeper("cold");
        Run("pause", "cold").Succeeded();
        Run("exec", "cold", "true").Failed(255, "paused");
        using var waiting = World.Start("exec", "--ignore-paused", "cold", "echo", "ran");
        Harness.World.Await(() => Run("ps", "-f", "json", "cold").Succeeded().Out.Split(',').Length > 2, "it is in the container");
        Assert.That(waiting.Output, Is.Empty);
        Run("resume", "cold").Succeeded();
        waiting.Expect("ran\n");
        Assert.That(waiting.Wait().Code, Is.Zero);
        Run("delete", "--force", "cold").Succeeded();
    }

    [TestCase("create")]
    [TestCase("exec")]
    [TestCase("annotation")]
    public void A_socket_gets_the_pidfd(string verb)
    {
        if (!World.IsOurs && !(World.IsCrun && verb == "annotation")) Assert.Ignore("runc 1.1.5 and crun 1.8 have no such option");
        var path = $"{World.Files}/pidfd-{verb}";
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        if (verb == "exec") StartSleeper("known");
        if (verb == "annotation")
            World.Shell($"$R create -b {World.Bundle("true", config => config["annotations"] = new JsonObject { ["run.oci.pidfd_receiver"] = path })} --pid-file $PWD/pid known </dev/null >/dev/null 2>&1").Succeeded();
        else World.Shell(verb == "exec" ? $"$R exec -d --pidfd-socket {path} --pid-file pid known sleep 1000 </dev/null >/dev/null 2>&1"
            : $"$R create -b {World.Bundle("true")} --pidfd-socket {path} --pid-file pid known </dev/null >/dev/null 2>&1").Succeeded();
        using var connection = listener.Accept();
        using var handle = new Microsoft.Win32.SafeHandles.SafeFileHandle(connection.SafeHandle.DangerousGetHandle(), ownsHandle: false);
        using var process = UnixSocket.TryReceiveDescriptor(handle)!;
        Assert.That(File.ReadAllLines($"/proc/self/fdinfo/{process.DangerousGetHandle()}"), Does.Contain($"Pid:\t{File.ReadAllText(World.Files + "/pid")}"));
        Run("delete", "--force", "known").Succeeded();
    }

    [Test]
    public void A_process_can_be_a_file()
    {
        StartSleeper("byfile");
        World.File("process.json", new JsonObject
        {
            ["args"] = new JsonArray("sh", "-c", "echo $X; id -u; umask"),
            ["env"] = new JsonArray("PATH=/bin", "X=y"),
            ["cwd"] = "/",
            ["user"] = new JsonObject { ["uid"] = 7, ["gid"] = 8, ["umask"] = 63 },
        }.ToJsonString());
        Assert.That(World.Shell("$R exec --process process.json byfile </dev/null").Succeeded().Lines, Is.EqualTo(new[] { "y", "7", World.Runtime.EndsWith("runc", StringComparison.Ordinal) && !World.IsOurs ? "0022" : "0077" }));
    }

    [Test]
    public void In_the_background_it_goes_on_and_its_number_is_in_the_file()
    {
        StartSleeper("background");
        World.Shell("$R exec -d --pid-file pid background sleep 1000 </dev/null >/dev/null 2>&1").Succeeded();
        Assert.That(File.ReadAllText($"/proc/{File.ReadAllText(World.Files + "/pid")}/cmdline"), Is.EqualTo("sleep\u00001000\0"));
    }

    [Test]
    public void In_the_foreground_it_ends_as_its_process_does_and_gives_signals_on()
    {
        StartSleeper("signals");
        Assert.That(World.Shell("$R exec signals sh -c 'kill -KILL $$' </dev/null").Code, Is.EqualTo(137));
        var script = "$R exec signals sh -c 'trap \"echo got; exit 7\" TERM; echo ready; while :; do sleep 0.05; done' </dev/null > out 2>&1 & "
            + "P=$!; until grep -q ready out; do sleep 0.02; done; kill -TERM $P; wait $P; echo $?; cat out";
        Assert.That(World.Shell(script).Succeeded().Lines, Is.EqualTo(new[] { "7", "ready", "got" }));
    }

    [Test]
    public void What_waits_for_a_process_with_our_files_is_small()
    {
        if (!World.IsOurs) Assert.Ignore("ours only");
        StartSleeper("small");
        var script = "$R exec small sleep 1000 </dev/null >/dev/null 2>&1 & P=$!; i=0; "
            + "until [ $(cat /proc/$P/comm) = crun-sharp ] && [ $(awk '/VmRSS/{print $2}' /proc/$P/status) -lt 500 ]; do i=$((i+1)); [ $i -lt 500 ] || exit 1; sleep 0.02; done; "
            + "kill -KILL $(cat /proc/$P/task/$P/children); wait $P; echo $?";
        Assert.That(World.Shell(script).Succeeded().Lines[^1], Is.EqualTo("137"));
    }

    [TestCase("nosuch", "executable file not found in $PATH")]
    [TestCase("/nosuch", "no such file or directory")]
    [TestCase("/etc/passwd", "permission denied")]
    public void A_program_that_cannot_run_is_told(string program, string reason)
    {
        StartSleeper("lacking");
        var outcome = World.Shell($"$R --log log --log-format json exec lacking {program} </dev/null");
        Assert.That(outcome.Code, Is.Not.Zero);
        if (World.IsOurs) Assert.That(outcome.Code, Is.EqualTo(255));
        Assert.That(JsonNode.Parse(File.ReadAllLines(World.Files + "/log")[^1])!["msg"]!.GetValue<string>(), Does.Contain(reason));
    }

    [Test]
    public void It_needs_a_container_that_has_not_ended()
    {
        World.Shell($"$R create -b {World.Bundle("true")} ended </dev/null >/dev/null 2>&1 && $R start ended").Succeeded();
        World.Await("ended", "stopped");
        Assert.That(World.Shell("$R exec ended true </dev/null").Code, Is.Not.Zero);
        Assert.That(World.Shell("$R exec nobody true </dev/null").Code, Is.Not.Zero);
    }
}
