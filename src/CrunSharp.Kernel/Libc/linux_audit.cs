namespace CrunSharp.Kernel.Libc;

#pragma warning disable CS1591 // C's names
/// <summary>Names of architectures as seccomp has them.</summary>
[CHeader("linux/audit.h")]
public enum AuditArchitecture : uint
{
    AUDIT_ARCH_X86_64 = 0xc000003e,
    AUDIT_ARCH_I386 = 0x40000003,
    AUDIT_ARCH_AARCH64 = 0xc00000b7,
    AUDIT_ARCH_ARM = 0x40000028,
}
