using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Processes;

/// <summary>Another program as a child of this process: a hook, a tool.</summary>
public static class ChildProcess
{
    /// <summary>Starts a program with default signals; nothing of ours is open in it but what is given.</summary>
    /// <param name="path">The program.</param>
    /// <param name="arguments">Its arguments, with its name first.</param>
    /// <param name="environment">Its whole environment, <c>NAME=value</c>.</param>
    /// <param name="standardInput">Its descriptor 0.</param>
    /// <param name="standardOutput">Its descriptor 1.</param>
    /// <param name="standardError">Its descriptor 2.</param>
    /// <param name="workingDirectory">Where it starts; null for where we are.</param>
    /// <returns>The process, to be reaped by the caller.</returns>
    /// <exception cref="CrunException">The errors of posix_spawn.</exception>
    public static PidHandle Start(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment,
        SafeFileHandle standardInput, SafeFileHandle standardOutput, SafeFileHandle standardError, string? workingDirectory = null)
    {
        var pid = Spawn.Start(path, arguments, environment, [standardInput, standardOutput, standardError], [], newSession: false, workingDirectory);
        // A child that nobody has reaped keeps its number.
        return PidHandle.TryOpen(pid) ?? throw new CrunException(ErrorKind.System, "the new process was reaped by another", $"start {path}");
    }
}
