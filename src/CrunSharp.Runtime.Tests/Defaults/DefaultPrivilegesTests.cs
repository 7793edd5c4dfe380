using CrunSharp.Kernel.Processes;
using CrunSharp.Runtime.Defaults;

namespace CrunSharp.Runtime.Tests.Defaults;

public class DefaultPrivilegesTests
{
    [Test]
    public void Root_has_eleven_capabilities_and_leaves_none_to_its_children()
    {
        var root = DefaultCapabilities.For(DefaultCapabilities.Set, 0);
        Assert.Multiple(() =>
        {
            Assert.That(root.Effective, Has.Count.EqualTo(11));
            Assert.That(root.Bounding, Is.EqualTo(root.Effective));
            Assert.That(root.Permitted, Is.EqualTo(root.Effective));
            Assert.That(root.Inheritable, Is.Empty);
            Assert.That(root.Ambient, Is.Empty);
            Assert.That(root.Bounding, Has.None.EqualTo("CAP_NET_RAW").And.None.EqualTo("CAP_MKNOD"));
        });
    }

    [Test]
    public void Another_user_has_none_at_once()
    {
        var user = DefaultCapabilities.For(CapabilitySet.All, 1000);
        Assert.Multiple(() =>
        {
            Assert.That(user.Bounding, Has.Count.EqualTo(41));
            Assert.That(user.Effective, Is.Empty);
            Assert.That(user.Permitted, Is.Empty);
        });
    }

    [Test]
    public void Paths_are_masked_once()
    {
        var masked = DefaultPaths.Masked();
        Assert.Multiple(() =>
        {
            Assert.That(masked, Is.Unique.And.All.StartsWith("/"));
            Assert.That(masked, Does.Contain("/proc/kcore").And.Contain("/sys/firmware"));
            Assert.That(masked.Intersect(DefaultPaths.ReadOnly), Is.Empty);
        });
    }

    [Test]
    public void A_mount_comes_after_the_one_that_it_is_in()
    {
        var made = new List<string>();
        foreach (var mount in DefaultMounts.List)
        {
            Assert.That(made, Has.None.Matches<string>(path => path!.StartsWith(mount.Destination + "/", StringComparison.Ordinal)));
            made.Add(mount.Destination);
        }
        Assert.That(made, Has.Count.EqualTo(7));
    }
}
