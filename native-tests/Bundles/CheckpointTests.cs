using System.Net.Sockets;
using System.Text.Json.Nodes;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Sockets;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Bundles;

/// <summary>Checkpoint and restore: the commands, their errors, and what must hold whatever happens. Without criu only the errors.</summary>
public sealed class CheckpointTests : CriuTest
{
    [Test]
    public void Without_criu_an_error_names_the_package()
    {
        StartSleeper("alone");
        World.Shell("PATH=/nowhere $R checkpoint --image-path images alone").Failed(1, "install the package criu");
        Assert.That(World.StatusOf("alone"), Is.EqualTo("running"));
        Directory.CreateDirectory(World.Files + "/images");
        World.Shell($"PATH=/nowhere $R restore -b {World.Bundle("true")} --image-path images nobody").Failed(1, "install the package criu");
        Run("state", "nobody").Failed(1, "does not exist");
    }

    [TestCase("echo 'Error (criu/vdso.c:381): vdso: Unexpected area' >&2; exit 1", "criu failed: vdso: Unexpected area")]
    [TestCase("exit 1", "criu failed: it ended without a word")]
    [TestCase("kill -9 $$", "criu failed: it ended without a word")]
    [TestCase("dd bs=65536 count=1 <&$2 >/dev/null 2>&1; printf '\\377\\377' >&$2", "criu's answer is broken")]
    [TestCase("dd bs=65536 count=1 <&$2 >/dev/null 2>&1; printf '\\10\\1\\20\\0\\70\\20' >&$2", "criu failed: ")]
    public void A_criu_that_fails_leaves_the_container_as_it_is(string script, string message)
    {
        Directory.CreateDirectory(World.Files + "/fake");
        World.File("fake/criu", "#!/bin/bash\n" + script + "\n");
        World.Shell("chmod +x fake/criu; mkdir -p failed").Succeeded();
        StartSleeper("stays");
        World.Shell("PATH=$PWD/fake:$PATH $R checkpoint --image-path failed stays").Failed(1, message);
        Assert.That(World.StatusOf("stays"), Is.EqualTo("running"));
        World.Shell($"PATH=$PWD/fake:$PATH $R restore -b {World.Bundle("true")} --image-path failed none").Failed(1, message);
        Run("state", "none").Failed(1, "does not exist");
    }

    [Test]
    public void What_cannot_be_is_refused()
    {
        World.Shell($"$R create -b {World.Bundle("true")} made </dev/null >/dev/null 2>&1").Succeeded();
        Run("checkpoint", "--image-path", World.Files + "/never", "made").Failed(1, "a created container cannot be checkpointed");
        Run("checkpoint", "nobody").Failed(1, "does not exist");
        Assert.Multiple(() =>
        {
            Assert.That(Run("checkpoint", "--manage-cgroups-mode", "most", "made").Err, Does.Contain("soft, full, strict, ignore"));
            Assert.That(Run("checkpoint", "--page-server", "here", "made").Err, Does.Contain("ADDRESS:PORT"));
            Assert.That(Run("checkpoint", "--empty-ns", "pid", "made").Err, Does.Contain("cannot be left empty"));
            // podman asks in these two ways what a runtime can do.
            Assert.That(Run("checkpoint", "--help").Succeeded().Out, Does.Contain("--leave-running"));
            Assert.That(Run("restore", "--lsm-mount-context").Err, Does.Contain("flag needs an argument"));
        });
    }

    [TestCase("user", "criu cannot restore into a user namespace that there is")]
    [TestCase("cgroup", "criu cannot restore into a cgroup namespace that there is")]
    [TestCase("mount", "a container that joins a mount namespace cannot be kept")]
    public void A_namespace_that_criu_cannot_join_is_refused(string type, string message)
    {
        if (!World.IsOurs) Assert.Ignore("the words are ours");
        Directory.CreateDirectory(World.Files + "/empty");
        Directory.CreateDirectory(World.Files + "/fake");
        World.File("fake/criu", "#!/bin/sh\n");
        var name = type == "mount" ? "mnt" : type;
        var bundle = World.Bundle("true", config =>
        {
            var namespaces = config["linux"]!["namespaces"]!.AsArray();
            var present = namespaces.FirstOrDefault(ns => ns!["type"]!.GetValue<string>() == type);
            if (present is not null) namespaces.Remove(present);
            namespaces.Add(new JsonObject { ["type"] = type, ["path"] = $"/proc/HOLDER/ns/{name}" });
        });
        // Once it has its namespaces its name is another.
        World.Shell($$"""
            chmod +x fake/criu; unshare -UmC sleep 1000 & h=$!
            until [ "$(cat /proc/$h/comm)" = sleep ]; do sleep 0.01; done
            echo 0 100000 65536 >/proc/$h/uid_map; echo 0 100000 65536 >/proc/$h/gid_map
            sed -i s/HOLDER/$h/ {{bundle}}/config.json
            PATH=$PWD/fake:$PATH $R restore -b {{bundle}} --image-path empty guest; c=$?
            kill $h; exit $c
            """).Failed(1, message);
        Run("state", "guest").Failed(1, "does not exist");
    }

    [Test]
    public void A_container_goes_on_where_it_was()
    {
        RequireCriu();
        var bundle = StartCounter("counter", static config => config["linux"]!["maskedPaths"] = new JsonArray("/proc/uptime", "/proc/irq"));
        Run("checkpoint", "--image-path", World.Files + "/counter", "--work-path", World.Files + "/work", "counter").Succeeded();
        Run("state", "counter").Failed(1, "does not exist");
        Assert.That(File.Exists(World.Files + "/work/dump.log"));
        var stopped = Count;
        World.Shell($"$R restore -d -b {bundle} --pid-file pid --image-path counter counter </dev/null >/dev/null 2>&1").Succeeded();
        AwaitProgress();
        var state = World.StateOf("counter");
        Assert.Multiple(() =>
        {
            Assert.That(Count, Is.GreaterThan(stopped));
            Assert.That(state["status"]!.GetValue<string>(), Is.EqualTo("running"));
            Assert.That(File.ReadAllText(World.Files + "/pid"), Is.EqualTo(state["pid"]!.ToString()));
            Assert.That(World.Shell("$R exec counter sh -c 'hostname; cat /proc/1/cmdline | tr \"\\0\" \" \"; wc -c < /proc/uptime; ls /proc/irq | wc -l' </dev/null").Succeeded().Out,
                Is.EqualTo($"bundle\nsh -c {Counter} 0\n0\n"));
        });
        Run("pause", "counter").Succeeded();
        Run("resume", "counter").Succeeded();
        AwaitProgress();
        Run("delete", "counter").Failed(1, "not stopped");
        Run("kill", "counter", "KILL").Succeeded();
        World.Await("counter", "stopped");
        Run("delete", "counter").Succeeded();
    }

    [TestCase(false)]
    [TestCase(true)]
    public void It_can_be_left_running(bool isPaused)
    {
        RequireCriu();
        StartCounter("left");
        if (isPaused) Run("pause", "left").Succeeded();
        Run("checkpoint", "--leave-running", "--image-path", World.Files + "/left", "left").Succeeded();
        Assert.That(World.StatusOf("left"), Is.EqualTo(isPaused ? "paused" : "running"));
        if (isPaused) Run("resume", "left").Succeeded();
        AwaitProgress();
    }

    [Test]
    public void In_the_foreground_it_has_new_pipes_and_its_exit_code()
    {
        RequireCriu();
        var bundle = World.Bundle("echo ready; read line; echo got $line; echo bad >&2; exit 7");
        using var first = World.Start("run", "-b", bundle, "piped");
        first.Expect("ready");
        Run("checkpoint", "--image-path", World.Files + "/piped", "piped").Succeeded();
        Assert.That(first.Wait().Code, Is.EqualTo(137));
        var outcome = World.Shell($"echo more | $R restore -b {bundle} --image-path piped piped");
        Assert.That((outcome.Code, outcome.Out, outcome.Err), Is.EqualTo((7, "got more\n", "bad\n")));
        Run("state", "piped").Failed(1, "does not exist");
    }

    [Test]
    public void A_bind_mount_and_a_namespace_come_from_the_new_configuration()
    {
        RequireCriu();
        World.Shell("mkdir -p old new && echo old > old/name && echo new > new/name && touch /tmp/net && unshare --net=/tmp/net true").Succeeded();
        Action<JsonObject> Edit(string source) => config =>
        {
            config["mounts"]!.AsArray().Add(new JsonObject { ["destination"] = "/opt/bound", ["type"] = "bind", ["source"] = $"{World.Files}/{source}", ["options"] = new JsonArray("rbind", "ro") });
            foreach (var ns in config["linux"]!["namespaces"]!.AsArray())
            {
                if (ns!["type"]!.GetValue<string>() == "network") ns["path"] = "/tmp/net";
            }
        };
        StartCounter("bound", Edit("old"));
        Assert.That(World.Shell("$R exec bound cat /opt/bound/name </dev/null").Out, Is.EqualTo("old\n"));
        Run("checkpoint", "--manage-cgroups-mode", "ignore", "--image-path", World.Files + "/bound", "bound").Succeeded();
        World.Shell($"$R restore -d --manage-cgroups-mode ignore -b {World.Bundle(Counter, Edit("new"))} --image-path bound other </dev/null >/dev/null 2>&1").Succeeded();
        AwaitProgress();
        Assert.That(World.Shell("$R exec other cat /opt/bound/name </dev/null").Out, Is.EqualTo("new\n"));
        Assert.That(World.Shell("$R exec other touch /opt/bound/x </dev/null").Err, Does.Contain("Read-only"));
        Assert.That(World.Shell("readlink /proc/$($R state other | grep -o '\"pid\": [0-9]*' | tr -dc 0-9)/ns/net; stat -L -c 'net:[%i]' /tmp/net").Lines.Distinct().Count(), Is.EqualTo(1));
        Run("delete", "--force", "other").Succeeded();
        World.Shell("umount /tmp/net").Succeeded();
    }

    [Test]
    public void The_socket_gets_the_terminal_again()
    {
        RequireCriu();
        var bundle = World.Bundle("while read line; do echo got $line; done", static config => config["process"]!["terminal"] = true);
        foreach (var verb in (string[])["run -d", "restore -d --image-path onterm"])
        {
            using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            listener.Bind(new UnixDomainSocketEndPoint($"{World.Files}/{verb[..3]}.sock"));
            listener.Listen();
            World.Shell($"$R {verb} -b {bundle} --console-socket {verb[..3]}.sock onterm </dev/null").Succeeded();
            using var connection = listener.Accept();
            using var handle = new Microsoft.Win32.SafeHandles.SafeFileHandle(connection.SafeHandle.DangerousGetHandle(), ownsHandle: false);
            using var terminal = UnixSocket.TryReceiveDescriptor(handle)!;
            FileDescriptor.WriteAll(terminal, "hello\n"u8);
            var read = "";
            var buffer = new byte[4096];
            while (!read.Contains("got hello", StringComparison.Ordinal) && FileDescriptor.Read(terminal, buffer, out _) is > 0 and var count)
                read += System.Text.Encoding.UTF8.GetString(buffer, 0, count);
            Assert.That(read, Does.Contain("got hello"));
            if (verb.StartsWith("run", StringComparison.Ordinal)) Run("checkpoint", "--image-path", World.Files + "/onterm", "onterm").Succeeded();
        }
    }

    [Test]
    public void Images_that_are_none_leave_nothing_behind()
    {
        RequireCriu();
        Directory.CreateDirectory(World.Files + "/empty");
        var bundle = World.Bundle("true");
        World.Shell($"$R restore -d -b {bundle} --image-path empty broken </dev/null").Failed(1, $"(log: {World.Files}/empty/restore.log)");
        World.File("empty/descriptors.json", "{\"a\": 1}");
        World.Shell($"$R restore -d -b {bundle} --image-path empty broken </dev/null").Failed(1, "descriptors.json");
        World.Shell($"$R restore -d -b {bundle} --image-path nowhere broken </dev/null").Failed(1, "nowhere");
        Assert.That(Run("list", "-q").Out, Is.Empty);
    }

    [Test]
    public void What_is_killed_in_the_middle_can_be_deleted([Range(0, 200, 20)] int milliseconds)
    {
        RequireCriu();
        var bundle = StartCounter("torn");
        World.Shell($"timeout -s KILL {milliseconds / 1000.0 + 0.001:F3} $R checkpoint --leave-running --image-path torn torn");
        Run("delete", "--force", "torn").Succeeded();
        StartCounter("torn");
        Run("checkpoint", "--image-path", World.Files + "/torn", "torn").Succeeded();
        World.Shell($"timeout -s KILL {milliseconds / 1000.0 + 0.001:F3} $R restore -d -b {bundle} --image-path torn torn </dev/null >/dev/null 2>&1");
        Run("delete", "--force", "torn").Succeeded();
        Assert.That(Run("list", "-q").Out, Is.Empty);
    }
}
