using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Init;

/// <summary>Which kernel parameters a container may set: those of its own namespaces.</summary>
internal static class Sysctl
{
    private static readonly string[] OfIpc =
        ["kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced"];

    /// <summary>A parameter's path below <c>/proc</c>.</summary>
    /// <exception cref="CrunException">It is not of a namespace that the container has for itself.</exception>
    public static string PathOf(string key, LinuxSpec linux)
    {
        // sysctl(8) takes a.b/c for a file name with a dot and a/b.c as well; the first separator decides.
        var path = key.AsSpan().IndexOfAny('.', '/') is var first and >= 0 && key[first] == '.'
            ? string.Create(key.Length, key, static (to, from) =>
            {
                for (var i = 0; i < from.Length; i++) to[i] = from[i] switch { '.' => '/', '/' => '.', var other => other };
            })
            : key;
        if (!IsAllowed(path, linux))
            throw CrunException.Invalid($"sysctl \"{key}\" is not in a separate kernel namespace", spec: "config-linux.md#sysctl");
        return "sys/" + path;
    }

    private static bool IsAllowed(string path, LinuxSpec linux)
    {
        foreach (var part in path.Split('/'))
        {
            if (part is "" or "." or ".." || !part.All(static c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.')) return false;
        }
        if (path.StartsWith("net/", StringComparison.Ordinal)) return Has(linux, "network");
        if (path.StartsWith("fs/mqueue/", StringComparison.Ordinal) || OfIpc.Contains(path)) return Has(linux, "ipc");
        return path is "kernel/hostname" or "kernel/domainname" && Has(linux, "uts");
    }

    private static bool Has(LinuxSpec linux, string type) => linux.Namespaces?.Any(n => n.Type == type) == true;
}
