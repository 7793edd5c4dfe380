using System.Diagnostics;
using CrunSharp.Kernel.Processes;

namespace CrunSharp.NativeTests.Harness;

/// <summary>A cgroup, version 2, below which a world's containers are; none on a host that has no version 2.</summary>
internal sealed class CgroupFolder : IDisposable
{
    // What a world's name was given to in other trees: engines make cgroups in all that they find.
    private readonly List<string> _folders = [];

    public CgroupFolder(string name)
    {
        foreach (var fields in File.ReadLines("/proc/self/mountinfo").Select(static line => line.Split(' ')))
        {
            var type = fields[Array.IndexOf(fields, "-") + 1];
            if (type is "cgroup" or "cgroup2") _folders.Add($"{fields[4]}/{name}");
            if (type == "cgroup2") Path = _folders[^1];
        }
        if (Path is null) return;
        Directory.CreateDirectory(Path);
        var tree = System.IO.Path.GetDirectoryName(Path)!;
        foreach (var controller in File.ReadAllText(tree + "/cgroup.controllers").Split(' ', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            try
            {
                File.WriteAllText(tree + "/cgroup.subtree_control", "+" + controller);
            }
            catch (IOException)
            {
                // Processes are in it: what is not there cannot be tested.
            }
        }
    }

    /// <summary>Its directory; null when there is none.</summary>
    public string? Path { get; }

    /// <summary>The cgroups in it.</summary>
    public IReadOnlyList<string> Children => Path is null ? [] : Directory.GetDirectories(Path);

    /// <summary>Ends what is in it and removes it with all below, in every tree of this host.</summary>
    public void Dispose()
    {
        var folders = _folders.FindAll(Directory.Exists);
        for (var watch = Stopwatch.StartNew(); ; Thread.Sleep(10))
        {
            folders.RemoveAll(TryRemove);
            if (folders.Count == 0) return;
            if (watch.Elapsed.TotalSeconds > 20) throw new TimeoutException("these cgroups cannot be removed: " + string.Join("; ", folders.SelectMany(Describe)));
        }
    }

    // What ends just now keeps its cgroup for a moment, and an engine that ends may make another: one round is not enough.
    private static bool TryRemove(string folder)
    {
        foreach (var cgroup in Below(folder))
        {
            foreach (var pid in ProcessesOf(cgroup))
            {
                using var process = PidHandle.TryOpen(pid);
                process?.Send(Signal.SIGKILL.Number);
            }
            try
            {
                Directory.Delete(cgroup);
            }
            catch (IOException)
            {
                // It is gone, or not yet empty.
            }
        }
        return !Directory.Exists(folder);
    }

    private static IEnumerable<string> Describe(string folder) =>
        Below(folder).Select(static cgroup => $"{cgroup} ({string.Join(' ', ProcessesOf(cgroup).Select(static pid => $"{pid} {CommandOf(pid)}"))})");

    // A cgroup and all below it, the lowest first.
    private static List<string> Below(string folder)
    {
        try
        {
            return [.. Directory.GetDirectories(folder, "*", SearchOption.AllDirectories).Append(folder).OrderByDescending(static path => path.Length)];
        }
        catch (IOException)
        {
            return Directory.Exists(folder) ? [folder] : [];
        }
    }

    private static List<int> ProcessesOf(string cgroup)
    {
        try
        {
            return [.. File.ReadLines(cgroup + "/cgroup.procs").Select(int.Parse).Where(static pid => pid > 0)];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static string CommandOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/comm").Trim();
        }
        catch (IOException)
        {
            return "which ended";
        }
    }
}
