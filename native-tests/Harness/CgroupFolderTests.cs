using System.Diagnostics;

namespace CrunSharp.NativeTests.Harness;

/// <summary>The proof that the tests' own cgroups go away with all that an engine left in them.</summary>
[Category("needs-root")]
public sealed class CgroupFolderTests
{
    [Test]
    public void What_is_in_it_is_ended_and_removed_in_every_tree()
    {
        var name = $"crun-sharp-test-{Guid.NewGuid():N}"[..30];
        var folder = new CgroupFolder(name);
        Assume.That(folder.Path, Is.Not.Null, "this host has no cgroup v2");
        var sleepers = new List<Process>();
        foreach (var place in (string?[])[folder.Path, Directory.Exists("/sys/fs/cgroup/pids") ? "/sys/fs/cgroup/pids/" + name : null])
        {
            if (place is null) continue;
            Directory.CreateDirectory(place + "/engine/container");
            sleepers.Add(Process.Start("sleep", "1000"));
            File.WriteAllText(place + "/engine/container/cgroup.procs", $"{sleepers[^1].Id}");
        }
        folder.Dispose();
        Assert.Multiple(() =>
        {
            Assert.That(Directory.Exists(folder.Path), Is.False);
            Assert.That(Directory.Exists("/sys/fs/cgroup/pids/" + name), Is.False);
            Assert.That(sleepers.TrueForAll(static sleeper => sleeper.WaitForExit(5000)), Is.True);
        });
    }
}
