using CrunSharp.Kernel.Libc;

namespace CrunSharp.Runtime.Seccomp;

/// <summary>A filter as the kernel takes it.</summary>
public sealed class SeccompFilter
{
    internal SeccompFilter(ReadOnlyMemory<byte> program, SeccompFilterFlags flags) => (Program, Flags) = (program, flags);

    /// <summary>The program: an array of <c>struct sock_filter</c> of 8 bytes each, at most 4096.</summary>
    public ReadOnlyMemory<byte> Program { get; }

    /// <summary>The number of instructions: <c>len</c> of <c>struct sock_fprog</c>.</summary>
    public int Length => Program.Length / 8;

    /// <summary>The flags of <c>seccomp(SECCOMP_SET_MODE_FILTER, flags, …)</c>.</summary>
    public SeccompFilterFlags Flags { get; }

    /// <summary>Whether seccomp returns a listener, which a program outside must get.</summary>
    public bool Notifies => (Flags & SeccompFilterFlags.SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0;
}
