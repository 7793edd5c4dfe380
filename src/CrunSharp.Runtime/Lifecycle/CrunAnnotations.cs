using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Seccomp;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>Annotations of crun's by which engines ask for what the specification has no word for.</summary>
/// <seealso href="https://github.com/containers/crun/blob/main/crun.1.md"/>
internal static class CrunAnnotations
{
    /// <summary><c>run.oci.keep_original_groups</c>: whether processes keep the groups of their maker; podman's <c>--group-add keep-groups</c>.</summary>
    public static bool KeepsGroups(IReadOnlyDictionary<string, string>? annotations) => Find(annotations, "run.oci.keep_original_groups") == "1";

    /// <summary><c>run.oci.pidfd_receiver</c>: a socket that gets the pidfd of the first process; null for none.</summary>
    public static string? PidfdReceiver(IReadOnlyDictionary<string, string>? annotations) => Find(annotations, "run.oci.pidfd_receiver");

    /// <summary><c>run.oci.seccomp_fail_unknown_syscall</c>: refuses a filter with a system call that is not known.</summary>
    /// <exception cref="Oci.CrunException">The filter has one.</exception>
    public static void Check(RuntimeSpec spec)
    {
        if (Find(spec.Annotations, "run.oci.seccomp_fail_unknown_syscall") is null or "0" || spec.Linux?.Seccomp is not { } seccomp) return;
        foreach (var rule in seccomp.Syscalls ?? [])
        {
            foreach (var name in rule.Names)
            {
                if (!Enum.GetValues<SyscallAbi>().Any(abi => SyscallTable.Number(abi, name) >= 0))
                    throw SeccompWords.Invalid($"the system call \"{name}\" is not known");
            }
        }
    }

    private static string? Find(IReadOnlyDictionary<string, string>? annotations, string name) => annotations?.GetValueOrDefault(name);
}
