using System.Text;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Init;

/// <summary>The kernel parameters that a container may set: those of its own namespaces.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#sysctl"/>
internal static class KernelParameters
{
    private const string Spec = "config-linux.md#sysctl";

    private static readonly string[] OfIpc =
        ["kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced"];

    /// <summary>Whether a container needs <see cref="OpenProcfs"/>.</summary>
    public static bool NeedsProcfs(RuntimeSpec spec) =>
        spec.Linux?.Sysctl is { Count: > 0 } || (spec.Process is { } process && SecurityLabels.AreAskedFor(process));

    /// <summary>Opens a procfs in which nothing of the container can stand: one that is mounted nowhere, or the host's.</summary>
    public static StageValue OpenProcfs(StagePlan plan)
    {
        var (fileSystem, proc, refused, done) = (plan.NewSlot(), plan.NewSlot(), new StageLabel(), new StageLabel());
        plan.For("open procfs", Spec).OpenFileSystem("proc", fileSystem).Tolerating([Errno.EPERM], refused);
        plan.Create(fileSystem).Tolerating([Errno.EPERM], refused);
        plan.Mount(fileSystem, MountAttributes.MOUNT_ATTR_NOSUID | MountAttributes.MOUNT_ATTR_NODEV | MountAttributes.MOUNT_ATTR_NOEXEC, proc)
            .Tolerating([Errno.EPERM], refused);
        plan.Close(fileSystem);
        plan.GoTo(done);
        plan.Place(refused);
        plan.OpenTrusted(-100, "/proc", OpenFlags.O_PATH | OpenFlags.O_DIRECTORY, proc);
        plan.Place(done);
        return proc;
    }

    /// <summary>Sets them.</summary>
    /// <exception cref="CrunException">One is not of a namespace that the container has for itself.</exception>
    public static void Write(StagePlan plan, LinuxSpec linux, ContainerNamespaces namespaces, StageValue procfs)
    {
        foreach (var (key, value) in linux.Sysctl ?? new Dictionary<string, string>())
        {
            var file = plan.NewSlot();
            plan.For($"set {key}", Spec);
            plan.Open(procfs, PathOf(key, namespaces.Own), OpenFlags.O_WRONLY, StageResolve.WithoutLinks, file);
            plan.Write(file, Encoding.UTF8.GetBytes(value ?? ""));
            plan.Close(file);
        }
    }

    /// <summary>A parameter's path below <c>/proc</c>.</summary>
    /// <exception cref="CrunException">It is not of a namespace that the container has for itself.</exception>
    public static string PathOf(string key, CloneFlags own)
    {
        // sysctl(8) takes a.b/c for a file name with a dot and a/b.c as well; the first separator decides.
        var path = key.AsSpan().IndexOfAny('.', '/') is var first and >= 0 && key[first] == '.'
            ? string.Create(key.Length, key, static (to, from) =>
            {
                for (var i = 0; i < from.Length; i++) to[i] = from[i] switch { '.' => '/', '/' => '.', var other => other };
            })
            : key;
        if (!IsAllowed(path, own))
            throw CrunException.Invalid($"sysctl \"{key}\" is not in a separate kernel namespace", spec: Spec);
        return "sys/" + path;
    }

    private static bool IsAllowed(string path, CloneFlags own)
    {
        foreach (var part in path.Split('/'))
        {
            if (part is "" or "." or ".." || !part.All(static c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.')) return false;
        }
        if (path.StartsWith("net/", StringComparison.Ordinal)) return own.HasFlag(CloneFlags.CLONE_NEWNET);
        if (path.StartsWith("fs/mqueue/", StringComparison.Ordinal) || OfIpc.Contains(path)) return own.HasFlag(CloneFlags.CLONE_NEWIPC);
        return path is "kernel/hostname" or "kernel/domainname" && own.HasFlag(CloneFlags.CLONE_NEWUTS);
    }
}
