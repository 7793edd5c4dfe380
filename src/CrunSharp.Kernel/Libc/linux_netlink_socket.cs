namespace CrunSharp.Kernel.Libc;

[CHeader("linux/netlink.h", "struct sockaddr_nl")]
internal struct sockaddr_nl
{
    public ushort nl_family;
    private ushort nl_pad;
    public uint nl_pid;
    public uint nl_groups;
}

[CHeader("linux/netlink.h", "struct nlmsghdr")]
internal struct nlmsghdr
{
    public uint nlmsg_len;
    public ushort nlmsg_type;
    public ushort nlmsg_flags;
    public uint nlmsg_seq;
    public uint nlmsg_pid;
}

#pragma warning disable CS1591 // C's names, documented by C's manual
/// <summary>The parts of the kernel that netlink talks to.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/netlink.7.html"/>
[CHeader("linux/netlink.h")]
public enum NetlinkProtocol
{
    NETLINK_ROUTE = 0,
    NETLINK_NETFILTER = 12,
}
#pragma warning restore CS1591
