using System.Globalization;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Init;

/// <summary>A class of service of the processor's cache and memory bandwidth, in which a container's processes are.</summary>
/// <seealso href="https://docs.kernel.org/filesystems/resctrl.html"/>
public sealed class IntelRdt
{
    private const string Spec = "config-linux.md#intelrdt";

    private readonly string _directory;
    private readonly string? _monitoring;

    private IntelRdt(string directory, string? monitoring, bool isMade) => (_directory, _monitoring, IsMade) = (directory, monitoring, isMade);

    /// <summary>Whether the class was made for this container, and goes with it.</summary>
    public bool IsMade { get; }

    /// <summary>Finds or makes the class of a container, and sets its shares.</summary>
    /// <param name="spec">What is asked for.</param>
    /// <param name="id">The container.</param>
    /// <exception cref="CrunException">The kernel has nothing like it, or the class is another one.</exception>
    public static IntelRdt Open(IntelRdtSpec spec, string id) => Open(spec, id, RequireRoot());

    /// <summary>Refuses a container where the kernel has nothing like it.</summary>
    /// <exception cref="CrunException">The file system resctrl is not mounted.</exception>
    internal static string RequireRoot() => RootIn(KernelFile.Read(null, "/proc/self/mountinfo"))
        ?? throw CrunException.Unsupported("intelRdt is asked for, and resctrl is not mounted on this host", spec: Spec);

    internal static string? RootIn(string mounts)
    {
        foreach (var line in mounts.Split('\n'))
        {
            if (line.Contains(" - resctrl ", StringComparison.Ordinal)) return line.Split(' ')[4];
        }
        return null;
    }

    internal static IntelRdt Open(IntelRdtSpec spec, string id, string root)
    {
        var directory = DirectoryOf(spec, id, root);
        var exists = FileAt.TryStatus(null, directory) is not null;
        var wanted = SchemataOf(spec);
        // A class that somebody else made is not changed; and one without shares must be there.
        if (spec.ClosId is not null && exists && wanted.Count > 0) RequireSame(directory, spec);
        else if (spec.ClosId is not null && !exists && wanted.Count == 0)
            throw CrunException.NotFound($"there is no class of service {spec.ClosId}", "intelRdt");
        if (!exists) FileAt.MakeDirectory(null, directory);
        var monitoring = spec.EnableMonitoring ? $"{directory}/mon_groups/{id}" : null;
        var rdt = new IntelRdt(directory, monitoring, !exists);
        try
        {
            if (!exists || spec.ClosId is null || spec.Schemata is not null)
            {
                foreach (var line in wanted) KernelFile.Write(null, directory + "/schemata", line + "\n");
            }
            if (monitoring is not null) FileAt.MakeDirectories(monitoring, 0x1ed);
            return rdt;
        }
        catch
        {
            rdt.Remove();
            throw;
        }
    }

    /// <summary>Puts a process into the class.</summary>
    /// <exception cref="CrunException">The errors of write.</exception>
    public void Add(int pid)
    {
        var number = pid.ToString(CultureInfo.InvariantCulture);
        KernelFile.Write(null, _directory + "/tasks", number);
        if (_monitoring is not null) KernelFile.Write(null, _monitoring + "/tasks", number);
    }

    /// <summary>Changes the shares of a running container's class.</summary>
    /// <param name="spec">What its configuration asks for; null for nothing.</param>
    /// <param name="id">The container.</param>
    /// <param name="wanted">The new shares; those that are null stay.</param>
    /// <exception cref="CrunException">The container has no class, or the kernel refuses the shares.</exception>
    public static void Change(IntelRdtSpec? spec, string id, IntelRdtSpec wanted) => Change(spec, id, wanted, RequireRoot());

    internal static void Change(IntelRdtSpec? spec, string id, IntelRdtSpec wanted, string root)
    {
        if (spec is null) throw CrunException.Invalid("the container's configuration has no linux.intelRdt, so that it has no class of service", "intelRdt", Spec);
        foreach (var line in SchemataOf(wanted)) KernelFile.Write(null, DirectoryOf(spec, id, root) + "/schemata", line + "\n");
    }

    /// <summary>Removes what belongs to a container alone: a class named after it, and its monitoring group.</summary>
    /// <param name="spec">What was asked for.</param>
    /// <param name="id">The container.</param>
    public static void RemoveOf(IntelRdtSpec spec, string id)
    {
        if (RootIn(KernelFile.Read(null, "/proc/self/mountinfo")) is { } root) RemoveOf(spec, id, root);
    }

    internal static void RemoveOf(IntelRdtSpec spec, string id, string root)
    {
        var directory = DirectoryOf(spec, id, root);
        new IntelRdt(directory, spec.EnableMonitoring ? $"{directory}/mon_groups/{id}" : null, spec.ClosId is null).Remove();
    }

    private static string DirectoryOf(IntelRdtSpec spec, string id, string root) => spec.ClosId is "/" ? root : $"{root}/{spec.ClosId ?? id}";

    private void Remove()
    {
        if (_monitoring is not null && FileAt.TryStatus(null, _monitoring) is not null) FileAt.Remove(null, _monitoring, isDirectory: true);
        if (IsMade) FileAt.Remove(null, _directory, isDirectory: true);
    }

    private static List<string> SchemataOf(IntelRdtSpec spec)
    {
        var lines = new List<string>();
        if (spec.L3CacheSchema is { Length: > 0 } cache) lines.Add(cache);
        if (spec.MemBwSchema is { Length: > 0 } bandwidth) lines.Add(bandwidth);
        foreach (var line in spec.Schemata ?? []) lines.Add(line);
        return lines;
    }

    private static void RequireSame(string directory, IntelRdtSpec spec)
    {
        var present = KernelFile.Read(null, directory + "/schemata").Split('\n');
        foreach (var wanted in (string?[])[spec.L3CacheSchema, spec.MemBwSchema])
        {
            if (string.IsNullOrEmpty(wanted) || Array.Exists(present, line => line.Trim() == wanted)) continue;
            throw CrunException.Invalid($"the class of service {spec.ClosId} has not the schema \"{wanted}\"", "intelRdt", Spec);
        }
    }
}
