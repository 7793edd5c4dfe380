using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Seccomp;

/// <summary>Makes the kernel's program of a specification's system call filter (docs/decisions/0006).</summary>
/// <remarks>
/// The number of a call is looked up by a binary search over ranges with the same verdict. A rule without conditions
/// wins over all others of its call, as with libseccomp; then the first whose conditions hold; then the default. A call
/// of an architecture that the specification does not name ends the process.
/// </remarks>
public static class FilterCompiler
{
    private const int NumberOffset = 0;
    private const int ArchitectureOffset = 4;

    /// <summary>Compiles a filter for this machine. Names of calls that are not known are ignored.</summary>
    /// <exception cref="CrunException">A word of the specification is not known or does not fit.</exception>
    public static SeccompFilter Compile(SeccompSpec spec) => Compile(spec, SyscallTable.Native);

    internal static SeccompFilter Compile(SeccompSpec spec, SyscallAbi native)
    {
        var defaultVerdict = SeccompWords.Verdict(spec.DefaultAction, spec.DefaultErrnoRet);
        if (defaultVerdict == SECCOMP.SECCOMP_RET_USER_NOTIF) throw SeccompWords.Invalid("SCMP_ACT_NOTIFY cannot be the default action");
        var abis = Abis(spec, native);
        var rules = Rules(spec, defaultVerdict);
        var program = new BpfProgram();
        var start = BpfTarget.Return(SECCOMP.SECCOMP_RET_KILL_PROCESS);
        var done = new HashSet<AuditArchitecture>();
        // Backwards, so that the test for 64-bit programs comes first.
        for (var i = abis.Count - 1; i >= 0; i--)
        {
            var architecture = SyscallTable.Architecture(abis[i]);
            if (!done.Add(architecture)) continue;
            var ranges = new CallRanges(defaultVerdict);
            foreach (var abi in abis)
            {
                if (SyscallTable.Architecture(abi) == architecture) ranges.Add(abi, rules);
            }
            if (architecture == AuditArchitecture.AUDIT_ARCH_X86_64) ranges.RefuseMissing(abis);
            var section = program.Load(NumberOffset, ranges.Write(program));
            start = program.Jump(BPF.BPF_JEQ, (uint)architecture, section, start);
        }
        return new SeccompFilter(program.Finish(program.Load(ArchitectureOffset, start)), Flags(spec, rules));
    }

    private static List<SyscallAbi> Abis(SeccompSpec spec, SyscallAbi native)
    {
        var abis = new List<SyscallAbi> { native };
        foreach (var architecture in spec.Architectures ?? [])
        {
            if (SeccompWords.Abi(architecture) is { } abi && SyscallTable.IsBeside(native, abi) && !abis.Contains(abi)) abis.Add(abi);
        }
        return abis;
    }

    private static List<NamedRule> Rules(SeccompSpec spec, uint defaultVerdict)
    {
        var rules = new List<NamedRule>();
        foreach (var rule in spec.Syscalls ?? [])
        {
            if (rule.Names.Count == 0) throw SeccompWords.Invalid("a rule has no names");
            var verdict = SeccompWords.Verdict(rule.Action, rule.ErrnoRet);
            if (verdict == SECCOMP.SECCOMP_RET_USER_NOTIF && rule.Names.Contains("write"))
                throw SeccompWords.Invalid("SCMP_ACT_NOTIFY cannot be used for write, by which the listener is handed over");
            foreach (var alternative in ArgumentRule.From(verdict, rule.Args))
            {
                // A rule that says what the default says adds nothing.
                if (verdict != defaultVerdict) rules.Add(new NamedRule(rule.Names, alternative));
            }
        }
        return rules;
    }

    private static SeccompFilterFlags Flags(SeccompSpec spec, List<NamedRule> rules)
    {
        var flags = default(SeccompFilterFlags);
        foreach (var flag in spec.Flags ?? []) flags |= SeccompWords.Flag(flag);
        var notifies = rules.Exists(rule => rule.Rule.Verdict == SECCOMP.SECCOMP_RET_USER_NOTIF);
        if (notifies)
        {
            flags |= SeccompFilterFlags.SECCOMP_FILTER_FLAG_NEW_LISTENER;
            // seccomp returns either the listener or the thread that could not be changed.
            if ((flags & SeccompFilterFlags.SECCOMP_FILTER_FLAG_TSYNC) != 0) flags |= SeccompFilterFlags.SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
        }
        else
        {
            // Linux 5.19: an error without a listener.
            flags &= ~SeccompFilterFlags.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
        }
        return flags;
    }
}

/// <summary>A rule and the calls that it is for.</summary>
internal sealed record NamedRule(IReadOnlyList<string> Names, ArgumentRule Rule);
