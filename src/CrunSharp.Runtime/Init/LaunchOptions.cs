using CrunSharp.Kernel.Libc;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Init;

/// <summary>Points at which a container's process can wait on its way.</summary>
[Flags]
public enum LaunchPoints
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The namespaces are made, nothing is mounted.</summary>
    NamespacesMade = 2,

    /// <summary>All is mounted, and the root directory still the host's.</summary>
    MountsMade = 4,
}

/// <summary>What a start needs beside the specification's document.</summary>
public sealed record LaunchOptions
{
    /// <summary>The directory of the cgroup that the process is born in.</summary>
    public SafeFileHandle? Cgroup { get; init; }

    /// <summary>Whether an init of ours is the first process, which forwards signals and reaps.</summary>
    public bool Init { get; init; }

    /// <summary>Whether the process is killed when the thread that started it ends.</summary>
    public bool DiesWithStarter { get; init; }

    /// <summary>Descriptors from 3 on that the process gets as they are.</summary>
    public int PreservedDescriptors { get; init; }

    /// <summary>Whether the process gets a session keyring of its own.</summary>
    public bool NewKeyring { get; init; } = true;

    /// <summary>Whether the process keeps the groups of its maker instead of getting those of the specification.</summary>
    public bool KeepGroups { get; init; }

    /// <summary>The system call filter: instructions of 8 bytes; empty for none.</summary>
    public ReadOnlyMemory<byte> Filter { get; init; }

    /// <summary>SECCOMP_FILTER_FLAG_….</summary>
    public uint FilterFlags { get; init; }

    /// <summary>Where the process waits for <see cref="Lifecycle.Launch.GoOn"/>.</summary>
    public LaunchPoints Points { get; init; }

    /// <summary>Whether the process waits, when it is ready, until it is told to go on.</summary>
    public bool IsHeld { get; init; } = true;

    /// <summary>
    /// A listening socket of packets at which the process waits, when it is ready, for whoever starts its program; null
    /// when it is this process that starts it.
    /// </summary>
    public SafeFileHandle? StartSocket { get; init; }

    /// <summary>Where the root file system is mounted until it is the root directory: a path of the host.</summary>
    public string RootPath { get; init; } = "/";

    /// <summary>The number of the plan's first step after the wait for the start.</summary>
    public int FirstStartStep { get; internal set; }

    /// <summary>The bundle's directory, to which sources of bind mounts are relative; null where there is none.</summary>
    public string? Bundle { get; init; }

    /// <summary>
    /// Whether the root file system only lies on top of the old one (<c>--no-pivot</c>), where that cannot be let go: on a
    /// ramdisk.
    /// </summary>
    public bool NoPivot { get; init; }

    /// <summary>
    /// The container's directory in each hierarchy of control groups, by the hierarchy's mount point; null where it is
    /// the one in which this process is.
    /// </summary>
    public IReadOnlyDictionary<string, string>? CgroupDirectories { get; init; }

    /// <summary>Gets the listener of a system call filter that has one, before the program starts.</summary>
    public Action<SafeFileHandle>? OnListener { get; init; }

    /// <summary>What was asked for and left out, since the specification wants it so; filled in while the plan is written.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>Namespaces that were made for the container which a process joins: nobody need ask whether they are ours.</summary>
    internal CloneFlags MadeNamespaces { get; init; }

    /// <summary>Whether the process is in a user namespace that is not ours.</summary>
    internal bool HasUserNamespace { get; set; }

    internal List<SafeFileHandle> Owned { get; } = [];
}
