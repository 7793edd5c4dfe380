using System.Diagnostics;

namespace CrunSharp.NativeTests.Harness;

/// <summary>A cgroup, version 2, below which a world's containers are; none on a host that has no version 2.</summary>
internal sealed class CgroupFolder : IDisposable
{
    public CgroupFolder(string name)
    {
        var mounts = File.ReadLines("/proc/self/mountinfo").Where(static line => line.Contains(" - cgroup2 ", StringComparison.Ordinal)).ToList();
        if (mounts.Count == 0) return;
        var tree = mounts[^1].Split(' ')[4];
        Path = $"{tree}/{name}";
        Directory.CreateDirectory(Path);
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

    public void Dispose()
    {
        if (Path is null || !Directory.Exists(Path)) return;
        File.WriteAllText(Path + "/cgroup.kill", "1");
        for (var watch = Stopwatch.StartNew(); File.ReadAllText(Path + "/cgroup.events").Contains("populated 1", StringComparison.Ordinal) && watch.ElapsedMilliseconds < 5000;)
            Thread.Sleep(5);
        foreach (var child in Directory.GetDirectories(Path, "*", SearchOption.AllDirectories).OrderByDescending(static path => path.Length)) Directory.Delete(child);
        Directory.Delete(Path);
    }
}
