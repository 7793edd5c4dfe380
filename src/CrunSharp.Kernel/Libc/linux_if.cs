namespace CrunSharp.Kernel.Libc;

#pragma warning disable CS1591 // C's names, documented by C's manual
/// <summary>Flags of network interfaces.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/netdevice.7.html"/>
[CHeader("linux/if.h")]
public static class IFF
{
    public const uint IFF_UP = 1;
    public const uint IFF_LOOPBACK = 8;
    public const uint IFNAMSIZ = 16;
    public const uint IF_OPER_UP = 6;
}
#pragma warning restore CS1591
