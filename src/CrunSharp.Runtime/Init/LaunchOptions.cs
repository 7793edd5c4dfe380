using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Init;

/// <summary>What a start needs beside the specification's document.</summary>
public sealed class LaunchOptions
{
    /// <summary>The directory of the cgroup that the process is born in.</summary>
    public SafeFileHandle? Cgroup { get; init; }

    /// <summary>Whether an init of ours is the first process, which forwards signals and reaps.</summary>
    public bool Init { get; init; }

    /// <summary>Whether the process is killed when the thread that started it ends.</summary>
    public bool DiesWithStarter { get; init; }

    /// <summary>Descriptors from 3 on that the process gets as they are.</summary>
    public int PreservedDescriptors { get; init; }

    /// <summary>The system call filter: instructions of 8 bytes; empty for none.</summary>
    public ReadOnlyMemory<byte> Filter { get; init; }

    /// <summary>SECCOMP_FILTER_FLAG_….</summary>
    public uint FilterFlags { get; init; }

    internal List<SafeFileHandle> Owned { get; } = [];
}
