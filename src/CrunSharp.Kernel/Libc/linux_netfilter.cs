namespace CrunSharp.Kernel.Libc;

#pragma warning disable CS1591 // C's names, documented by C's manual
/// <summary>Words of netfilter.</summary>
/// <seealso href="https://docs.kernel.org/networking/netlink_spec/nftables.html"/>
[CHeader("linux/netfilter.h")]
public static class NF
{
    public const int NF_DROP = 0;
    public const int NF_ACCEPT = 1;
    public const int NFPROTO_INET = 1;
    public const int NFPROTO_IPV4 = 2;
    public const int NFPROTO_IPV6 = 10;
    public const int NF_INET_PRE_ROUTING = 0;
    public const int NF_INET_LOCAL_IN = 1;
    public const int NF_INET_FORWARD = 2;
    public const int NF_INET_LOCAL_OUT = 3;
    public const int NF_INET_POST_ROUTING = 4;
}
#pragma warning restore CS1591
