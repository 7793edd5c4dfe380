using System.Diagnostics;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups;

namespace CrunSharp.Runtime.Tests.Cgroups;

/// <summary>The cgroups of one test in all trees of this host, at a path that nobody else uses.</summary>
internal sealed class TestContainerCgroups : IDisposable
{
    private static int s_count;

    private readonly List<Process> _processes = [];
    private readonly List<CgroupPlace> _places = [];

    public TestContainerCgroups()
    {
        Host = CgroupHost.Find();
        if (Host.Unified is null && Host.Hierarchies.Count == 0) Assert.Ignore("no cgroups are mounted");
        Path = $"/crun-sharp-test-{Environment.ProcessId}-c{Interlocked.Increment(ref s_count)}";
    }

    public CgroupHost Host { get; }

    public string Path { get; }

    public CgroupPlace Place => CgroupPlace.Of(CgroupDriver.Cgroupfs, Path, "unused");

    /// <summary>Whether a limit can be had in one tree or the other.</summary>
    public bool Has(string v1, string v2) => Host.HasInV1(v1) || Host.Unified?.Controllers.Contains(v2) == true;

    public ContainerCgroups Create(ResourcesSpec? resources = null, string below = "")
    {
        var cgroups = ContainerCgroups.Create(CgroupPlace.Of(CgroupDriver.Cgroupfs, Path + below, "unused"), resources);
        _places.Add(cgroups.Place);
        cgroups.RestrictDevices(resources?.Devices);
        return cgroups;
    }

    /// <summary>The text of a file in whichever tree has its controller.</summary>
    public string? Read(string controller, string v1, string v2, string below = "")
    {
        var tree = Host.Hierarchies.FirstOrDefault(tree => tree.Has(controller));
        var file = tree is null ? $"{Host.Unified!.MountPoint}{Path}{below}/{v2}" : $"{tree.MountPoint}{Path}{below}/{v1}";
        return File.Exists(file) ? File.ReadAllText(file).TrimEnd('\n') : null;
    }

    /// <summary>The directories on this host at this path.</summary>
    public IReadOnlyList<string> Left() =>
        [.. Host.Hierarchies.Select(tree => tree.MountPoint).Append(Host.Unified?.MountPoint).OfType<string>().Select(mount => mount + Path).Where(Directory.Exists)];

    /// <summary>A shell in the cgroups that runs the lines it is given.</summary>
    public Process Shell(CgroupEntry entry)
    {
        var shell = Process.Start(new ProcessStartInfo("/bin/sh", "-s") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        _processes.Add(shell);
        if (entry.Directory is not null) KernelFile.Write(entry.Directory, "cgroup.procs", shell.Id.ToString());
        entry.Add(shell.Id);
        return shell;
    }

    public Process Shell(ContainerCgroups cgroups)
    {
        using var entry = cgroups.Enter();
        return Shell(entry);
    }

    public void Dispose()
    {
        _places.Reverse();
        foreach (var place in _places)
        {
            using var cgroups = ContainerCgroups.Open(place);
            if (cgroups.IsFrozen) cgroups.Thaw();
            cgroups.Kill();
            foreach (var process in _processes)
            {
                if (!process.HasExited) process.Kill();
                process.WaitForExit();
            }
            cgroups.Remove();
        }
        foreach (var process in _processes) process.Dispose();
        var left = Left();
        Host.Dispose();
        Assert.That(left, Is.Empty);
    }
}
