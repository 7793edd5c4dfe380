using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;

namespace CrunSharp.NativeTests.Harness;

/// <summary>What tests that were killed have left: a world's directory is locked as long as its maker lives.</summary>
internal static class Leftovers
{
    private const string Place = "/var/tmp";
    private const string Prefix = "crun-sharp-world-";

    /// <summary>Makes a directory for a world, and removes those of worlds whose makers are gone, with their processes and cgroups.</summary>
    /// <param name="path">The new directory.</param>
    /// <returns>The lock, for as long as the world is there.</returns>
    public static FileLock MakeDirectory(out string path)
    {
        foreach (var left in Directory.EnumerateDirectories(Place, Prefix + "*"))
        {
            using var held = FileLock.TryExisting(null, left, shared: false, wait: false);
            if (held is not null) Remove(left);
        }
        for (; ; )
        {
            path = $"{Place}/{Prefix}{Guid.NewGuid():N}"[..40];
            Directory.CreateDirectory(path);
            // Another's sweep may be faster.
            if (FileLock.TryExisting(null, path, shared: false, wait: true) is { } held) return held;
        }
    }

    private static void Remove(string directory)
    {
        // What was started for a world has its directory in the command line or the environment; what is in containers, its cgroup.
        foreach (var pid in Cleanliness.ProcessesOf(directory, ""))
        {
            using var process = PidHandle.TryOpen(pid);
            if (process?.Send(Signal.SIGKILL.Number) == true) process.WaitForEnd(TimeSpan.FromSeconds(10));
        }
        new CgroupFolder(Path.GetFileName(directory)).Dispose();
        FileAt.RemoveTree(null, directory);
    }
}
