using System.Globalization;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Cgroups;

/// <summary>What directories of both versions of cgroups have in common.</summary>
internal static class CgroupDirectory
{
    public const OpenFlags AsDirectory = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY;

    /// <summary>Adds the processes of a cgroup and of those below it; those of other pid namespaces are left out.</summary>
    public static void AddProcesses(SafeFileHandle directory, List<int> processes)
    {
        foreach (var line in ReadProcesses(directory).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (int.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && pid > 0) processes.Add(pid);
        }
        foreach (var child in Children(directory))
        {
            using var below = FileAt.TryOpenBeneath(directory, child, AsDirectory, out _);
            if (below is not null) AddProcesses(below, processes);
        }
    }

    /// <summary>Sends a signal to processes, each held so that it cannot be another one of the same number.</summary>
    /// <exception cref="CrunException">The errors of pidfd_send_signal.</exception>
    public static void Send(Func<IReadOnlyList<int>> processes, Signal signal)
    {
        var opened = new List<PidHandle>();
        try
        {
            foreach (var pid in processes())
            {
                if (PidHandle.TryOpen(pid) is { } process) opened.Add(process);
            }
            // Between reading and opening a number may have become another's, who is not in this cgroup.
            var still = new HashSet<int>(processes());
            foreach (var process in opened)
            {
                if (still.Contains(process.Pid)) process.Send(signal.Number);
            }
        }
        finally
        {
            foreach (var process in opened) process.Dispose();
        }
    }

    /// <summary>Removes the cgroups below one.</summary>
    public static void RemoveChildren(SafeFileHandle directory)
    {
        foreach (var child in Children(directory))
        {
            using (var below = FileAt.TryOpenBeneath(directory, child, AsDirectory, out _))
            {
                if (below is not null) RemoveChildren(below);
            }
            FileAt.Remove(directory, child, isDirectory: true);
        }
    }

    /// <summary>Waits a moment, for what the kernel does not tell about.</summary>
    public static void Pause(int milliseconds) => new Poll().Wait(TimeSpan.FromMilliseconds(milliseconds));

    public static CrunException BelowUse(long limit, long used) =>
        new(ErrorKind.WrongState, $"memory.limit of {limit} is less than the {used} bytes in use", spec: "config-linux.md#memory");

    public static CrunException Unfit(string path, string reason) =>
        new(ErrorKind.WrongState, reason, $"use cgroup {path}", spec: "config-linux.md#cgroups-path");

    private static string ReadProcesses(SafeFileHandle directory)
    {
        try
        {
            return KernelFile.Read(directory, "cgroup.procs");
        }
        catch (CrunException error) when (error.Errno is Errno.EOPNOTSUPP or Errno.ENOENT or Errno.ENODEV)
        {
            // The processes of a threaded cgroup are listed above it. systemd removes the cgroup of a scope as soon as it is empty.
            return "";
        }
    }

    private static List<string> Children(SafeFileHandle directory)
    {
        try
        {
            // "." and the name in the parent: it has none below it, and hundreds of files need not be looked at.
            if (FileAt.Status(directory).Links == 2) return [];
            return FileAt.List(directory).FindAll(name => FileAt.TryStatus(directory, name)?.Kind == FileKind.Directory);
        }
        catch (CrunException error) when (error.Errno is Errno.ENOENT or Errno.ENODEV)
        {
            return []; // it was removed
        }
    }
}
