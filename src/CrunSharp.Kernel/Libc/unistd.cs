using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Libc;

internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial int execve([MarshalUsing(typeof(PathMarshaller))] string path, byte** argv, byte** envp);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint read(SafeFileHandle fd, void* buffer, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint write(SafeFileHandle fd, void* buffer, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint pread64(SafeFileHandle fd, void* buffer, nuint count, long offset);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint pwrite64(SafeFileHandle fd, void* buffer, nuint count, long offset);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int pipe2(int* fds, OpenFlags flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int linkat(int olddirfd, [MarshalUsing(typeof(PathMarshaller))] string oldpath,
        int newdirfd, [MarshalUsing(typeof(PathMarshaller))] string newpath, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int symlinkat([MarshalUsing(typeof(PathMarshaller))] string target, int newdirfd,
        [MarshalUsing(typeof(PathMarshaller))] string linkpath);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint readlinkat(int dirfd, [MarshalUsing(typeof(PathMarshaller))] string path, byte* buffer, nuint size);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int unlinkat(int dirfd, [MarshalUsing(typeof(PathMarshaller))] string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fchownat(int dirfd, [MarshalUsing(typeof(PathMarshaller))] string path, uint owner, uint group, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fchown(SafeFileHandle fd, uint owner, uint group);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint copy_file_range(SafeFileHandle infd, long* inoffset, SafeFileHandle outfd, long* outoffset, nuint length, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int ftruncate(SafeFileHandle fd, long length);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fsync(SafeFileHandle fd);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int syncfs(SafeFileHandle fd);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int chdir([MarshalUsing(typeof(PathMarshaller))] string path);

    [LibraryImport("libc")]
    public static partial uint geteuid();

    [LibraryImport("libc")]
    public static partial uint getegid();
}
