
namespace CrunSharp.Kernel.Libc;

[CHeader("linux/mount.h", "struct mount_attr")]
internal struct mount_attr
{
    public ulong attr_set;
    public ulong attr_clr;
    public ulong propagation;
    public ulong userns_fd;
}

#pragma warning disable CS1591 // C's names, documented by C's manual
/// <summary>Attributes of a mount.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/mount_setattr.2.html"/>
[Flags, CHeader("linux/mount.h")]
public enum MountAttributes : ulong
{
    None = 0,
    MOUNT_ATTR_RDONLY = 0x1,
    MOUNT_ATTR_NOSUID = 0x2,
    MOUNT_ATTR_NODEV = 0x4,
    MOUNT_ATTR_NOEXEC = 0x8,
    MOUNT_ATTR_NOATIME = 0x10,
    MOUNT_ATTR_STRICTATIME = 0x20,
    MOUNT_ATTR__ATIME = 0x70,
    MOUNT_ATTR_NODIRATIME = 0x80,
    MOUNT_ATTR_IDMAP = 0x100000,
    MOUNT_ATTR_NOSYMFOLLOW = 0x200000,
}

/// <summary>How a mount takes part in mounts and unmounts elsewhere.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/mount_namespaces.7.html"/>
[CHeader("sys/mount.h")]
public enum MountPropagation : ulong
{
    None = 0,
    MS_UNBINDABLE = 0x20000,
    MS_PRIVATE = 0x40000,
    MS_SLAVE = 0x80000,
    MS_SHARED = 0x100000,
}
#pragma warning restore CS1591

[CHeader("linux/mount.h")]
internal static class MOUNT
{
    public const int FSPICK_CLOEXEC = 1;
    public const int OPEN_TREE_CLONE = 1;
    public const int MOVE_MOUNT_F_EMPTY_PATH = 0x4;
    public const int MOVE_MOUNT_T_EMPTY_PATH = 0x40;
    public const int FSOPEN_CLOEXEC = 1;
    public const int FSMOUNT_CLOEXEC = 1;
    public const int FSCONFIG_SET_FLAG = 0;
    public const int FSCONFIG_SET_STRING = 1;
    public const int FSCONFIG_SET_FD = 5;
    public const int FSCONFIG_CMD_CREATE = 6;
}
