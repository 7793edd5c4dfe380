using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Init;

namespace CrunSharp.Runtime.Tests.Lifecycle;

/// <summary>On a directory in resctrl's place: what is written to which file.</summary>
public class IntelRdtTests
{
    private string _root = "";

    [SetUp]
    public void MakeRoot() => _root = Directory.CreateTempSubdirectory("crun-sharp-rdt-").FullName;

    [TearDown]
    public void RemoveRoot() => Kernel.Files.FileAt.RemoveTree(null, _root);

    private void MakeClass(string name, string schemata = "")
    {
        Directory.CreateDirectory($"{_root}/{name}");
        foreach (var file in (string[])["schemata", "tasks"]) File.WriteAllText($"{_root}/{name}/{file}", file == "schemata" ? schemata : "");
    }

    [Test]
    public void A_class_that_is_there_is_used_if_it_is_the_same()
    {
        MakeClass("gold", "L3:0=ff\nMB:0=50\n");
        var rdt = IntelRdt.Open(new IntelRdtSpec { ClosId = "gold", L3CacheSchema = "L3:0=ff" }, "id", _root);
        rdt.Add(42);
        Assert.That((rdt.IsMade, File.ReadAllText(_root + "/gold/tasks")), Is.EqualTo((false, "42")));
        IntelRdt.RemoveOf(new IntelRdtSpec { ClosId = "gold" }, "id", _root);
        Assert.That(Directory.Exists(_root + "/gold"));
        Assert.That(() => IntelRdt.Open(new IntelRdtSpec { ClosId = "gold", MemBwSchema = "MB:0=10" }, "id", _root),
            Throws.TypeOf<CrunException>().With.Message.EqualTo("intelRdt: the class of service gold has not the schema \"MB:0=10\" [config-linux.md#intelrdt]"));
        Assert.That(() => IntelRdt.Open(new IntelRdtSpec { ClosId = "none" }, "id", _root), Throws.TypeOf<CrunException>().With.Message.EqualTo("intelRdt: there is no class of service none"));
    }

    [Test]
    public void A_class_of_the_containers_own_goes_with_it()
    {
        var rdt = IntelRdt.Open(new IntelRdtSpec(), "id", _root);
        Assert.That(rdt.IsMade && Directory.Exists(_root + "/id"));
        IntelRdt.RemoveOf(new IntelRdtSpec(), "id", _root);
        Assert.That(Directory.Exists(_root + "/id"), Is.False);
        IntelRdt.Open(new IntelRdtSpec { EnableMonitoring = true, ClosId = "/" }, "id", _root);
        Assert.That(Directory.Exists(_root + "/mon_groups/id"));
        IntelRdt.RemoveOf(new IntelRdtSpec { EnableMonitoring = true, ClosId = "/" }, "id", _root);
        Assert.That(Directory.Exists(_root + "/mon_groups/id"), Is.False);
    }

    [Test]
    public void Shares_are_changed_while_it_runs()
    {
        MakeClass("id");
        IntelRdt.Change(new IntelRdtSpec(), "id", new IntelRdtSpec { MemBwSchema = "MB:0=20" }, _root);
        Assert.That(File.ReadAllText(_root + "/id/schemata"), Is.EqualTo("MB:0=20\n"));
        MakeClass("gold");
        IntelRdt.Change(new IntelRdtSpec { ClosId = "gold" }, "id", new IntelRdtSpec { L3CacheSchema = "L3:0=f" }, _root);
        Assert.That(File.ReadAllText(_root + "/gold/schemata"), Is.EqualTo("L3:0=f\n"));
        Assert.That(() => IntelRdt.Change(null, "id", new IntelRdtSpec { L3CacheSchema = "L3:0=f" }, _root), Throws.TypeOf<CrunException>().With.Message.StartsWith("intelRdt: the container's configuration has no linux.intelRdt"));
    }

    [Test]
    public void The_file_system_is_found_among_the_mounts()
    {
        Assert.That(IntelRdt.RootIn("30 23 0:26 / /sys/fs/resctrl rw,relatime - resctrl resctrl rw\n"), Is.EqualTo("/sys/fs/resctrl"));
        Assert.That(IntelRdt.RootIn("30 23 0:26 / /sys rw - sysfs sysfs rw\n"), Is.Null);
    }
}
