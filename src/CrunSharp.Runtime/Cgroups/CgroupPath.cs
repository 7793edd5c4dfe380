using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Runtime.Cgroups;

/// <summary>Paths of cgroups as documents have them: hostile until they are checked.</summary>
internal static class CgroupPath
{
    private const int LongestName = 255;

    /// <summary>The names of the cgroups on the way, the outer ones first.</summary>
    /// <exception cref="CrunException">It is the root, or has a part that is not a plain name.</exception>
    public static string[] Split(string path)
    {
        var names = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (names.Length == 0) throw Invalid(path, "it is the root, which is not a container's");
        foreach (var name in names)
        {
            if (name is "." or "..") throw Invalid(path, $"it has \"{name}\"");
            if (name.AsSpan().ContainsAnyInRange('\0', '\x1f')) throw Invalid(path.ReplaceLineEndings("?"), "it has a control character");
            if (PathEncoding.Encode(name).Length > LongestName) throw Invalid(path, $"a name is longer than {LongestName} bytes");
            // The kernel keeps these prefixes for its own files.
            if (name.StartsWith("cgroup.", StringComparison.Ordinal)) throw Invalid(path, $"\"{name}\" is a name of the kernel");
        }
        return names;
    }

    private static CrunException Invalid(string path, string reason) =>
        CrunException.Invalid($"\"{path}\" is no path of a cgroup: {reason}", spec: "config-linux.md#cgroups-path");
}
