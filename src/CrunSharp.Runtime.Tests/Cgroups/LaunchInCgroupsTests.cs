using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Init;
using CrunSharp.Runtime.Lifecycle;

namespace CrunSharp.Runtime.Tests.Cgroups;

/// <summary>A container in all trees of this host.</summary>
public class LaunchInCgroupsTests
{
    [Test]
    public void A_container_is_in_its_cgroups_before_anything_of_it_runs()
    {
        using var test = new TestContainerCgroups();
        var folder = Directory.CreateTempSubdirectory("crun-sharp-test-").FullName;
        try
        {
            foreach (var name in (string[])["lower/bin", "upper", "work"]) Directory.CreateDirectory($"{folder}/{name}");
            File.Copy("/bin/busybox", folder + "/lower/bin/busybox");
            using var cgroups = test.Create(new ResourcesSpec { Pids = test.Has("pids", "pids") ? new PidsSpec { Limit = 3 } : null });
            Assert.That(cgroups.Directories.Values, Is.EquivalentTo(test.Left()));
            using var entry = cgroups.Enter();
            using var lower = FileAt.OpenDirectory(folder + "/lower");
            using var upper = FileAt.OpenDirectory(folder + "/upper");
            using var work = FileAt.OpenDirectory(folder + "/work");
            using var root = DetachedMount.Overlay([lower], upper, work, isVolatile: false);
            using var output = File.OpenHandle(folder + "/output", FileMode.Create, FileAccess.ReadWrite);
            var options = new LaunchOptions { Cgroup = entry.Directory, CgroupDirectories = cgroups.Directories, Points = entry.HasOthers ? LaunchPoints.NamespacesMade : LaunchPoints.None };
            using var launch = Launch.Begin(Spec("/bin/busybox", "sh", "-c", "busybox cat /proc/self/cgroup; cd /sys/fs/cgroup; busybox cat pids/pids.max || busybox cat pids.max; for i in 1 2 3 4; do busybox sleep 100 & done"),
                root, options, null, output, output);
            if (entry.HasOthers)
            {
                launch.WaitFor(LaunchPoints.NamespacesMade);
                entry.Add(launch.Process.Pid);
                launch.GoOn();
            }
            launch.Start();
            using var process = launch.Process;
            process.Reap();
            var lines = File.ReadAllLines(folder + "/output");
            Assert.Multiple(() =>
            {
                // Its cgroup namespace begins at its cgroups.
                Assert.That(lines.Count(line => line.EndsWith(":/", StringComparison.Ordinal)), Is.GreaterThanOrEqualTo(test.Left().Count));
                Assert.That(lines, Has.None.Contains(test.Path));
                if (test.Has("pids", "pids")) Assert.That(lines, Has.Member("3").And.Some.Contains("fork"));
            });
        }
        finally
        {
            FileAt.RemoveTree(null, folder);
        }
    }

    private static RuntimeSpec Spec(params string[] args) => new()
    {
        OciVersion = "1.2.0",
        Root = new RootSpec { Path = "rootfs" },
        Process = new ProcessSpec { Args = args, Cwd = "/", Env = ["PATH=/bin"], User = new UserSpec(), Capabilities = new CapabilitiesSpec() },
        Mounts =
        [
            new MountSpec { Destination = "/proc", Type = "proc", Source = "proc" },
            new MountSpec { Destination = "/sys", Type = "sysfs", Source = "sysfs", Options = ["nosuid", "noexec", "nodev", "ro"] },
            new MountSpec { Destination = "/sys/fs/cgroup", Type = "cgroup", Source = "cgroup", Options = ["nosuid", "noexec", "nodev", "relatime", "ro"] },
        ],
        Linux = new LinuxSpec { Namespaces = [.. ((string[])["pid", "network", "mount", "ipc", "cgroup"]).Select(type => new NamespaceSpec { Type = type })] },
    };
}
