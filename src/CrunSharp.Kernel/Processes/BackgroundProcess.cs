using System.Runtime.InteropServices;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;

namespace CrunSharp.Kernel.Processes;

/// <summary>A process of ours that outlives this one: a session of its own, no terminal, nothing inherited but what is given.</summary>
public static class BackgroundProcess
{
    /// <summary>Starts a program in the background, with <c>/</c> as its directory.</summary>
    /// <param name="path">The program.</param>
    /// <param name="arguments">Its arguments, with its name first.</param>
    /// <param name="inherited">What it gets, under the same numbers.</param>
    /// <returns>Its process id.</returns>
    /// <exception cref="Oci.CrunException">The errors of posix_spawn.</exception>
    public static int Start(string path, IReadOnlyList<string> arguments, IReadOnlyList<SafeHandle> inherited)
    {
        using var nothing = FileAt.Open(null, "/dev/null", OpenFlags.O_RDWR);
        return Spawn.Start(path, arguments, [], [nothing, nothing, nothing], inherited, newSession: true);
    }
}
