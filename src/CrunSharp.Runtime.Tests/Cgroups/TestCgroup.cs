using System.Diagnostics;
using CrunSharp.Runtime.Cgroups;

namespace CrunSharp.Runtime.Tests.Cgroups;

/// <summary>The cgroups of one test, all below one that nobody else uses.</summary>
internal sealed class TestCgroup : IDisposable
{
    private static int s_count;

    private readonly List<Process> _processes = [];

    public TestCgroup()
    {
        Tree = CgroupV2.TryFind()!;
        if (Tree is null) Assert.Ignore("no cgroup2 file system is mounted");
        Path = $"/crun-sharp-test-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}";
    }

    public CgroupV2 Tree { get; }

    public string Path { get; }

    public string HostPath => Tree.MountPoint + Path;

    /// <summary>A shell that runs the lines it is given.</summary>
    public Process Shell(Cgroup cgroup)
    {
        var shell = Process.Start(new ProcessStartInfo("/bin/sh", "-s")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _processes.Add(shell);
        cgroup.Add(shell.Id);
        return shell;
    }

    /// <summary>Runs a line in a shell and takes the one line that it prints.</summary>
    public static string? Say(Process shell, string line)
    {
        shell.StandardInput.WriteLine(line);
        return shell.StandardOutput.ReadLine();
    }

    /// <summary>Ends the processes and removes the cgroups; what is not there is no error.</summary>
    public void Clear()
    {
        using (var cgroup = Tree.TryOpen(Path))
        {
            if (cgroup is not null)
            {
                Kernel.Files.KernelFile.TryWrite(cgroup.Directory, "cgroup.freeze", "0");
                cgroup.Kill();
                cgroup.Remove();
            }
        }
        foreach (var process in _processes)
        {
            if (!process.HasExited) process.Kill();
            process.WaitForExit();
            process.Dispose();
        }
        _processes.Clear();
    }

    public void Dispose()
    {
        Clear();
        Tree.Dispose();
    }
}
