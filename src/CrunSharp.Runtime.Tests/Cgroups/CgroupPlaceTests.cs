using CrunSharp.Oci;
using CrunSharp.Runtime.Cgroups;

namespace CrunSharp.Runtime.Tests.Cgroups;

public class CgroupPlaceTests
{
    [TestCase(null, "/crun-sharp-web")]
    [TestCase("", "/crun-sharp-web")]
    [TestCase("/a/b", "/a/b")]
    [TestCase("a/b", "/a/b")]
    [TestCase("//a//b/", "/a/b")]
    [TestCase("a:b:c", "/a:b:c")]
    public void A_path_is_from_the_root_of_the_tree(string? path, string expected)
    {
        var place = CgroupPlace.Of(CgroupDriver.Cgroupfs, path, "web");
        Assert.That((place.Path, place.Unit), Is.EqualTo((expected, (string?)null)));
    }

    [TestCase(null, false, "/system.slice/crun-sharp-web.scope", "system.slice")]
    [TestCase(null, true, "/user.slice/crun-sharp-web.scope", "user.slice")]
    [TestCase("machine.slice:libpod:1", false, "/machine.slice/libpod-1.scope", "machine.slice")]
    [TestCase("a-b-c.slice:p:n", false, "/a.slice/a-b.slice/a-b-c.slice/p-n.scope", "a-b-c.slice")]
    [TestCase("-.slice:p:n", false, "/p-n.scope", "-.slice")]
    [TestCase(":p:n", false, "/system.slice/p-n.scope", "system.slice")]
    [TestCase("a.slice::n", false, "/a.slice/n.scope", "a.slice")]
    public void A_scope_is_in_its_slice_and_that_in_those_its_name_has(string? path, bool isRootless, string expected, string slice)
    {
        var place = CgroupPlace.Of(CgroupDriver.Systemd, path, "web", isRootless);
        Assert.That((place.Path, place.Unit, place.Slice), Is.EqualTo((expected, expected[(expected.LastIndexOf('/') + 1)..], slice)));
    }

    [TestCase(CgroupDriver.Systemd, "/a/b")]
    [TestCase(CgroupDriver.Systemd, "a.slice:b")]
    [TestCase(CgroupDriver.Systemd, "a.slice:b:")]
    [TestCase(CgroupDriver.Systemd, "a:b:c")]
    [TestCase(CgroupDriver.Systemd, "a--b.slice:b:c")]
    [TestCase(CgroupDriver.Systemd, "a/../b.slice:b:c")]
    [TestCase(CgroupDriver.Systemd, "a.slice:b:c/../d")]
    [TestCase(CgroupDriver.Cgroupfs, "/a/../b")]
    [TestCase(CgroupDriver.Cgroupfs, "/")]
    public void What_is_no_place_is_refused(CgroupDriver driver, string path) =>
        Assert.That(() => CgroupPlace.Of(driver, path, "web"), Throws.TypeOf<CrunException>().With.Message.Contains("is no path of a cgroup"));

    [Test]
    public void Without_a_driver_there_is_no_place() =>
        Assert.That(CgroupPlace.Of(CgroupDriver.Disabled, "/a", "web").IsNone, Is.True);
}
