namespace CrunSharp.Kernel.Libc;

#pragma warning disable CS1591 // C's names, documented by C's manual
/// <summary>Attributes of network interfaces.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/rtnetlink.7.html"/>
[CHeader("linux/if_link.h")]
public static class IFLA
{
    public const ushort IFLA_ADDRESS = 1;
    public const ushort IFLA_IFNAME = 3;
    public const ushort IFLA_MTU = 4;
    public const ushort IFLA_LINK = 5;
    public const ushort IFLA_MASTER = 10;
    public const ushort IFLA_LINKINFO = 18;
    public const ushort IFLA_NET_NS_PID = 19;
    public const ushort IFLA_AF_SPEC = 26;
    public const ushort IFLA_GROUP = 27;
    public const ushort IFLA_NET_NS_FD = 28;
    public const ushort IFLA_EXT_MASK = 29;
    public const ushort IFLA_INFO_KIND = 1;
    public const ushort IFLA_INFO_DATA = 2;
    public const ushort IFLA_INFO_SLAVE_KIND = 4;
    public const ushort IFLA_INFO_SLAVE_DATA = 5;
    public const ushort IFLA_BRPORT_MODE = 4;
    public const ushort IFLA_INET_CONF = 1;
    public const ushort IFLA_OPERSTATE = 16;
    public const ushort IFLA_INET6_ADDR_GEN_MODE = 8;
    public const ushort IN6_ADDR_GEN_MODE_NONE = 1;
}
#pragma warning restore CS1591
