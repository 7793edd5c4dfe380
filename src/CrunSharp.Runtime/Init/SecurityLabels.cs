using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Init;

/// <summary>What Linux security modules are told of a process.</summary>
internal static class SecurityLabels
{
    private const string Spec = "config.md#linux-process";

    /// <summary>Whether a process asks for any.</summary>
    public static bool AreAskedFor(ProcessSpec process) =>
        process.ApparmorProfile is { Length: > 0 } || process.SelinuxLabel is { Length: > 0 };

    /// <summary>Tells the kernel what the process becomes when it executes its program.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="process">The process.</param>
    /// <param name="procfs">A procfs in which nothing of the container can stand.</param>
    /// <exception cref="CrunException">The kernel has no such module.</exception>
    public static void Write(StagePlan plan, ProcessSpec process, StageValue procfs)
    {
        if (process.ApparmorProfile is { Length: > 0 } profile)
        {
            plan.For($"use the AppArmor profile {profile}", Spec);
            Write(plan, procfs, "thread-self/attr/apparmor/exec", "exec " + profile);
        }
        if (process.SelinuxLabel is { Length: > 0 } label)
        {
            plan.For($"use the SELinux label {label}", Spec);
            Write(plan, procfs, "thread-self/attr/exec", label);
        }
    }

    /// <summary>Refuses what the kernel cannot do.</summary>
    /// <exception cref="CrunException">The kernel has no such module.</exception>
    public static void Require(ProcessSpec process)
    {
        if (process.ApparmorProfile is { Length: > 0 } && KernelFile.TryRead(null, "/sys/module/apparmor/parameters/enabled")?.StartsWith('Y') != true)
            throw CrunException.Unsupported("an AppArmor profile is asked for, and this kernel has no AppArmor", spec: Spec);
        if (process.SelinuxLabel is { Length: > 0 }) RequireSelinux("selinuxLabel", Spec);
    }

    /// <summary>Refuses a label where there is no SELinux.</summary>
    /// <exception cref="CrunException">The kernel has no SELinux.</exception>
    public static void RequireSelinux(string property, string section)
    {
        if (FileAt.TryStatus(null, "/sys/fs/selinux/enforce") is null)
            throw CrunException.Unsupported($"a label of SELinux is asked for ({property}), and this host has no SELinux", spec: section);
    }

    private static void Write(StagePlan plan, StageValue procfs, string path, string text)
    {
        var file = plan.NewSlot();
        plan.OpenTrusted(procfs, path, Kernel.Libc.OpenFlags.O_WRONLY, file);
        plan.Write(file, Encoding.UTF8.GetBytes(text));
        plan.Close(file);
    }
}
