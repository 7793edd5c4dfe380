using System.Runtime.ExceptionServices;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Namespaces;

/// <summary>Another network namespace than the caller's.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/network_namespaces.7.html"/>
public static class NetworkNamespace
{
    private const int StackSize = 128 * 1024;

    /// <summary>Opens the network namespace in which a process is.</summary>
    /// <exception cref="CrunException">The process does not exist any more.</exception>
    public static SafeFileHandle Open(int pid) => FileAt.Open(null, PidHandle.PathOf(pid, "ns/net"), OpenFlags.O_RDONLY);

    /// <summary>Opens the network namespace of the calling thread.</summary>
    /// <exception cref="CrunException">The file system /proc is missing.</exception>
    public static SafeFileHandle OpenCurrent() => FileAt.Open(null, "/proc/thread-self/ns/net", OpenFlags.O_RDONLY);

    /// <summary>Whether two handles are of the same namespace.</summary>
    /// <exception cref="CrunException">The errors of statx.</exception>
    public static bool AreSame(SafeFileHandle one, SafeFileHandle other)
    {
        var (a, b) = (FileAt.Status(one), FileAt.Status(other));
        return a.Inode == b.Inode && a.Device == b.Device;
    }

    /// <summary>
    /// Runs <paramref name="action"/> in another network namespace: on a thread of its own, which ends with the action,
    /// because a thread that has entered a namespace must never serve anyone else.
    /// </summary>
    /// <exception cref="CrunException">EPERM and others of setns, and whatever the action throws.</exception>
    public static T Run<T>(SafeFileHandle networkNamespace, Func<T> action) => Begin(networkNamespace, action)();

    /// <summary>Begins as <see cref="Run{T}"/> does and lets the caller go on meanwhile.</summary>
    /// <returns>Waits for the end, and returns what the action returned or throws what it threw; to be called once.</returns>
    public static Func<T> Begin<T>(SafeFileHandle networkNamespace, Func<T> action)
    {
        var result = default(T)!;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                if (C.setns(networkNamespace, (int)CloneFlags.CLONE_NEWNET) != 0)
                    throw SystemCall.Failure("enter network namespace", $"setns({SystemCall.Fd(networkNamespace)}, CLONE_NEWNET)");
                result = action();
            }
#pragma warning disable CA1031 // thrown again by the caller's thread
            catch (Exception error)
#pragma warning restore CA1031
            {
                failure = ExceptionDispatchInfo.Capture(error);
            }
        }, StackSize)
        { IsBackground = true, Name = "netns" };
        thread.Start();
        return () =>
        {
            thread.Join();
            failure?.Throw();
            return result;
        };
    }

    /// <inheritdoc cref="Run{T}"/>
    public static void Run(SafeFileHandle networkNamespace, Action action) => Run(networkNamespace, () =>
    {
        action();
        return true;
    });

    /// <summary>Runs <paramref name="action"/> in the network namespace of a process.</summary>
    /// <exception cref="CrunException">The process does not exist, the errors of setns, and whatever the action throws.</exception>
    public static void Run(int pid, Action action)
    {
        using var networkNamespace = Open(pid);
        Run(networkNamespace, action);
    }

    /// <summary>Opens a netlink socket in another network namespace; it can then be used from any thread.</summary>
    /// <exception cref="CrunException">The errors of setns and socket.</exception>
    public static NetlinkSocket OpenNetlink(SafeFileHandle networkNamespace, NetlinkProtocol protocol) =>
        Run(networkNamespace, () => NetlinkSocket.Open(protocol));
}
