using CrunSharp.Kernel.Files;

namespace CrunSharp.Storage.Tar;

/// <summary>What an entry of a tar is.</summary>
public enum TarKind
{
    /// <summary>A regular file.</summary>
    File,

    /// <summary>Another name of an entry before it.</summary>
    HardLink,

    /// <summary>A symbolic link.</summary>
    SymbolicLink,

    /// <summary>A character device.</summary>
    CharacterDevice,

    /// <summary>A block device.</summary>
    BlockDevice,

    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A named pipe.</summary>
    Fifo,
}

/// <summary>An extended attribute.</summary>
/// <param name="Name">The whole name, such as <c>user.note</c>.</param>
/// <param name="Value">The value's bytes.</param>
public readonly record struct TarAttribute(string Name, ReadOnlyMemory<byte> Value);

/// <summary>A part of a sparse file that is stored; what is between the parts is zeros.</summary>
/// <param name="Offset">Where it is in the file.</param>
/// <param name="Length">How long it is.</param>
public readonly record struct SparsePart(long Offset, long Length);

/// <summary>What a tar tells of one file.</summary>
/// <remarks>Names are as <see cref="PathEncoding"/> has them, and as the tar has them: hostile until they are checked.</remarks>
public sealed record TarEntry
{
    /// <summary>The path.</summary>
    public required string Name { get; init; }

    /// <summary>What it is.</summary>
    public required TarKind Kind { get; init; }

    /// <summary>What a symbolic link says, or the path of the entry that a hard link is another name of.</summary>
    public string Target { get; init; } = "";

    /// <summary>Permissions with set-user-id, set-group-id and sticky bits: 0 to 07777.</summary>
    public uint Mode { get; init; }

    /// <summary>The owner, 0 to 2³¹-1.</summary>
    public uint Uid { get; init; }

    /// <summary>The group, 0 to 2³¹-1.</summary>
    public uint Gid { get; init; }

    /// <summary>The size of a regular file, holes included; 0 for all else.</summary>
    public long Size { get; init; }

    /// <summary>When the content last changed.</summary>
    public FileTime Modified { get; init; }

    /// <summary>A device's major number.</summary>
    public uint DeviceMajor { get; init; }

    /// <summary>A device's minor number.</summary>
    public uint DeviceMinor { get; init; }

    /// <summary>Extended attributes.</summary>
    public IReadOnlyList<TarAttribute> Attributes { get; init; } = [];

    /// <summary>The parts of a sparse file that are stored, in order; null when all of it is.</summary>
    public IReadOnlyList<SparsePart>? Sparse { get; init; }

    /// <summary>How many bytes of content follow in the tar.</summary>
    internal long Stored { get; init; }
}
