using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups;

namespace CrunSharp.Runtime.Tests.Cgroups;

/// <summary>On the trees that this host has: version 1, 2 or both.</summary>
public class ContainerCgroupsTests
{
    private TestContainerCgroups _test = null!;

    [SetUp]
    public void Begin() => _test = new TestContainerCgroups();

    [TearDown]
    public void End() => _test.Dispose();

    [Test]
    public void They_are_made_in_every_tree_and_removed_with_those_above()
    {
        using var cgroups = _test.Create(below: "/a/b");
        var trees = _test.Host.Hierarchies.Count + (_test.Host.Unified is null ? 0 : 1);
        Assert.Multiple(() =>
        {
            Assert.That(_test.Left(), Has.Count.EqualTo(trees));
            Assert.That(cgroups.Place.Above, Has.Count.EqualTo(2 * trees));
            Assert.That(cgroups.Processes(), Is.Empty);
            Assert.That(cgroups.IsFrozen, Is.False);
            Assert.That(cgroups.Remove(), Is.True);
            Assert.That(_test.Left(), Is.Empty);
            Assert.That(cgroups.Remove(), Is.False);
        });
    }

    [Test]
    public void Those_above_stay_while_another_uses_them_and_when_they_were_there_before()
    {
        using var first = _test.Create(below: "/first");
        using var second = _test.Create(below: "/second");
        first.Remove();
        Assert.That(_test.Left(), Is.Not.Empty);
        Assert.That(second.Place.Above, Is.Empty);
        second.Remove();
        Assert.That(_test.Left(), Is.Not.Empty);
        CgroupV2.RemoveMade(first.Place.Above);
    }

    [Test]
    public void A_process_enters_all_of_them()
    {
        using var cgroups = _test.Create();
        var shell = _test.Shell(cgroups);
        var own = File.ReadAllLines($"/proc/{shell.Id}/cgroup");
        var trees = _test.Left().Count;
        Assert.Multiple(() =>
        {
            Assert.That(own.Where(line => line.EndsWith(":" + _test.Path, StringComparison.Ordinal)).ToList(), Has.Count.EqualTo(trees));
            Assert.That(cgroups.Processes(), Is.EqualTo(new[] { shell.Id }));
            Assert.That(() => ContainerCgroups.Create(_test.Place, null), Throws.TypeOf<CrunException>()
                .With.Message.EqualTo($"use cgroup {_test.Path}: it has 1 processes [config-linux.md#cgroups-path]"));
            Assert.That(_test.Left(), Has.Count.EqualTo(trees));
        });
    }

    [Test]
    public void A_process_in_a_tree_of_version_1_alone_makes_them_unfit()
    {
        var tree = _test.Host.Hierarchies.FirstOrDefault(tree => tree.Has("pids"));
        if (tree is null) Assert.Ignore("this host has no pids controller in version 1");
        using var other = CgroupV1.Create(tree!, _test.Path, []);
        using (var entry = new CgroupEntry(null, [CgroupV1.TryOpen(tree!, _test.Path)!])) _test.Shell(entry);
        Assert.That(() => _test.Create(), Throws.TypeOf<CrunException>().With.Message.Contains("it has 1 processes"));
        Assert.That(_test.Left(), Is.EqualTo(new[] { other.HostPath }));
        foreach (var pid in other.Processes()) PidHandle.TryOpen(pid)?.Send(9);
        Assert.That(other.Remove(), Is.True);
    }

    [Test]
    public void Frozen_ones_are_not_used([Values] bool byVersion1)
    {
        using var cgroups = _test.Create();
        if (byVersion1)
        {
            if (_test.Host.Hierarchies.FirstOrDefault(tree => tree.Has("freezer")) is not { } tree) Assert.Ignore("this host has no freezer of version 1");
            else KernelFile.Write(null, tree.MountPoint + _test.Path + "/freezer.state", "FROZEN");
        }
        else cgroups.Freeze();
        Assert.Multiple(() =>
        {
            Assert.That(cgroups.IsFrozen, Is.True);
            Assert.That(() => ContainerCgroups.Create(_test.Place, null), Throws.TypeOf<CrunException>().With.Message.Contains("it is frozen"));
        });
        cgroups.Thaw();
        Assert.That(cgroups.IsFrozen, Is.False);
    }

    [Test]
    public void Processes_stop_and_go_on_and_end([Values] bool frozen)
    {
        using var cgroups = _test.Create();
        var shell = _test.Shell(cgroups);
        cgroups.Freeze();
        shell.StandardInput.WriteLine("echo there");
        var answer = shell.StandardOutput.ReadLineAsync();
        Assert.That((cgroups.IsFrozen, answer.Wait(100)), Is.EqualTo((true, false)));
        cgroups.Thaw();
        Assert.That(answer.Result, Is.EqualTo("there"));
        TestCgroup.Say(shell, "sleep 1000 & echo started");
        if (frozen) cgroups.Freeze();
        cgroups.Kill();
        Assert.Multiple(() =>
        {
            Assert.That(cgroups.WaitUntilEmpty(TimeSpan.FromSeconds(5)), Is.True);
            Assert.That(cgroups.Remove(), Is.True);
        });
    }

    [Test]
    public void Without_version_2_all_is_done_by_the_freezer([Values] bool frozen)
    {
        if (_test.Host.Hierarchies.FirstOrDefault(tree => tree.Has("freezer")) is not { } tree)
        {
            Assert.Ignore("this host has no freezer of version 1");
            return;
        }
        using var freezer = CgroupV1.Create(tree, _test.Path, []);
        using var cgroups = ContainerCgroups.Of(_test.Place, [CgroupV1.TryOpen(tree, _test.Path)!]);
        var shell = _test.Shell(cgroups);
        TestCgroup.Say(shell, "sleep 1000 & echo started");
        cgroups.Freeze();
        Assert.That((cgroups.IsFrozen, cgroups.Processes().Count), Is.EqualTo((true, 2)));
        if (!frozen) cgroups.Thaw();
        Assert.That(cgroups.IsFrozen, Is.EqualTo(frozen));
        cgroups.Kill();
        Assert.Multiple(() =>
        {
            Assert.That(cgroups.WaitUntilEmpty(TimeSpan.FromSeconds(5)), Is.True);
            Assert.That(cgroups.Remove(), Is.True);
        });
    }

    [Test]
    public void A_further_process_enters_where_it_is_told()
    {
        using var cgroups = _test.Create();
        var init = _test.Shell(cgroups);
        foreach (var left in _test.Left()) Directory.CreateDirectory(left + "/below");
        if (_test.Host.Hierarchies.FirstOrDefault(tree => tree.Has("cpuset")) is { } sets)
        {
            foreach (var file in (string[])["cpuset.cpus", "cpuset.mems"])
                File.WriteAllText($"{sets.MountPoint}{_test.Path}/below/{file}", File.ReadAllText($"{sets.MountPoint}{_test.Path}/{file}"));
        }
        using var here = cgroups.EnterFurther(init.Id);
        using var below = cgroups.EnterFurther(init.Id, "/below");
        var further = (_test.Shell(here).Id, _test.Shell(below).Id);
        Assert.Multiple(() =>
        {
            Assert.That(File.ReadAllText($"/proc/{further.Item1}/cgroup"), Does.Contain($":{_test.Path}\n").And.Not.Contain("below"));
            Assert.That(File.ReadAllLines($"/proc/{further.Item2}/cgroup").Count(line => line.EndsWith(_test.Path + "/below", StringComparison.Ordinal)), Is.EqualTo(_test.Left().Count));
            Assert.That(cgroups.Processes(), Is.EquivalentTo(new[] { init.Id, further.Item1, further.Item2 }));
            Assert.That(() => cgroups.EnterFurther(init.Id, "/nowhere"), Throws.TypeOf<CrunException>().With.Message.StartsWith("enter the cgroup: there is no cgroup "));
            Assert.That(() => cgroups.EnterFurther(init.Id, "/../.."), Throws.TypeOf<CrunException>());
        });
    }

    [Test]
    public void A_further_process_enters_where_the_container_has_put_its_first_one()
    {
        if (_test.Host.Unified is not { } tree) return;
        using var cgroups = _test.Create();
        var init = _test.Shell(cgroups);
        Directory.CreateDirectory(cgroups.Unified!.HostPath + "/init.scope");
        KernelFile.Write(cgroups.Unified.Directory, "init.scope/cgroup.procs", init.Id.ToString());
        if (cgroups.Unified.TryRead("cgroup.controllers")?.Split(' ', '\n')[0] is not { Length: > 0 } controller)
        {
            Assert.Ignore("this host has no controller in version 2");
            return;
        }
        KernelFile.Write(cgroups.Unified.Directory, "cgroup.subtree_control", "+" + controller);
        using var entry = cgroups.EnterFurther(init.Id);
        var further = _test.Shell(entry);
        Assert.That(File.ReadAllText($"/proc/{further.Id}/cgroup"), Does.Contain($"0::{_test.Path}/init.scope\n"));
    }

    [Test]
    public void A_record_that_names_other_directories_removes_none_of_them()
    {
        var other = Directory.CreateTempSubdirectory("crun-sharp-test-").FullName;
        try
        {
            using (_test.Create(below: "/a")) { }
            using var cgroups = ContainerCgroups.Open(CgroupPlace.Of(CgroupDriver.Cgroupfs, _test.Path + "/a", "x") with { IsMade = true, Above = [other, .. _test.Left(), .. _test.Left().Select(path => path + "-no")] });
            Assert.That(cgroups.Remove(), Is.True);
            Assert.That((Directory.Exists(other), _test.Left().Count), Is.EqualTo((true, 0)));
        }
        finally
        {
            Directory.Delete(other);
        }
    }

    [Test]
    public void What_was_not_made_for_a_container_is_left_alone_by_it()
    {
        using var others = _test.Create(below: "/others");
        var shell = _test.Shell(others);
        var place = CgroupPlace.Of(CgroupDriver.Cgroupfs, others.Place.Path, "x");
        Assert.That(() => ContainerCgroups.Create(place, null), Throws.TypeOf<CrunException>());
        using var cgroups = ContainerCgroups.Open(place);
        cgroups.Kill();
        cgroups.Send(Signal.SIGKILL);
        Assert.Multiple(() =>
        {
            Assert.That((cgroups.Exist, cgroups.Processes().Count, cgroups.Remove()), Is.EqualTo((false, 0, false)));
            Assert.That(TestCgroup.Say(shell, "echo alive"), Is.EqualTo("alive"));
            Assert.That(_test.Left(), Is.Not.Empty);
        });
    }

    [Test]
    public void What_a_killed_creation_left_is_removed()
    {
        using (_test.Create(below: "/a")) { }
        using var cgroups = ContainerCgroups.Open(CgroupPlace.Of(CgroupDriver.Cgroupfs, _test.Path + "/a", "x"));
        Assert.That((cgroups.Remove(), cgroups.Remove()), Is.EqualTo((true, false)));
    }

    [Test]
    public void What_no_controller_limits_needs_none()
    {
        if (_test.Has("rdma", "rdma")) Assert.Ignore("this host has an RDMA controller");
        using var cgroups = _test.Create(new ResourcesSpec { Memory = new MemorySpec { Limit = -1, Swap = -1 }, Pids = new PidsSpec { Limit = -1 } });
        Assert.That(cgroups.Exist, Is.True);
        if (_test.Host.Unified is null) return;
        Assert.That(() => cgroups.Update(new ResourcesSpec { Unified = new Dictionary<string, string> { ["rdma.max"] = "max" } }),
            Throws.TypeOf<CrunException>().With.Message.StartsWith("unified.rdma.max cannot be enforced: the rdma controller is not available in cgroup v2"));
    }

    [Test]
    public void A_user_of_the_container_can_be_given_a_cgroup_below()
    {
        using var cgroups = _test.Create();
        var shell = _test.Shell(cgroups);
        if (cgroups.Unified is not { } unified || _test.Host.Hierarchies.Count > 0)
        {
            Assert.That(() => cgroups.Delegate("below", shell.Id, (12345, 54321)), Throws.TypeOf<CrunException>().With.Property("Kind").EqualTo(ErrorKind.Unsupported));
            return;
        }
        cgroups.Delegate("/below", shell.Id, (12345, 54321));
        Assert.That(File.ReadAllText(unified.HostPath + "/below/cgroup.procs"), Is.EqualTo($"{shell.Id}\n"));
        Assert.That(new[] { ".", "cgroup.procs", "cgroup.subtree_control", "cgroup.max.depth" }.Select(name => FileAt.Status(unified.Directory, "below/" + name)).Select(static status => (status.Uid, status.Gid)),
            Is.EqualTo(new[] { (12345u, 54321u), (12345u, 54321u), (12345u, 54321u), (0u, 0u) }));
        Assert.That(() => cgroups.Delegate("../above", shell.Id, default), Throws.TypeOf<CrunException>().With.Message.Contains("is no path of a cgroup"));
    }

    [Test]
    public void A_limit_that_the_host_cannot_enforce_is_refused_and_leaves_nothing()
    {
        if (_test.Has("rdma", "rdma")) Assert.Ignore("this host has an RDMA controller");
        var resources = new ResourcesSpec { Rdma = new Dictionary<string, RdmaLimit> { ["x"] = new() } };
        Assert.That(() => _test.Create(resources), Throws.TypeOf<CrunException>()
            .With.Property("Kind").EqualTo(ErrorKind.Unsupported).And.Message.Match("^rdma cannot be enforced: the rdma controller is not available"));
        Assert.That(_test.Left(), Is.Empty);
    }

    [Test]
    public void A_value_that_the_kernel_refuses_leaves_nothing()
    {
        if (!_test.Has("cpuset", "cpuset")) Assert.Ignore("this host has no cpuset controller");
        Assert.That(() => _test.Create(new ResourcesSpec { Cpu = new CpuSpec { Cpus = "4000" } }), Throws.TypeOf<CrunException>()
            .With.Message.Match($"^set cpu.cpus of cgroup {_test.Path}: write\\(cpuset.cpus, \"4000\"\\) = (EINVAL|ERANGE)"));
        Assert.That(_test.Left(), Is.Empty);
    }

    [Test]
    public void Without_a_driver_nothing_is_made()
    {
        using var cgroups = ContainerCgroups.Create(CgroupPlace.Of(CgroupDriver.Disabled, _test.Path, "x"), new ResourcesSpec { Pids = new PidsSpec { Limit = 5 } });
        using var entry = cgroups.Enter();
        Assert.Multiple(() =>
        {
            Assert.That((cgroups.Exist, cgroups.IsFrozen, cgroups.Processes().Count, entry.Directory, entry.HasOthers), Is.EqualTo((false, false, 0, (object?)null, false)));
            Assert.That(cgroups.Freeze, Throws.TypeOf<CrunException>().With.Message.EqualTo("freeze: the container has no cgroup to stop its processes with"));
            Assert.That(() => cgroups.Update(new ResourcesSpec()), Throws.TypeOf<CrunException>());
            Assert.That(cgroups.Remove(), Is.False);
        });
    }

    [Test, Explicit("a measurement")]
    public void Time_to_make_and_remove()
    {
        for (var round = 0; round < 3; round++)
        {
            var clock = System.Diagnostics.Stopwatch.StartNew();
            for (var i = 0; i < 20; i++)
            {
                using var cgroups = _test.Create(new ResourcesSpec { Pids = new PidsSpec { Limit = 100 } }, $"/{i}");
            }
            var made = clock.Elapsed;
            for (var i = 0; i < 20; i++)
            {
                using var cgroups = ContainerCgroups.Open(CgroupPlace.Of(CgroupDriver.Cgroupfs, _test.Path + $"/{i}", "x") with { IsMade = true });
                cgroups.Remove();
            }
            TestContext.Out.WriteLine($"made in {made.TotalMilliseconds / 20:f2} ms, removed in {(clock.Elapsed - made).TotalMilliseconds / 20:f2} ms");
        }
    }

    [Test]
    public void Without_systemd_its_scopes_are_refused()
    {
        if (File.Exists("/run/systemd/private")) Assert.Ignore("systemd is running");
        Assert.That(() => ContainerCgroups.Create(CgroupPlace.Of(CgroupDriver.Systemd, null, "x"), null), Throws.TypeOf<CrunException>()
            .With.Message.EqualTo("manage cgroups by systemd: systemd is not running on this host: use --cgroup-manager=cgroupfs"));
    }
}
