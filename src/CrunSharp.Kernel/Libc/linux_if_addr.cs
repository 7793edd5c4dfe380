namespace CrunSharp.Kernel.Libc;

#pragma warning disable CS1591 // C's names, documented by C's manual
/// <summary>Attributes and flags of interface addresses.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/rtnetlink.7.html"/>
[CHeader("linux/if_addr.h")]
public static class IFA
{
    public const ushort IFA_ADDRESS = 1;
    public const ushort IFA_LOCAL = 2;
    public const ushort IFA_BROADCAST = 4;
    public const ushort IFA_FLAGS = 8;
    public const ushort IFA_F_NODAD = 0x2;
}
#pragma warning restore CS1591
