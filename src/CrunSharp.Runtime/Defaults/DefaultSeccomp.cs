using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Defaults;

/// <summary>The system call filter of a container that asks for no other (docs/decisions/0005).</summary>
/// <remarks>
/// What is known to be harmless is allowed, what is known to be dangerous fails with EPERM unless a granted capability
/// allows it, and what is newer than this list fails with ENOSYS, so that programs use what they used before.
/// </remarks>
public static partial class DefaultSeccomp
{
    // The namespace flags of clone: NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET.
    private const ulong NamespaceFlags = 0x7e020000;

    private const string Allow = "SCMP_ACT_ALLOW";
    private const string Refuse = "SCMP_ACT_ERRNO";

    private const ulong AF_ALG = 38;
    private const ulong AF_VSOCK = 40;

    // Linux; Linux with 16-bit uids; both with the machine name of 32-bit programs; and "what is it now?".
    private static ReadOnlySpan<ulong> Personalities => [0, 8, 0x20000, 0x20008, 0xffffffff];

    // Up to AF_MCTP. The kernel looks at the lower half of the argument only, so "greater than 40" would let a family
    // through that hides AF_ALG under set upper bits.
    private static ReadOnlySpan<ulong> LaterFamilies => [39, 41, 42, 43, 44, 45];

    /// <summary>The filter for a container with these capabilities.</summary>
    /// <param name="granted">The capabilities in its bounding set.</param>
    /// <param name="with32Bit">
    /// Whether 32-bit programs may run as well. A container of a 64-bit image has no use for the kernel's 32-bit entry,
    /// and its <c>socketcall</c> hides the address family from the filter.
    /// </param>
    public static SeccompSpec For(CapabilitySet granted, bool with32Bit = false)
    {
        var allowed = new List<string>(512);
        var refused = new List<string>(128);
        AddWords(allowed, Allowed);
        AddWords(refused, Refused);
        foreach (var (any, calls) in Gated) AddWords((granted & any) == CapabilitySet.Empty ? refused : allowed, calls);

        var rules = new List<SeccompRule>(32);
        // Of clone3 the flags are in memory that a filter cannot read: with ENOSYS the C library falls back to clone.
        if (granted.Contains(Capability.CAP_SYS_ADMIN)) AddWords(allowed, "clone clone3");
        else AddCloneRules(rules);
        foreach (var personality in Personalities) rules.Add(Rule(Allow, "personality", "SCMP_CMP_EQ", personality));
        rules.Add(Rule(Allow, "socket", "SCMP_CMP_LT", AF_ALG));
        foreach (var family in LaterFamilies) rules.Add(Rule(Allow, "socket", "SCMP_CMP_EQ", family));
        rules.Add(Rule(Refuse, "socket", "SCMP_CMP_EQ", AF_ALG));
        rules.Add(Rule(Refuse, "socket", "SCMP_CMP_EQ", AF_VSOCK));
        rules.Add(new SeccompRule { Names = allowed, Action = Allow });
        rules.Add(new SeccompRule { Names = refused, Action = Refuse, ErrnoRet = (uint)Errno.EPERM });
        return new SeccompSpec
        {
            DefaultAction = Refuse,
            DefaultErrnoRet = (uint)Errno.ENOSYS,
            Architectures = with32Bit ? ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"] : null,
            Syscalls = rules,
        };
    }

    private static void AddCloneRules(List<SeccompRule> rules)
    {
        rules.Add(Rule(Allow, "clone", "SCMP_CMP_MASKED_EQ", NamespaceFlags, 0));
        for (var rest = NamespaceFlags; rest != 0; rest &= rest - 1)
        {
            var flag = rest & ~(rest - 1);
            rules.Add(Rule(Refuse, "clone", "SCMP_CMP_MASKED_EQ", flag, flag));
        }
    }

    private static SeccompRule Rule(string action, string call, string op, ulong value, ulong valueTwo = 0) => new()
    {
        Names = [call],
        Action = action,
        ErrnoRet = action == Refuse ? (uint)Errno.EPERM : null,
        Args = [new SeccompArg { Index = 0, Op = op, Value = value, ValueTwo = valueTwo }],
    };

    private static void AddWords(List<string> words, ReadOnlySpan<char> text)
    {
        foreach (var range in text.SplitAny(' ', '\n'))
        {
            if (!text[range].IsEmpty) words.Add(text[range].ToString());
        }
    }
}
