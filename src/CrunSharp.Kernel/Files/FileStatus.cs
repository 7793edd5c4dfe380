namespace CrunSharp.Kernel.Files;

/// <summary>What kind of file a file is.</summary>
public enum FileKind
{
    /// <summary>None of the others.</summary>
    Unknown,

    /// <summary>A regular file.</summary>
    Regular,

    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A symbolic link.</summary>
    SymbolicLink,

    /// <summary>A character device.</summary>
    CharacterDevice,

    /// <summary>A block device.</summary>
    BlockDevice,

    /// <summary>A named pipe.</summary>
    Fifo,

    /// <summary>A socket.</summary>
    Socket,
}

/// <summary>A point in time as file systems keep it.</summary>
/// <param name="Seconds">Seconds since 1970.</param>
/// <param name="Nanoseconds">0 to 999,999,999.</param>
public readonly record struct FileTime(long Seconds, uint Nanoseconds);

/// <summary>What statx tells of a file.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/statx.2.html"/>
public readonly record struct FileStatus
{
    /// <summary>What kind of file it is.</summary>
    public FileKind Kind { get; init; }

    /// <summary>Permissions with set-user-id, set-group-id and sticky bits: 0 to 07777.</summary>
    public uint Mode { get; init; }

    /// <summary>The owner.</summary>
    public uint Uid { get; init; }

    /// <summary>The group.</summary>
    public uint Gid { get; init; }

    /// <summary>The size in bytes.</summary>
    public long Size { get; init; }

    /// <summary>Blocks of 512 bytes that are allocated.</summary>
    public long Blocks { get; init; }

    /// <summary>The number of names.</summary>
    public uint Links { get; init; }

    /// <summary>The file system's device number.</summary>
    public ulong Device { get; init; }

    /// <summary>The inode's number.</summary>
    public ulong Inode { get; init; }

    /// <summary>A device node's major number.</summary>
    public uint RdevMajor { get; init; }

    /// <summary>A device node's minor number.</summary>
    public uint RdevMinor { get; init; }

    /// <summary>When the content last changed.</summary>
    public FileTime Modified { get; init; }

    /// <summary>When the inode last changed.</summary>
    public FileTime Changed { get; init; }

    /// <summary>The id of the mount it is reached through.</summary>
    public ulong MountId { get; init; }

    /// <summary>Whether it is a character device 0:0, which is overlayfs's whiteout.</summary>
    public bool IsWhiteout => Kind == FileKind.CharacterDevice && RdevMajor == 0 && RdevMinor == 0;
}
