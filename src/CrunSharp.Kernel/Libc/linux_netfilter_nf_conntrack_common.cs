namespace CrunSharp.Kernel.Libc;

#pragma warning disable CS1591 // C's names, documented by C's manual
/// <summary>Status bits of a tracked connection.</summary>
/// <seealso href="https://docs.kernel.org/networking/netlink_spec/conntrack.html"/>
[CHeader("linux/netfilter/nf_conntrack_common.h")]
public static class IPS
{
    public const uint IPS_SRC_NAT = 0x10;
    public const uint IPS_DST_NAT = 0x20;
}
#pragma warning restore CS1591
