namespace CrunSharp.Kernel.Libc;

#pragma warning disable CS1591 // C's names, documented by C's manual
/// <summary>Attributes of a virtual Ethernet pair.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man4/veth.4.html"/>
[CHeader("linux/veth.h")]
public static class VETH
{
    public const ushort VETH_INFO_PEER = 1;
}
#pragma warning restore CS1591
