using System.Globalization;
using System.Numerics;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Processes;

/// <summary>A set of capabilities.</summary>
/// <param name="Mask">Bit n is capability n, as capset and <c>/proc/PID/status</c> have it.</param>
/// <seealso href="https://man7.org/linux/man-pages/man7/capabilities.7.html"/>
public readonly record struct CapabilitySet(ulong Mask)
{
    private static readonly string[] Names =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
        "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE",
        "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE",
        "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT",
        "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE",
        "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN",
        "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
        "CAP_CHECKPOINT_RESTORE",
    ];

    /// <summary>None.</summary>
    public static CapabilitySet Empty => default;

    /// <summary>All that have a name here, whether or not the running kernel has them.</summary>
    public static CapabilitySet All => new((1UL << Names.Length) - 1);

    /// <summary>How many.</summary>
    public int Count => BitOperations.PopCount(Mask);

    /// <summary>The set of these.</summary>
    public static CapabilitySet Of(params ReadOnlySpan<Capability> capabilities)
    {
        var mask = 0UL;
        foreach (var capability in capabilities) mask |= 1UL << (int)capability;
        return new CapabilitySet(mask);
    }

    /// <summary>Whether a capability is in it.</summary>
    public bool Contains(Capability capability) => (Mask >> (int)capability & 1) != 0;

    /// <summary>What is in either.</summary>
    public static CapabilitySet operator |(CapabilitySet left, CapabilitySet right) => new(left.Mask | right.Mask);

    /// <summary>What is in both.</summary>
    public static CapabilitySet operator &(CapabilitySet left, CapabilitySet right) => new(left.Mask & right.Mask);

    /// <summary>What is in the first and not in the second.</summary>
    public static CapabilitySet operator -(CapabilitySet left, CapabilitySet right) => new(left.Mask & ~right.Mask);

    /// <summary>Reads <c>CAP_CHOWN</c>, <c>chown</c> in any case, or <c>ALL</c>.</summary>
    /// <exception cref="CrunException">There is no such capability.</exception>
    public static CapabilitySet Parse(string text) =>
        TryParse(text, out var set) ? set : throw CrunException.Invalid($"\"{text}\" is no capability");

    /// <summary>As <see cref="Parse"/>; false when there is no such capability.</summary>
    public static bool TryParse(string? text, out CapabilitySet set)
    {
        set = default;
        if (text is null) return false;
        if (text.Equals("ALL", StringComparison.OrdinalIgnoreCase))
        {
            set = All;
            return true;
        }
        var name = text.StartsWith("CAP_", StringComparison.OrdinalIgnoreCase) ? text.AsSpan(4) : text;
        for (var i = 0; i < Names.Length; i++)
        {
            if (!name.Equals(Names[i].AsSpan(4), StringComparison.OrdinalIgnoreCase)) continue;
            set = new CapabilitySet(1UL << i);
            return true;
        }
        return false;
    }

    /// <summary>
    /// The set of some names; a name that is not known is put in <paramref name="unknown"/>, since the specification
    /// asks to go on without it.
    /// </summary>
    /// <param name="names">Names as <see cref="Parse"/> reads them; null is none.</param>
    /// <param name="unknown">Gets the names that are no capabilities.</param>
    public static CapabilitySet FromNames(IEnumerable<string>? names, ICollection<string>? unknown = null)
    {
        var set = Empty;
        foreach (var name in names ?? [])
        {
            if (TryParse(name, out var one)) set |= one;
            else unknown?.Add(name);
        }
        return set;
    }

    /// <summary>Its names in the order of their numbers: <c>CAP_CHOWN</c> and so on.</summary>
    public IReadOnlyList<string> ToNames()
    {
        var names = new List<string>(Count);
        for (var i = 0; i < 64; i++)
        {
            if ((Mask >> i & 1) == 0) continue;
            names.Add(i < Names.Length ? Names[i] : i.ToString(CultureInfo.InvariantCulture));
        }
        return names;
    }

    /// <summary>Its names with commas between them.</summary>
    public override string ToString() => string.Join(',', ToNames());

    /// <summary>The five sets that the calling thread has now.</summary>
    /// <remarks>By capget and prctl: procfs is not needed.</remarks>
    /// <exception cref="CrunException">The kernel is older than capabilities of 64 bits (Linux 2.6.26).</exception>
    public static unsafe ProcessCapabilities OfThisProcess()
    {
        var header = new __user_cap_header_struct { version = CAP._LINUX_CAPABILITY_VERSION_3 };
        var data = stackalloc __user_cap_data_struct[2];
        if (C.syscall_raw(NR_OLD.__NR_capget, (nint)(&header), (nint)data, 0, 0, 0, 0) != 0)
            throw SystemCall.Failure("read the capabilities", "capget(_LINUX_CAPABILITY_VERSION_3, 0)");
        var permitted = new CapabilitySet(data[0].permitted | (ulong)data[1].permitted << 32);
        var inheritable = new CapabilitySet(data[0].inheritable | (ulong)data[1].inheritable << 32);
        return new ProcessCapabilities
        {
            Inheritable = inheritable,
            Permitted = permitted,
            Effective = new CapabilitySet(data[0].effective | (ulong)data[1].effective << 32),
            Bounding = Asked(All.Mask, PR.PR_CAPBSET_READ),
            Ambient = Asked((permitted & inheritable).Mask, PR.PR_CAP_AMBIENT, PR.PR_CAP_AMBIENT_IS_SET),
        };
    }

    // The answer is 1, 0, or for a capability that the kernel does not have an error.
    private static CapabilitySet Asked(ulong mask, int option, int? suboption = null)
    {
        var set = 0UL;
        for (var capability = 0; mask >> capability != 0; capability++)
        {
            if ((mask >> capability & 1) == 0) continue;
            if (C.syscall_raw(NR_OLD.__NR_prctl, option, suboption ?? capability, suboption is null ? 0 : capability, 0, 0, 0) == 1) set |= 1UL << capability;
        }
        return new CapabilitySet(set);
    }
}

/// <summary>The five sets of capabilities that a process has.</summary>
public readonly record struct ProcessCapabilities
{
    /// <summary>What execve can ever give; what the running kernel does not have is never in it.</summary>
    public CapabilitySet Bounding { get; init; }

    /// <summary>What may be made effective.</summary>
    public CapabilitySet Permitted { get; init; }

    /// <summary>What the kernel checks.</summary>
    public CapabilitySet Effective { get; init; }

    /// <summary>What is kept across execve together with a file's own.</summary>
    public CapabilitySet Inheritable { get; init; }

    /// <summary>What is kept across the execve of a program without capabilities of its own.</summary>
    public CapabilitySet Ambient { get; init; }
}
