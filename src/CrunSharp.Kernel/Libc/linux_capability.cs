namespace CrunSharp.Kernel.Libc;

[CHeader("linux/capability.h", "struct __user_cap_header_struct")]
internal struct __user_cap_header_struct
{
    public uint version;
    public int pid;
}

[CHeader("linux/capability.h", "struct __user_cap_data_struct")]
internal struct __user_cap_data_struct
{
    public uint effective;
    public uint permitted;
    public uint inheritable;
}

[CHeader("linux/capability.h")]
internal static class CAP
{
    public const uint _LINUX_CAPABILITY_VERSION_3 = 0x20080522;
}
