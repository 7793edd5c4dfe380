using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

namespace CrunSharp.Kernel.Libc;

/// <summary>Room for glibc's opaque type, which has 336 bytes.</summary>
[CHeader("spawn.h", "posix_spawnattr_t")]
internal unsafe struct posix_spawnattr_t
{
    private fixed ulong opaque[42];
}

/// <summary>Room for glibc's opaque type, which has 80 bytes.</summary>
[CHeader("spawn.h", "posix_spawn_file_actions_t")]
internal unsafe struct posix_spawn_file_actions_t
{
    private fixed ulong opaque[10];
}

[CHeader("signal.h", "sigset_t")]
internal unsafe struct sigset_t
{
    private fixed ulong bits[16];
}

[CHeader("spawn.h")]
internal static class SPAWN
{
    public const short POSIX_SPAWN_SETSIGDEF = 4;
    public const short POSIX_SPAWN_SETSIGMASK = 8;
    public const short POSIX_SPAWN_SETSID = 0x80;
}

internal static unsafe partial class C
{
    [LibraryImport("libc")]
    public static partial int posix_spawn(int* pid, [MarshalUsing(typeof(PathMarshaller))] string path,
        posix_spawn_file_actions_t* actions, posix_spawnattr_t* attributes, byte** argv, byte** envp);

    [LibraryImport("libc")]
    public static partial int posix_spawnattr_init(posix_spawnattr_t* attributes);

    [LibraryImport("libc")]
    public static partial int posix_spawnattr_destroy(posix_spawnattr_t* attributes);

    [LibraryImport("libc")]
    public static partial int posix_spawnattr_setflags(posix_spawnattr_t* attributes, short flags);

    [LibraryImport("libc")]
    public static partial int posix_spawnattr_setsigmask(posix_spawnattr_t* attributes, sigset_t* set);

    [LibraryImport("libc")]
    public static partial int posix_spawnattr_setsigdefault(posix_spawnattr_t* attributes, sigset_t* set);

    [LibraryImport("libc")]
    public static partial int posix_spawn_file_actions_init(posix_spawn_file_actions_t* actions);

    [LibraryImport("libc")]
    public static partial int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t* actions);

    [LibraryImport("libc")]
    public static partial int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t* actions, int from, int to);

    [LibraryImport("libc")]
    public static partial int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t* actions,
        [MarshalUsing(typeof(PathMarshaller))] string path);

    [LibraryImport("libc")]
    public static partial int sigemptyset(sigset_t* set);

    [LibraryImport("libc")]
    public static partial int sigfillset(sigset_t* set);
}
