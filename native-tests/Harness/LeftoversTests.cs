using System.Diagnostics;
using CrunSharp.Kernel.Files;

namespace CrunSharp.NativeTests.Harness;

/// <summary>The proof that tests that were killed leave nothing for good.</summary>
[Category("needs-root")]
public sealed class LeftoversTests
{
    [Test]
    public void A_world_whose_maker_was_killed_is_removed_by_the_next_and_others_are_not()
    {
        using var other = new World();
        string left;
        using (Leftovers.MakeDirectory(out left)) Directory.CreateDirectory(left + "/files");
        using var daemon = Process.Start(new ProcessStartInfo("sleep", ["1000"]) { Environment = { ["TMPDIR"] = left } })!;
        var cgroup = new CgroupFolder(Path.GetFileName(left));
        Leftovers.MakeDirectory(out var next).Dispose();
        FileAt.RemoveTree(null, next);
        Assert.Multiple(() =>
        {
            Assert.That(daemon.WaitForExit(10_000), Is.True);
            Assert.That(Directory.Exists(left), Is.False);
            Assert.That(cgroup.Path is null || !Directory.Exists(cgroup.Path), Is.True);
            Assert.That(Directory.Exists(other.Files), Is.True);
            Assert.That(other.Host.Tool("echo", "there"), Is.EqualTo("there\n"));
        });
    }
}
