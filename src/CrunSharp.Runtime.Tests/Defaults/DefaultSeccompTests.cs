using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Runtime.Defaults;
using CrunSharp.Runtime.Seccomp;
using CrunSharp.Runtime.Tests.Seccomp;

namespace CrunSharp.Runtime.Tests.Defaults;

public class DefaultSeccompTests
{
    private const uint Allow = SECCOMP.SECCOMP_RET_ALLOW;
    private const uint Refuse = SECCOMP.SECCOMP_RET_ERRNO | (uint)Errno.EPERM;
    private const uint Missing = SECCOMP.SECCOMP_RET_ERRNO | (uint)Errno.ENOSYS;

    // Names with a number that no kernel since Linux 2.6 has code for.
    private static readonly string[] NeverThere =
    [
        "afs_syscall", "break", "ftime", "getpmsg", "gtty", "idle", "lock", "mpx", "prof", "profil", "putpmsg", "security",
        "stty", "tuxcall", "ulimit", "vserver",
    ];

    private static uint Verdict(CapabilitySet granted, string name, params ReadOnlySpan<ulong> args) =>
        BpfInterpreter.Run(FilterCompiler.Compile(DefaultSeccomp.For(granted), SyscallAbi.X86_64).Program.Span,
            AuditArchitecture.AUDIT_ARCH_X86_64, (uint)SyscallTable.Number(SyscallAbi.X86_64, name), args);

    [TestCase("mount", null, Refuse)]
    [TestCase("mount", "SYS_ADMIN", Allow)]
    [TestCase("unshare", null, Refuse)]
    [TestCase("clone3", null, Missing)]
    [TestCase("clone3", "SYS_ADMIN", Allow)]
    [TestCase("io_uring_setup", "ALL", Refuse)]
    [TestCase("keyctl", "ALL", Refuse)]
    [TestCase("userfaultfd", "ALL", Refuse)]
    [TestCase("kexec_load", "ALL", Refuse)]
    [TestCase("bpf", null, Refuse)]
    [TestCase("bpf", "BPF", Allow)]
    [TestCase("bpf", "SYS_ADMIN", Allow)]
    [TestCase("chroot", null, Refuse)]
    [TestCase("chroot", "SYS_CHROOT", Allow)]
    [TestCase("vserver", null, Missing)]
    [TestCase("futex_waitv", null, Allow)]
    public void A_call_is_allowed_by_its_capability(string name, string? capability, uint verdict) =>
        Assert.That(Verdict(capability is null ? CapabilitySet.Empty : CapabilitySet.Parse(capability), name), Is.EqualTo(verdict));

    [TestCase(0x11UL, Allow)]
    [TestCase(0x00020000UL, Refuse)]
    [TestCase(0x02000000UL, Refuse)]
    [TestCase(0x04000000UL, Refuse)]
    [TestCase(0x08000000UL, Refuse)]
    [TestCase(0x10000000UL, Refuse)]
    [TestCase(0x20000011UL, Refuse)]
    [TestCase(0x40000000UL, Refuse)]
    [TestCase(0xffffffff_50000000UL, Refuse)]
    public void Clone_makes_no_namespace(ulong flags, uint verdict) =>
        Assert.That(Verdict(DefaultCapabilities.Set, "clone", flags), Is.EqualTo(verdict));

    [TestCase(0x20008UL, Allow)]
    [TestCase(0xffffffffUL, Allow)]
    [TestCase(0x0040000UL, Missing)]
    public void Only_harmless_personalities_are_taken(ulong personality, uint verdict) =>
        Assert.That(Verdict(CapabilitySet.All, "personality", personality), Is.EqualTo(verdict));

    [Test]
    public void Every_call_has_its_place_in_the_table()
    {
        var rules = DefaultSeccomp.For(CapabilitySet.Empty).Syscalls!;
        string[] conditional = ["clone", "personality", "socket"];
        var unconditional = rules.Where(rule => rule.Args is null).SelectMany(rule => rule.Names).ToList();
        var named = unconditional.Concat(NeverThere).Concat(conditional).Append("clone3").ToHashSet();
        var placed = Enum.GetValues<SyscallAbi>().ToDictionary(abi => abi, abi => named.Select(name => SyscallTable.Number(abi, name)).ToHashSet());
        Assert.Multiple(() =>
        {
            Assert.That(unconditional, Is.Unique);
            Assert.That(unconditional, Has.All.Matches<string>(name => Enum.GetValues<SyscallAbi>().Any(abi => SyscallTable.Number(abi, name!) >= 0)));
            // The unified numbers since Linux 5.0.
            foreach (var (abi, numbers) in placed)
                Assert.That(Enumerable.Range(424, 46).Select(n => abi == SyscallAbi.X32 ? n | SyscallTable.X32Bit : n).Except(numbers).ToList(), Has.Count.LessThanOrEqualTo(2), abi.ToString());
            // Every number of 64-bit programs; 335 and 336 came late, and 337 to 423 were left out.
            Assert.That(Enumerable.Range(0, 337).Except(placed[SyscallAbi.X86_64]), Is.Empty);
        });
    }
}
