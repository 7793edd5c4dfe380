using System.Runtime.InteropServices;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Processes;

/// <summary>Starts programs by posix_spawn, which is safe in a process with any number of threads.</summary>
internal static unsafe class Spawn
{
    /// <summary>Starts a program with default signals and an empty signal mask.</summary>
    /// <param name="path">The program.</param>
    /// <param name="arguments">Its arguments, with its name first.</param>
    /// <param name="environment">Its environment.</param>
    /// <param name="standard">What its descriptors 0, 1 and 2 are; null leaves ours.</param>
    /// <param name="inherited">What else stays open, under the same number.</param>
    /// <param name="newSession">Whether it starts a session of its own.</param>
    /// <param name="workingDirectory">Where it starts; null for where we are, or for the root directory in a new session.</param>
    /// <returns>The process id of the child.</returns>
    /// <exception cref="CrunException">The errors of posix_spawn.</exception>
    public static int Start(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment,
        ReadOnlySpan<SafeHandle?> standard, IReadOnlyList<SafeHandle> inherited, bool newSession, string? workingDirectory = null)
    {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t signals;
        C.posix_spawn_file_actions_init(&actions);
        C.posix_spawnattr_init(&attributes);
        var argv = Strings(arguments);
        var envp = Strings(environment);
        try
        {
            // dup2 onto itself clears O_CLOEXEC; the standard ones last, so that they overwrite nothing that is needed.
            foreach (var handle in inherited) C.posix_spawn_file_actions_adddup2(&actions, Number(handle), Number(handle));
            for (var i = 0; i < standard.Length; i++)
            {
                if (standard[i] is { } handle) C.posix_spawn_file_actions_adddup2(&actions, Number(handle), i);
            }
            if ((workingDirectory ?? (newSession ? "/" : null)) is { } directory) C.posix_spawn_file_actions_addchdir_np(&actions, directory);
            C.sigemptyset(&signals);
            C.posix_spawnattr_setsigmask(&attributes, &signals);
            C.sigfillset(&signals);
            C.posix_spawnattr_setsigdefault(&attributes, &signals);
            C.posix_spawnattr_setflags(&attributes, (short)(SPAWN.POSIX_SPAWN_SETSIGDEF | SPAWN.POSIX_SPAWN_SETSIGMASK
                | (newSession ? SPAWN.POSIX_SPAWN_SETSID : 0)));
            int pid;
            var errno = (Errno)C.posix_spawn(&pid, path, &actions, &attributes, argv, envp);
            GC.KeepAlive(inherited);
            return errno == Errno.None
                ? pid
                : throw SystemCall.Failure(errno, $"start {path}", $"posix_spawn({SystemCall.Quote(path)})");
        }
        finally
        {
            C.posix_spawnattr_destroy(&attributes);
            C.posix_spawn_file_actions_destroy(&actions);
            NativeMemory.Free(argv);
            NativeMemory.Free(envp);
        }
    }

    /// <summary>Becomes a program, with our descriptors but for those that execve closes.</summary>
    /// <param name="path">The program.</param>
    /// <param name="arguments">Its arguments, with its name first.</param>
    /// <returns>The error of execve.</returns>
    public static CrunException Become(string path, IReadOnlyList<string> arguments)
    {
        var argv = Strings(arguments);
        var envp = Strings([]);
        C.execve(path, argv, envp);
        var errno = SystemCall.LastErrno;
        NativeMemory.Free(argv);
        NativeMemory.Free(envp);
        return SystemCall.Failure(errno, $"start {path}", $"execve({SystemCall.Quote(path)})");
    }

    /// <summary>Waits for a child that ends soon.</summary>
    public static int Reap(int pid)
    {
        int status;
        while (C.waitpid(pid, &status, 0) < 0 && SystemCall.LastErrno == Errno.EINTR) { }
        return status;
    }

    private static int Number(SafeHandle handle) => (int)handle.DangerousGetHandle();

    // One block: the pointers, and the strings behind them.
    private static byte** Strings(IReadOnlyList<string> texts)
    {
        var size = (texts.Count + 1) * sizeof(byte*);
        for (var i = 0; i < texts.Count; i++) size += texts[i].Length * 3 + 1;
        var block = (byte**)NativeMemory.Alloc((nuint)size);
        var at = (byte*)(block + texts.Count + 1);
        var end = (byte*)block + size;
        for (var i = 0; i < texts.Count; i++)
        {
            block[i] = at;
            at += PathEncoding.Encode(texts[i], new Span<byte>(at, (int)(end - at)));
            *at++ = 0;
        }
        block[texts.Count] = null;
        return block;
    }
}
