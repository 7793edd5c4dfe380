using System.Text;

namespace CrunSharp.NativeTests.Harness;

/// <summary>The proof that nothing of a world's containers is left.</summary>
internal static class Cleanliness
{
    /// <summary>What is left, a line for each; empty when all is clean.</summary>
    public static List<string> Leftovers(World world)
    {
        var found = new List<string>();
        Files(world, found);
        Processes(world, found);
        found.AddRange(world.Cgroups.Select(static path => $"cgroup {path}"));
        Links(world, found);
        Rules(world, found);
        return found;
    }

    /// <summary>The processes of the world in a directory whose command line contains a text.</summary>
    public static IReadOnlyList<int> ProcessesOf(string world, string text)
    {
        var found = new List<int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), out var pid) || pid == Environment.ProcessId) continue;
            var command = TextOf($"{folder}/cmdline").Replace('\0', ' ');
            if (command.Contains(text, StringComparison.Ordinal)
                && (command.Contains(world, StringComparison.Ordinal) || TextOf($"{folder}/environ").Contains(world, StringComparison.Ordinal)))
                found.Add(pid);
        }
        return found;
    }

    private static void Files(World world, List<string> found)
    {
        foreach (var folder in (string[])[$"{world.Root}/tmp", $"{world.Root}/containers", $"{world.Root}/containers/.names", $"{world.Root}/volumes",
            $"{world.RunRoot}/containers", $"{world.RunRoot}/steps", .. NetworkFolders(world)])
        {
            if (!Directory.Exists(folder)) continue;
            foreach (var entry in Directory.EnumerateFileSystemEntries(folder))
            {
                if (Path.GetFileName(entry) is not (".names" or ".lock" or ".volumes.lock")) found.Add($"file {entry}");
            }
        }
    }

    private static IEnumerable<string> NetworkFolders(World world) =>
        Directory.Exists($"{world.RunRoot}/net") ? Directory.EnumerateDirectories($"{world.RunRoot}/net").SelectMany(static network => (string[])[$"{network}/ip", $"{network}/endpoints"]) : [];

    /// <summary>Adds what processes and mounts of a world are left.</summary>
    public static void Processes(World world, List<string> found)
    {
        var hostNetwork = LinkOf($"/proc/{world.Host.Pid}/ns/net");
        var mounts = world.Host.Mounts.Split('\n').Count(line => line.Contains(world.Directory, StringComparison.Ordinal));
        if (mounts > world.Host.KnownMounts) found.Add($"{mounts - world.Host.KnownMounts} mounts on the host: {world.Host.Mounts}");
        var mountNamespaces = new HashSet<string> { LinkOf($"/proc/{world.Host.Pid}/ns/mnt") };
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), out var pid) || world.IsKeeper(pid)) continue;
            var command = TextOf($"{folder}/cmdline");
            if (command.Contains(world.Directory, StringComparison.Ordinal) || TextOf($"{folder}/environ").Contains(world.Directory, StringComparison.Ordinal)
                || LinkOf($"{folder}/ns/net") == hostNetwork)
                found.Add($"process {pid}: {command.Replace('\0', ' ')} ({StateOf(folder)})");
            if (mountNamespaces.Add(LinkOf($"{folder}/ns/mnt")) && TextOf($"{folder}/mountinfo").Contains(world.Directory, StringComparison.Ordinal))
                found.Add($"mount of {world.Directory} in the namespace of process {pid}: {command.Replace('\0', ' ')}");
        }
        if (TextOf("/proc/self/mountinfo").Contains(world.Directory, StringComparison.Ordinal)) found.Add($"mount of {world.Directory}");
    }

    private static void Links(World world, List<string> found)
    {
        foreach (var line in world.Host.Tool("ip", "-o", "link").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var name = line.Split(": ")[1];
            if (name is not ("lo" or "crunsharp0") && !name.StartsWith("up0@", StringComparison.Ordinal)) found.Add($"link {name}");
        }
    }

    // Rules that name a container's address are its own; the others belong to the bridge.
    private static void Rules(World world, List<string> found)
    {
        foreach (var line in world.Host.Tool("nft", "list", "ruleset").Split('\n'))
        {
            if (line.Contains("10.88.0.", StringComparison.Ordinal) && !line.Contains("10.88.0.0/16", StringComparison.Ordinal)) found.Add($"rule {line.Trim()}");
        }
    }

    private static string StateOf(string folder) =>
        Array.Find(TextOf($"{folder}/status").Split('\n'), static line => line.StartsWith("State:", StringComparison.Ordinal)) ?? "";

    private static string LinkOf(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget ?? "";
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static string TextOf(string path)
    {
        try
        {
            return Encoding.Latin1.GetString(System.IO.File.ReadAllBytes(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return ""; // It has ended.
        }
    }
}
