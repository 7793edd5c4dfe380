using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Namespaces;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Criu;

/// <summary>The namespaces that a container has joined by their path: criu leaves them as they are.</summary>
internal static class CriuNamespaces
{
    // Those that criu's images can name; the others are in them, and are joined instead of being made again.
    private static readonly (string Type, string File, string Key)[] External =
        [("network", "net", "extRootNetNS"), ("pid", "pid", "extRootPidNS")];

    private static readonly (string Type, string File)[] Joined = [("ipc", "ipc"), ("uts", "uts"), ("time", "time")];

    /// <summary>Refuses what criu would restore as something else.</summary>
    public static void Check(RuntimeSpec spec, string operation)
    {
        var mount = spec.Linux?.Namespaces?.FirstOrDefault(static ns => ns.Type == "mount");
        if (mount is null) throw CrunException.Unsupported("a container without a mount namespace of its own cannot be kept", operation);
        if (!string.IsNullOrEmpty(mount.Path)) throw CrunException.Unsupported("a container that joins a mount namespace cannot be kept", operation);
    }

    /// <summary>Names those of a running container.</summary>
    public static void AddForDump(ProtobufMessage options, RuntimeSpec spec, PidHandle process)
    {
        foreach (var (type, name, key) in External)
        {
            if (PathOf(spec, type) is null || FileAt.TryStatus(null, $"/proc/{process.Pid}/ns/{name}", followLinks: true) is not { } theirs) continue;
            if (!Namespace.IsOurs(theirs, name)) CriuRequest.AddExternal(options, $"{name}[{theirs.Inode}]:{key}");
        }
    }

    /// <summary>Opens those that a restored container shall be in.</summary>
    /// <param name="spec">The container.</param>
    /// <param name="files">Gets them, in the order of the keys.</param>
    /// <param name="keys">Gets their names in criu's images.</param>
    /// <exception cref="CrunException">One is not there.</exception>
    public static void Open(RuntimeSpec spec, List<SafeFileHandle> files, List<string> keys)
    {
        foreach (var (type, name, key) in External)
        {
            if (PathOf(spec, type) is not { } path) continue;
            var file = FileAt.TryOpen(null, path, OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK, out var errno)
                ?? throw new CrunException(ErrorKind.NotFound, $"{path} cannot be opened", $"join the {type} namespace", errno);
            files.Add(file);
            if (Namespace.IsOurs(file, name))
            {
                files.Remove(file);
                file.Dispose();
                continue;
            }
            keys.Add(key);
        }
    }

    /// <summary>Names the others of them.</summary>
    /// <exception cref="CrunException">criu cannot do it.</exception>
    public static void AddForRestore(ProtobufMessage options, RuntimeSpec spec)
    {
        if (PathOf(spec, "cgroup") is not null) throw CrunException.Unsupported("criu cannot restore into a cgroup namespace that there is");
        // It makes a new one of the images' mappings, out of which no other can be joined.
        if (PathOf(spec, "user") is { } user && (FileAt.TryStatus(null, user, followLinks: true) is not { } file || !Namespace.IsOurs(file, "user")))
            throw CrunException.Unsupported($"criu cannot restore into a user namespace that there is ({user}): give the container one of its own");
        foreach (var (type, name) in Joined)
        {
            if (PathOf(spec, type) is { } path) CriuRequest.AddNamespace(options, name, path);
        }
    }

    private static string? PathOf(RuntimeSpec spec, string type) =>
        spec.Linux?.Namespaces?.FirstOrDefault(ns => ns.Type == type)?.Path is { Length: > 0 } path ? path : null;
}
