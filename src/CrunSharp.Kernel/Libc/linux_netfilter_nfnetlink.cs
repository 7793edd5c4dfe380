namespace CrunSharp.Kernel.Libc;

#pragma warning disable CS1591 // C's names, documented by C's manual
/// <summary>Subsystems of nfnetlink; a batch begins with NLMSG_MIN_TYPE and ends with the number after it.</summary>
/// <seealso href="https://docs.kernel.org/networking/netlink_spec/nftables.html"/>
[CHeader("linux/netfilter/nfnetlink.h")]
public static class NFNL
{
    public const ushort NFNL_SUBSYS_CTNETLINK = 1;
    public const ushort NFNL_SUBSYS_NFTABLES = 10;
    public const ushort NFNETLINK_V0 = 0;
}
#pragma warning restore CS1591
