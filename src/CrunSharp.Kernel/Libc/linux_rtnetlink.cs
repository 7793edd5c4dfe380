namespace CrunSharp.Kernel.Libc;

#pragma warning disable CS1591 // C's names, documented by C's manual
/// <summary>Messages of rtnetlink.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/rtnetlink.7.html"/>
[CHeader("linux/rtnetlink.h")]
public static class RTM
{
    public const ushort RTM_NEWLINK = 16;
    public const ushort RTM_DELLINK = 17;
    public const ushort RTM_GETLINK = 18;
    public const ushort RTM_SETLINK = 19;
    public const ushort RTM_NEWADDR = 20;
    public const ushort RTM_DELADDR = 21;
    public const ushort RTM_GETADDR = 22;
    public const ushort RTM_NEWROUTE = 24;
    public const ushort RTM_DELROUTE = 25;
    public const ushort RTM_GETROUTE = 26;
}
#pragma warning restore CS1591

#pragma warning disable CS1591 // C's names, documented by C's manual
/// <summary>Attributes and words of route messages.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/rtnetlink.7.html"/>
[CHeader("linux/rtnetlink.h")]
public static class RTA
{
    public const ushort RTA_DST = 1;
    public const ushort RTA_OIF = 4;
    public const ushort RTA_GATEWAY = 5;
    public const ushort RTA_PRIORITY = 6;
    public const ushort RTA_METRICS = 8;
    public const ushort RTA_TABLE = 15;
    public const ushort RTA_MULTIPATH = 9;
    public const ushort RT_TABLE_MAIN = 254;
    public const ushort RT_TABLE_LOCAL = 255;
    public const ushort RTPROT_BOOT = 3;
    public const ushort RTPROT_STATIC = 4;
    public const ushort RT_SCOPE_UNIVERSE = 0;
    public const ushort RT_SCOPE_LINK = 253;
    public const ushort RTN_UNICAST = 1;
    public const ushort RTN_LOCAL = 2;
    public const ushort RTN_BROADCAST = 3;
    public const ushort RTN_BLACKHOLE = 6;
    public const ushort RTN_UNREACHABLE = 7;
    public const ushort RTN_PROHIBIT = 8;
    public const ushort RTN_THROW = 9;
    public const ushort RTEXT_FILTER_SKIP_STATS = 8;
}
#pragma warning restore CS1591
