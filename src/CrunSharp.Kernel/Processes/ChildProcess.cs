using CrunSharp.Kernel.Libc;
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
    /// <param name="workingDirectory">Where it starts; null for where we are, or for <c>/</c> in a session of its own.</param>
    /// <param name="newSession">Whether it starts a session of its own: without a terminal, and to be ended with all it starts.</param>
    /// <returns>The process, to be reaped by the caller.</returns>
    /// <exception cref="CrunException">The errors of posix_spawn.</exception>
    public static PidHandle Start(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment,
        SafeFileHandle standardInput, SafeFileHandle standardOutput, SafeFileHandle standardError, string? workingDirectory = null, bool newSession = false)
    {
        var pid = Spawn.Start(path, arguments, environment, [standardInput, standardOutput, standardError], [], newSession, workingDirectory);
        // A child that nobody has reaped keeps its number.
        return PidHandle.TryOpen(pid) ?? throw new CrunException(ErrorKind.System, "the new process was reaped by another", $"start {path}");
    }

    /// <summary>Kills a child that leads a session of its own, and all in its process group.</summary>
    /// <param name="leader">The child; it must not be reaped yet, so that its number is still its own.</param>
    public static void KillGroup(PidHandle leader)
    {
        if (leader.Pid > 1) C.kill(-leader.Pid, Signal.SIGKILL.Number);
    }
}
