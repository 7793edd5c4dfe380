namespace CrunSharp.Kernel.Libc;

#pragma warning disable CS1591 // C's names, documented by C's manual
/// <summary>The settings of <c>/proc/sys/net/ipv4/conf/IF</c> as netlink numbers them.</summary>
/// <seealso href="https://docs.kernel.org/networking/ip-sysctl.html"/>
[CHeader("linux/ip.h")]
public static class IPV4_DEVCONF
{
    public const ushort IPV4_DEVCONF_FORWARDING = 1;
    public const ushort IPV4_DEVCONF_RP_FILTER = 8;
    public const ushort IPV4_DEVCONF_ARP_NOTIFY = 22;
    public const ushort IPV4_DEVCONF_ROUTE_LOCALNET = 26;
}
#pragma warning restore CS1591
