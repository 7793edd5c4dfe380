using System.Globalization;
using CrunSharp.Kernel.Files;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Rootfs;

/// <summary>Home directories of a container's users.</summary>
internal static class HomeDirectory
{
    private const int MostBytes = 1024 * 1024;

    /// <summary>The home directory of a user.</summary>
    /// <param name="passwd">The container's <c>/etc/passwd</c>, untrusted; null when it has none.</param>
    /// <param name="uid">The user.</param>
    /// <returns><c>/</c> when it is not told.</returns>
    public static string Find(SafeFileHandle? passwd, uint uid)
    {
        if (passwd is null) return "/";
        var content = new byte[(int)Math.Min(MostBytes, RandomAccess.GetLength(passwd))];
        var text = PathEncoding.Decode(content.AsSpan(0, RandomAccess.Read(passwd, content, 0)));
        foreach (var line in text.Split('\n'))
        {
            var fields = line.Split(':');
            if (fields.Length >= 6 && uint.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out var id) && id == uid)
                return fields[5].StartsWith('/') ? fields[5] : "/";
        }
        return "/";
    }
}
