using System.Text.Json.Nodes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Bundles;

/// <summary>What a container has again after a restore. With criu only.</summary>
public sealed class RestoreTests : CriuTest
{
    private const string Sleep = "trap 'exit 0' TERM; sleep 1000 & wait";

    [SetUp]
    public void Require() => RequireCriu();

    private static JsonObject Mount(string destination, string type, string source, params string[] options) => new()
    {
        ["destination"] = destination,
        ["type"] = type,
        ["source"] = source,
        ["options"] = new JsonArray([.. options.Select(static option => (JsonNode)option)]),
    };

    private static void SetUserNamespace(JsonObject config, int first)
    {
        config["linux"]!["namespaces"]!.AsArray().Add(new JsonObject { ["type"] = "user" });
        foreach (var name in (string[])["uidMappings", "gidMappings"])
            config["linux"]![name] = new JsonArray(new JsonObject { ["containerID"] = 0, ["hostID"] = first, ["size"] = 65536 });
    }

    [TestCase(100000)]
    [TestCase(0)]
    public void A_user_namespace_and_its_devices(int first)
    {
        const string look = "id -u; cat /proc/self/uid_map; echo x >/dev/null && head -c 3 /dev/zero | wc -c; ls /dev | tr '\\n' ' '; wc -c </proc/uptime; cat /dev/shm/mark";
        void Edit(JsonObject config)
        {
            SetUserNamespace(config, first);
            config["linux"]!["maskedPaths"] = new JsonArray("/proc/uptime", "/proc/loadavg", "/proc/irq");
        }
        World.Shell("touch rootfs/count && chmod 666 rootfs/count").Succeeded();
        // What runc makes itself the container's users cannot open.
        if (!World.IsOurs) Directory.CreateDirectory(Images("mapped"));
        var bundle = StartCounter("mapped", Edit);
        Inside("mapped", "echo mine >/dev/shm/mark");
        var before = Inside("mapped", look);
        Assert.That(before, Does.Contain("\n3\n").And.Contain("urandom"));
        for (var i = 0; i < 2; i++)
        {
            Checkpoint("mapped");
            Restore("mapped", bundle);
            AwaitProgress();
            Assert.That(Inside("mapped", look), Is.EqualTo(before));
        }
        Assert.That(World.Shell($"awk '/^Uid/ {{print $2}}' /proc/{World.StateOf("mapped")["pid"]}/status").Out, Is.EqualTo($"{first}\n"));
        End("mapped");
    }

    [Test]
    public void A_device_of_its_own_in_a_user_namespace_is_refused()
    {
        if (!World.IsOurs) Assert.Ignore("runc shows the host's device instead");
        StartSleeper("owner", static config =>
        {
            SetUserNamespace(config, 100000);
            config["linux"]!["devices"] = new JsonArray(new JsonObject { ["type"] = "c", ["path"] = "/dev/mine", ["major"] = 1, ["minor"] = 3, ["uid"] = 7, ["gid"] = 7 });
        });
        Assert.That(Inside("owner", "stat -c %u /dev/mine"), Is.EqualTo("7\n"));
        Run("checkpoint", "--image-path", Images("owner"), "owner").Failed(1, "the device /dev/mine has an owner or a mode of its own");
        Assert.That(World.StatusOf("owner"), Is.EqualTo("running"));
        End("owner");
    }

    // The host of these tests has a /dev that cannot be written; here it gets one of its own.
    [TestCase(-1)]
    [TestCase(0)]
    public void Masked_files_and_devices_of_the_host_cannot_be_changed(int first)
    {
        if (!World.IsOurs) Assert.Ignore("with runc they can be");
        World.Shell("mkdir /tmp/dev && mount -t tmpfs dev /tmp/dev && cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/ptmx /tmp/dev && mkdir /tmp/dev/pts && mount --rbind /dev/pts /tmp/dev/pts && mount --move /tmp/dev /dev").Succeeded();
        try
        {
            var bundle = StartScript("guarded", Sleep, config =>
            {
                if (first >= 0) SetUserNamespace(config, first);
                config["linux"]!["maskedPaths"] = new JsonArray("/proc/uptime", "/proc/loadavg", "/proc/meminfo");
            });
            var change = "for f in /proc/uptime /proc/loadavg /proc/meminfo" + (first >= 0 ? " /dev/null /dev/zero" : "") + "; do chmod 600 $f; chown 1 $f; echo x >$f || echo not written; done; true";
            Assert.That(Inside("guarded", change), Is.Empty);
            Checkpoint("guarded");
            Restore("guarded", bundle);
            Assert.That(Inside("guarded", change), Is.Empty);
            Assert.That(World.Shell("stat -c '%a %u' /dev/null /dev/zero").Lines, Is.EqualTo(new[] { "666 0", "666 0" }));
            End("guarded");
        }
        finally
        {
            World.Shell("umount -R /dev; rmdir /tmp/dev").Succeeded();
        }
    }

    [Test]
    public void The_content_of_file_systems_in_memory()
    {
        var bundle = StartScript("memory", Sleep, static config => config["mounts"]!.AsArray().Add(Mount("/opt/memory", "tmpfs", "tmpfs", "nosuid", "mode=1777", "size=4m")));
        Inside("memory", "cd /opt/memory; mkdir -p a/b; echo text >a/b/file; chmod 640 a/b/file; chown 5:6 a/b/file; ln -s a/b/file link; mkfifo pipe; echo shared >/dev/shm/word; mkdir /dev/own; echo also >/dev/own/file");
        const string look = "cd /opt/memory; stat -c '%A %u:%g %n' . a/b/file link pipe; cat link /dev/shm/word /dev/own/file; df -k . | tail -n 1 | awk '{print $2}'; grep -c . /proc/mounts";
        var before = Inside("memory", look);
        Assert.That(before, Does.Contain("-rw-r----- 5:6 a/b/file").And.Contain("text\nshared\nalso\n4096\n"));
        Checkpoint("memory");
        Restore("memory", bundle);
        Assert.That(Inside("memory", look), Is.EqualTo(before));
        End("memory");
    }

    [Test]
    public void Bind_mounts_of_files_and_directories_with_their_options()
    {
        World.Shell("mkdir -p bound && echo one >bound/file && echo two >bound/other").Succeeded();
        var bundle = StartScript("binds", Sleep, config =>
        {
            var mounts = config["mounts"]!.AsArray();
            mounts.Add(Mount("/etc/file", "bind", World.Files + "/bound/file", "bind", "ro"));
            mounts.Add(Mount("/opt/new/file", "bind", World.Files + "/bound/file", "bind", "rw"));
            mounts.Add(Mount("/opt/a", "bind", World.Files + "/bound", "rbind", "ro", "nosuid"));
            mounts.Add(Mount("/opt/b", "bind", World.Files + "/bound", "rbind", "ro", "noexec"));
            mounts.Add(Mount("/opt/c", "bind", World.Files + "/bound", "rbind", "rw"));
        });
        const string look = "cat /etc/file /opt/a/other; awk '/etc|opt/ { print $2, $4 }' /proc/mounts | sort";
        var before = Inside("binds", look);
        Assert.That(before, Does.StartWith("one\ntwo\n").And.Contain("/etc/file ro").And.Contain("/opt/c rw"));
        Checkpoint("binds");
        Restore("binds", bundle);
        Assert.That(Inside("binds", look), Is.EqualTo(before));
        Assert.That(Inside("binds", "echo new >/opt/new/file; for f in /etc/file /opt/a/x /opt/b/x; do (echo x >$f) 2>/dev/null && echo written $f; done; true"), Is.Empty);
        Assert.That(File.ReadAllText(World.Files + "/bound/file"), Is.EqualTo("new\n"));
        End("binds");
    }

    [Test]
    public void One_that_was_left_running_and_killed_is_as_it_was_at_the_checkpoint()
    {
        // In memory that goes along: a file of the root that is open at the checkpoint must have the same size at the restore.
        var bundle = StartScript("again", Counter.Replace("/count", "/dev/shm/count", StringComparison.Ordinal));
        Harness.World.Await(() => Counted() > 0, "it counts");
        Checkpoint("again", "--leave-running");
        var then = Counted();
        Harness.World.Await(() => Counted() > then + 25, "it goes on");
        var last = Counted();
        Run("kill", "again", "KILL").Succeeded();
        World.Await("again", "stopped");
        Run("delete", "again").Succeeded();
        Restore("again", bundle);
        var restored = 0;
        Harness.World.Await(() => (restored = Counted()) > 0, "it counts");
        Assert.That(restored, Is.LessThan(last));
        Harness.World.Await(() => Counted() > restored, "it goes on");
        End("again");

        // Between two numbers the file is empty.
        int Counted() => int.TryParse(Inside("again", "cat /dev/shm/count"), out var count) ? count : 0;
    }

    [Test]
    public void Cgroups_of_the_container_under_another_id()
    {
        if (!World.IsOurs) Assert.Ignore("runc 1.1.5 leaves those of the first one behind");
        var bundle = StartCounter("first");
        Checkpoint("first");
        Restore("second", bundle, images: "first");
        AwaitProgress();
        var cgroups = File.ReadAllText($"/proc/{World.StateOf("second")["pid"]}/cgroup");
        Assert.That(cgroups, Does.Contain("second").And.Not.Contain("first"));
        Assert.That(Run("ps", "-f", "json", "second").Succeeded().Out, Does.Contain(World.StateOf("second")["pid"]!.ToString()));
        Run("pause", "second").Succeeded();
        Assert.That(World.StatusOf("second"), Is.EqualTo("paused"));
        Run("resume", "second").Succeeded();
        AwaitProgress();
        End("second");
    }

    [Test]
    public void Hooks_run_before_it_goes_on_and_after_its_end()
    {
        void Edit(JsonObject config)
        {
            var hooks = new JsonObject();
            foreach (var kind in (string[])["prestart", "createRuntime", "poststop"])
                hooks[kind] = new JsonArray(new JsonObject { ["path"] = "/bin/sh", ["args"] = new JsonArray("sh", "-c", $"echo {kind} >>{World.Files}/hooks-ran") });
            config["hooks"] = hooks;
        }
        var bundle = StartCounter("hooked", Edit);
        Checkpoint("hooked");
        World.Shell("rm hooks-ran").Succeeded();
        Restore("hooked", bundle);
        Assert.That(File.ReadAllLines(World.Files + "/hooks-ran"), Is.EqualTo(new[] { "prestart", "createRuntime" }));
        AwaitProgress();
        End("hooked");
        Assert.That(File.ReadAllLines(World.Files + "/hooks-ran"), Has.Length.EqualTo(3));
    }
}
