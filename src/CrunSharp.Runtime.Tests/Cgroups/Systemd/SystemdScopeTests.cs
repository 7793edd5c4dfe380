using System.Diagnostics;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups;

namespace CrunSharp.Runtime.Tests.Cgroups.Systemd;

/// <summary>On hosts that systemd runs.</summary>
public class SystemdScopeTests
{
    private static readonly string s_id = $"test-{Environment.ProcessId}";

    private readonly List<Process> _processes = [];

    [SetUp]
    public void Begin()
    {
        if (!File.Exists("/run/systemd/private")) Assert.Ignore("systemd is not running");
    }

    [TearDown]
    public void End()
    {
        using (var left = ContainerCgroups.Open(CgroupPlace.Of(CgroupDriver.Systemd, null, s_id) with { IsMade = true }))
        {
            left.Kill();
            left.WaitUntilEmpty(TimeSpan.FromSeconds(5));
            left.Remove();
        }
        foreach (var process in _processes)
        {
            process.WaitForExit();
            process.Dispose();
        }
        _processes.Clear();
    }

    private static string Show(string unit, string property)
    {
        using var systemctl = Process.Start(new ProcessStartInfo("systemctl", ["show", "--value", "-p", property, unit]) { RedirectStandardOutput = true })!;
        var text = systemctl.StandardOutput.ReadToEnd().Trim();
        systemctl.WaitForExit();
        return text;
    }

    private Process Sleeper(CgroupEntry entry)
    {
        var process = Process.Start("sleep", "1000");
        _processes.Add(process);
        if (entry.Directory is not null) KernelFile.Write(entry.Directory, "cgroup.procs", process.Id.ToString());
        entry.Add(process.Id);
        return process;
    }

    [Test]
    public void A_container_is_a_scope_with_its_limits_and_ends_with_it()
    {
        var place = CgroupPlace.Of(CgroupDriver.Systemd, null, s_id);
        Process process;
        using (var made = ContainerCgroups.Create(place, new ResourcesSpec
        {
            Pids = new PidsSpec { Limit = 50 },
            Memory = new MemorySpec { Limit = 64 << 20 },
            Cpu = new CpuSpec { Shares = 512, Quota = 20000, Period = 100000 },
        }, new Dictionary<string, string> { ["org.systemd.property.TimeoutStopSec"] = "12" }))
        {
            Assert.That((made.Exist, made.Place.Path), Is.EqualTo((true, place.Path)));
            using var entry = made.Enter();
            process = Sleeper(entry);
            place = made.Place;
        }
        using var cgroups = ContainerCgroups.Open(place);
        var unit = place.Unit!;
        Assert.Multiple(() =>
        {
            Assert.That(cgroups.Processes(), Is.EqualTo(new[] { process.Id }));
            Assert.That(File.ReadAllText($"/proc/{process.Id}/cgroup"), Does.Contain(place.Path));
            Assert.That(string.Join(' ', Array.ConvertAll(["ActiveState", "Slice", "Delegate", "TasksMax", "MemoryMax", "CPUWeight", "CPUQuotaPerSecUSec", "TimeoutStopUSec"],
                property => Show(unit, property))), Is.EqualTo("active system.slice yes 50 67108864 59 200ms 12s"));
            Assert.That(cgroups.Unified?.TryRead("pids.max"), Is.EqualTo("50\n").Or.Null);
        });
        cgroups.Update(new ResourcesSpec { Pids = new PidsSpec { Limit = 60 }, Cpu = new CpuSpec { Quota = 50000 } });
        Assert.Multiple(() =>
        {
            Assert.That((Show(unit, "TasksMax"), Show(unit, "CPUQuotaPerSecUSec"), Show(unit, "MemoryMax")), Is.EqualTo(("60", "500ms", "67108864")));
            Assert.That(cgroups.Unified?.TryRead("cpu.max"), Is.EqualTo("50000 100000\n").Or.Null);
            Assert.That(() => ContainerCgroups.Create(place, null), Throws.TypeOf<CrunException>().With.Property("Kind").EqualTo(ErrorKind.Exists));
        });
        cgroups.Freeze();
        Assert.That(cgroups.IsFrozen, Is.True);
        cgroups.Kill();
        Assert.That(cgroups.WaitUntilEmpty(TimeSpan.FromSeconds(5)), Is.True);
        cgroups.Remove();
        using var gone = ContainerCgroups.Open(place);
        Assert.Multiple(() =>
        {
            Assert.That(gone.Exist, Is.False);
            Assert.That(Show(unit, "ActiveState"), Is.EqualTo("inactive"));
            Assert.That(gone.Remove(), Is.False);
        });
    }

    [Test]
    public void A_limit_that_cannot_be_leaves_no_scope()
    {
        var place = CgroupPlace.Of(CgroupDriver.Systemd, null, s_id);
        Assert.That(() => ContainerCgroups.Create(place, new ResourcesSpec { Cpu = new CpuSpec { Period = 1 } }), Throws.TypeOf<CrunException>());
        Assert.That(() => ContainerCgroups.Create(place, null, new Dictionary<string, string> { ["org.systemd.property.Nonsense"] = "1" }),
            Throws.TypeOf<CrunException>().With.Message.StartsWith("ask systemd to StartTransientUnit: "));
        Assert.That(Show(place.Unit!, "ActiveState"), Is.EqualTo("inactive"));
    }

    [Test]
    public void A_slice_of_its_own_is_made()
    {
        using var cgroups = ContainerCgroups.Create(CgroupPlace.Of(CgroupDriver.Systemd, $"crunsharp-test.slice:p:{s_id}", "x"), null);
        Assert.That(cgroups.Place.Path, Is.EqualTo($"/crunsharp.slice/crunsharp-test.slice/p-{s_id}.scope"));
        Assert.That(cgroups.Unified?.HostPath is null || Directory.Exists(cgroups.Unified.HostPath), Is.True);
        cgroups.Kill();
        cgroups.Remove();
        // systemd keeps slices.
        using var systemctl = Process.Start("systemctl", ["stop", "crunsharp.slice"]);
        systemctl.WaitForExit();
    }
}
