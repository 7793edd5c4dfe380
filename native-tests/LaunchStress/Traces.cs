using System.Globalization;
using CrunSharp.Kernel.Files;

namespace CrunSharp.LaunchStress;

/// <summary>What containers could leave: open files, mounts, processes, cgroups.</summary>
internal sealed class Traces
{
    private readonly List<string> _files = [];
    private readonly string _mounts = File.ReadAllText("/proc/self/mountinfo");
    private readonly List<string> _others = [];

    public static Traces Take(TestBed bed)
    {
        var traces = new Traces();
        foreach (var path in Directory.EnumerateFileSystemEntries("/proc/self/fd"))
        {
            // The listing itself is one of them, and gone by now.
            if (FileAt.TryStatus(null, path) is not null) traces._files.Add($"file {Path.GetFileName(path)}: {new FileInfo(path).LinkTarget}");
        }
        foreach (var task in Directory.EnumerateDirectories("/proc/self/task"))
        {
            foreach (var child in ChildrenOf(task)) traces._others.Add($"process {child}");
        }
        foreach (var path in bed.Cgroups) traces._others.Add($"cgroup {path}");
        foreach (var path in Directory.EnumerateFileSystemEntries(bed.Containers)) traces._others.Add($"file {path}");
        return traces;
    }

    /// <summary>What there is now and was not then.</summary>
    public List<string> Since(Traces before)
    {
        var found = new List<string>(_others);
        if (_mounts != before._mounts) found.Add($"mounts: {_mounts}\nbefore: {before._mounts}");
        // The runtime opens some of its own at times; leaking containers would have opened a thousand.
        if (_files.Count > before._files.Count + 2) found.AddRange(_files.Select(static file => file.ToString(CultureInfo.InvariantCulture)));
        return found;
    }

    private static string[] ChildrenOf(string task)
    {
        try
        {
            return File.ReadAllText(task + "/children").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (IOException)
        {
            return []; // The thread has ended.
        }
    }
}
