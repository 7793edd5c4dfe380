using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Init;

/// <summary>User namespaces and their id mappings.</summary>
internal static class UserNamespaces
{
    private const string Spec = "config-linux.md#user-namespace-mappings";
    private const int Waiting = 1;

    /// <summary>Makes a user namespace with no process in it, for mounts.</summary>
    /// <exception cref="CrunException">The mappings are not allowed.</exception>
    public static SafeFileHandle Make(IdentityMap map, string operation)
    {
        SafeFileHandle? made = null;
        var plan = new StagePlan();
        plan.For(operation).Clone(CloneFlags.CLONE_NEWUSER, null);
        plan.Meet(Waiting);
        Run(plan, process =>
        {
            Write(process.Pid, map);
            made = FileAt.Open(null, process.PathOf("ns/user"), OpenFlags.O_RDONLY);
        });
        return made!;
    }

    /// <summary>The id mappings of a user namespace, with ids of ours on the host's side.</summary>
    public static IdentityMap MapOf(SafeFileHandle userNamespace)
    {
        IdentityMap? map = null;
        var plan = new StagePlan();
        plan.For("join the user namespace", "config-linux.md#namespaces").JoinNamespaces(userNamespace, CloneFlags.CLONE_NEWUSER);
        plan.Clone(0, null);
        plan.Meet(Waiting);
        Run(plan, process => map = IdentityMap.Parse(
            KernelFile.Read(null, process.PathOf("uid_map")), KernelFile.Read(null, process.PathOf("gid_map"))));
        return map!;
    }

    /// <summary>Gives a new user namespace its mappings.</summary>
    /// <param name="pid">A process in it.</param>
    /// <param name="map">The mappings.</param>
    /// <exception cref="CrunException">The kernel does not allow them.</exception>
    public static void Write(int pid, IdentityMap map)
    {
        // Without CAP_SETGID one's own group can be mapped when nobody in there can give up his groups; more need newgidmap.
        if (map.IsOnlyGroup(OpenFile.CreationOwner.Gid) && !CapabilitySet.OfThisProcess().Effective.Contains(Capability.CAP_SETGID))
            KernelFile.TryWrite(null, $"/proc/{pid}/setgroups", "deny");
        Write(pid, "gid_map", "newgidmap", map.GroupLines);
        Write(pid, "uid_map", "newuidmap", map.UserLines);
    }

    /// <summary>Whether this process's user namespace denies setgroups.</summary>
    public static bool DenyGroups() => KernelFile.TryRead(null, "/proc/self/setgroups")?.StartsWith("deny", StringComparison.Ordinal) == true;

    private static void Write(int pid, string file, string program, string lines)
    {
        if (lines.Length == 0) return;
        var errno = KernelFile.TryWrite(null, $"/proc/{pid}/{file}", lines);
        if (errno == Errno.None) return;
        if (errno == Errno.EPERM && ProgramPath(program) is { } path)
        {
            RunProgram(path, [program, pid.ToString(), .. lines.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries)]);
            return;
        }
        throw new CrunException(ErrorKind.System, "", "map ids", errno, $"write(/proc/{pid}/{file}, \"{lines.TrimEnd().ReplaceLineEndings("\\n")}\")", Spec);
    }

    private static string? ProgramPath(string name)
    {
        foreach (var directory in (ReadOnlySpan<string>)["/usr/bin/", "/bin/", "/usr/local/bin/"])
        {
            if (FileAt.TryStatus(null, directory + name, followLinks: true) is not null) return directory + name;
        }
        return null;
    }

    private static void RunProgram(string path, string[] arguments)
    {
        using var nothing = FileAt.Open(null, "/dev/null", OpenFlags.O_RDWR);
        using var output = MemoryFile.Create("output", []);
        using var process = ChildProcess.Start(path, arguments, [], nothing, output, output);
        if (process.Reap().Code == 0) return;
        var said = System.Text.Encoding.UTF8.GetString(MemoryFile.Read(output, 4096)).Trim().ReplaceLineEndings(" ");
        throw new CrunException(ErrorKind.System, $"{path}: {said}", "map ids", spec: Spec);
    }

    private static void Run(StagePlan plan, Action<PidHandle> action)
    {
        using var stage = Stage.Start(plan, null, null, null);
        using var process = stage.WaitForProcess();
        try
        {
            stage.WaitForEvent(Waiting);
            action(process);
        }
        finally
        {
            process.Send(Signal.SIGKILL.Number);
            process.Reap();
        }
    }
}
