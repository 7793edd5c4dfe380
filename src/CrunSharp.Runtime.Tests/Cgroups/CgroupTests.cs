using System.Diagnostics;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups;

namespace CrunSharp.Runtime.Tests.Cgroups;

public class CgroupTests
{
    private TestCgroup _test = null!;

    [SetUp]
    public void Begin() => _test = new TestCgroup();

    [TearDown]
    public void End() => _test.Dispose();

    [Test]
    public void A_cgroup_is_made_with_those_above_it_and_removed_with_those_below()
    {
        using var cgroup = _test.Tree.Create(_test.Path + "/a/b");
        Directory.CreateDirectory(cgroup.HostPath + "/inner/most");
        Assert.That((cgroup.Path, cgroup.IsPopulated, cgroup.IsFrozen), Is.EqualTo((_test.Path + "/a/b", false, false)));
        Assert.Multiple(() =>
        {
            Assert.That(cgroup.Remove(), Is.True);
            Assert.That(cgroup.Remove(), Is.False);
            Assert.That(Directory.Exists(_test.HostPath + "/a"), Is.True);
            Assert.That(_test.Tree.TryOpen(_test.Path + "/a/b"), Is.Null);
        });
    }

    [Test]
    public void A_cgroup_outlives_the_handle_of_its_tree()
    {
        Cgroup cgroup;
        using (var tree = CgroupV2.Find()) cgroup = tree.Create(_test.Path);
        using (cgroup)
        {
            cgroup.Update(new ResourcesSpec { Unified = new Dictionary<string, string> { ["cgroup.max.depth"] = "3" } });
            Assert.That(cgroup.Remove(), Is.True);
        }
    }

    [TestCase("/../x")]
    [TestCase("/a/../../x")]
    [TestCase("..")]
    [TestCase("/")]
    [TestCase("")]
    [TestCase("/a/./b")]
    [TestCase("/a\n")]
    [TestCase("/cgroup.procs")]
    public void A_path_that_leads_elsewhere_is_refused(string path)
    {
        Assert.Multiple(() =>
        {
            Assert.That(() => _test.Tree.Create(path), Throws.TypeOf<CrunException>().With.Message.Contains("is no path of a cgroup"));
            Assert.That(() => _test.Tree.TryOpen(path), Throws.TypeOf<CrunException>());
        });
    }

    [Test]
    public void A_cgroup_with_processes_is_not_given_to_another()
    {
        using var cgroup = _test.Tree.Create(_test.Path);
        _test.Shell(cgroup);
        Assert.That(() => _test.Tree.Create(_test.Path),
            Throws.TypeOf<CrunException>().With.Message.EqualTo($"use cgroup {_test.Path}: it has 1 processes [config-linux.md#cgroups-path]"));
        Assert.That(cgroup.IsPopulated, Is.True);
    }

    [Test]
    public void A_frozen_cgroup_is_not_used([Values] bool above)
    {
        using var cgroup = _test.Tree.Create(_test.Path);
        KernelFile.Write(cgroup.Directory, "cgroup.freeze", "1");
        Assert.That(() => _test.Tree.Create(above ? _test.Path + "/below" : _test.Path),
            Throws.TypeOf<CrunException>().With.Message.Contains("it is frozen"));
        Assert.That(Directory.Exists(_test.HostPath + "/below"), Is.False);
    }

    [Test]
    public void One_that_somebody_removed_is_empty()
    {
        using var cgroup = _test.Tree.Create(_test.Path);
        Directory.Delete(_test.HostPath);
        Assert.That(cgroup.WaitUntilEmpty(TimeSpan.FromSeconds(1)), Is.True);
        Assert.That(cgroup.Processes(), Is.Empty);
    }

    [Test]
    public void An_empty_cgroup_is_used_again()
    {
        using (_test.Tree.Create(_test.Path)) { }
        using var again = _test.Tree.Create(_test.Path);
        Assert.That(again.IsPopulated, Is.False);
    }

    [Test]
    public void Its_processes_stop_and_go_on()
    {
        using var cgroup = _test.Tree.Create(_test.Path);
        var shell = _test.Shell(cgroup);
        cgroup.Freeze();
        shell.StandardInput.WriteLine("echo there");
        var answer = shell.StandardOutput.ReadLineAsync();
        Assert.Multiple(() =>
        {
            Assert.That(cgroup.IsFrozen, Is.True);
            Assert.That(answer.Wait(100), Is.False);
        });
        cgroup.Thaw();
        Assert.Multiple(() =>
        {
            Assert.That(answer.Result, Is.EqualTo("there"));
            Assert.That(cgroup.IsFrozen, Is.False);
        });
    }

    [Test]
    public void Thawing_below_a_frozen_one_is_told()
    {
        using var above = _test.Tree.Create(_test.Path);
        using var cgroup = _test.Tree.Create(_test.Path + "/below");
        _test.Shell(cgroup);
        above.Freeze();
        using var events = cgroup.TryOpenEvents("cgroup.events")!;
        Assert.Multiple(() =>
        {
            Assert.That(events.WaitFor("frozen", 1, TimeSpan.FromSeconds(5)), Is.True);
            Assert.That(events.WaitFor("frozen", 0, TimeSpan.FromMilliseconds(50)), Is.False);
        });
        above.Thaw();
        Assert.That(events.WaitFor("frozen", 0, TimeSpan.FromSeconds(5)), Is.True);
    }

    [Test]
    public void All_processes_end_also_below_and_frozen([Values] bool frozen, [Values] bool oldKernel)
    {
        using var cgroup = _test.Tree.Create(_test.Path);
        using var below = _test.Tree.Create(_test.Path + "/below");
        var shells = new[] { _test.Shell(cgroup), _test.Shell(below) };
        Assert.That(TestCgroup.Say(shells[0], "sleep 1000 & echo started"), Is.EqualTo("started"));
        Assert.That(cgroup.Processes(), Has.Count.EqualTo(3).And.SupersetOf(shells.Select(shell => shell.Id)));
        if (frozen) cgroup.Freeze();
        if (oldKernel) cgroup.KillEach();
        else cgroup.Kill();
        Assert.Multiple(() =>
        {
            Assert.That(cgroup.WaitUntilEmpty(TimeSpan.FromSeconds(5)), Is.True);
            Assert.That(cgroup.Processes(), Is.Empty);
            Assert.That(cgroup.Remove(), Is.True);
        });
    }

    [Test]
    public void A_signal_reaches_all()
    {
        using var cgroup = _test.Tree.Create(_test.Path);
        var shell = _test.Shell(cgroup);
        Assert.That(TestCgroup.Say(shell, "trap 'echo got it' USR1; echo ready"), Is.EqualTo("ready"));
        cgroup.Send(Signal.SIGUSR1);
        Assert.That(TestCgroup.Say(shell, "true"), Is.EqualTo("got it"));
    }

    [Test]
    public void A_cgroup_with_a_process_that_is_ending_is_removed_when_it_has_ended()
    {
        using var cgroup = _test.Tree.Create(_test.Path);
        _test.Shell(cgroup).StandardInput.WriteLine("sleep 0.2; exit");
        var clock = Stopwatch.StartNew();
        Assert.Multiple(() =>
        {
            Assert.That(cgroup.Remove(), Is.True);
            Assert.That(clock.ElapsedMilliseconds, Is.InRange(50, 5000));
        });
    }

    [Test]
    public void A_limit_that_the_host_cannot_enforce_is_refused_and_leaves_nothing()
    {
        var resources = new ResourcesSpec { Rdma = new Dictionary<string, RdmaLimit> { ["x"] = new() }, Pids = new PidsSpec { Limit = 5 } };
        if (_test.Tree.Controllers.Contains("rdma")) Assert.Ignore("this host has an RDMA controller");
        Assert.That(() => _test.Tree.Create(_test.Path, resources), Throws.TypeOf<CrunException>()
            .With.Property("Kind").EqualTo(ErrorKind.Unsupported)
            .And.Message.Match($"^(pids.limit|rdma) cannot be enforced: the (pids|rdma) controller is not available in cgroup v2 on this host \\({_test.Tree.MountPoint}\\)$"));
        Assert.Multiple(() =>
        {
            Assert.That(Directory.Exists(_test.HostPath), Is.False);
            Assert.That(_test.Tree.MissingFor(resources), Does.Contain(new MissingController("rdma", "rdma")));
        });
    }

    [Test]
    public void Counters_that_the_host_does_not_have_are_done_without()
    {
        using var cgroup = _test.Tree.Create(_test.Path, null, "nonsense", "rdma");
        Assert.Multiple(() =>
        {
            Assert.That(cgroup.TryRead("cpu.stat"), Does.StartWith("usage_usec "));
            Assert.That(cgroup.TryRead("nonsense.current"), Is.Null);
        });
    }

    [Test]
    public void A_limit_switches_its_controller_on_and_is_changed_later()
    {
        if (!_test.Tree.Controllers.Contains("hugetlb")) Assert.Ignore("this host has no controller of huge pages in cgroup v2");
        var subtree = _test.Tree.MountPoint + "/cgroup.subtree_control";
        var before = File.ReadAllText(subtree).Contains("hugetlb", StringComparison.Ordinal);
        try
        {
            using var cgroup = _test.Tree.Create(_test.Path + "/a", HugePages(4 << 20));
            Assert.That(cgroup.TryRead("hugetlb.2MB.rsvd.max"), Is.EqualTo("4194304\n"));
            cgroup.Update(HugePages(2 << 20));
            Assert.Multiple(() =>
            {
                Assert.That(cgroup.TryRead("hugetlb.2MB.rsvd.max"), Is.EqualTo("2097152\n"));
                Assert.That(() => cgroup.Update(new ResourcesSpec { Unified = new Dictionary<string, string> { ["hugetlb.3MB.max"] = "1" } }),
                    Throws.TypeOf<CrunException>().With.Message.StartsWith("unified.hugetlb.3MB.max cannot be enforced: this kernel has no hugetlb.3MB.max"));
            });
        }
        finally
        {
            _test.Clear();
            if (!before) KernelFile.TryWrite(null, subtree, "-hugetlb");
        }
    }

    [Test]
    public void A_value_that_the_kernel_refuses_is_named()
    {
        Assert.That(() => _test.Tree.Create(_test.Path, new ResourcesSpec { Unified = new Dictionary<string, string> { ["cgroup.max.depth"] = "lots" } }),
            Throws.TypeOf<CrunException>().With.Message.EqualTo(
                $"set unified.cgroup.max.depth of cgroup {_test.Path}: write(cgroup.max.depth, \"lots\") = EINVAL (Invalid argument)"));
        Assert.That(Directory.Exists(_test.HostPath), Is.False);
    }

    private static ResourcesSpec HugePages(ulong bytes) => new() { HugepageLimits = [new HugepageLimit { PageSize = "2MB", Limit = bytes }] };
}
