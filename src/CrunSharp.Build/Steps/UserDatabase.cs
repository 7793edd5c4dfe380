using System.Globalization;
using System.Text;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build.Steps;

/// <summary>Users and groups of a stage, from its own /etc/passwd and /etc/group.</summary>
internal static class UserDatabase
{
    private const int MostBytes = 1024 * 1024;

    /// <summary>Resolves <c>user[:group]</c>; without a group it is the user's, or for a number the same number.</summary>
    /// <param name="view">The stage's files; null when it has none.</param>
    /// <param name="text">Names or numbers; a number is never looked up.</param>
    /// <exception cref="CrunException">A name is unknown, or a number is out of range.</exception>
    public static (uint Uid, uint Gid) Resolve(LayerView? view, string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var user = colon < 0 ? text : text[..colon];
        var group = colon < 0 ? "" : text[(colon + 1)..];
        if (user.Length == 0 || (colon >= 0 && (group.Length == 0 || group.Contains(':', StringComparison.Ordinal))))
            throw CrunException.Invalid($"invalid chown string: {GoText.Quote(text)} is not user[:group]");
        var (uid, gid) = ResolveUser(view, user);
        return (uid, group.Length == 0 ? gid : TryNumber(group) ?? Find(view, "group", group)?.First ?? (group == "root" ? 0u
            : throw CrunException.NotFound($"unable to find group {group}: no matching entries in group file")));
    }

    private static (uint Uid, uint Gid) ResolveUser(LayerView? view, string user)
    {
        if (TryNumber(user) is { } number) return (number, number);
        return Find(view, "passwd", user) is (var uid, { } gid) ? (uid, gid)
            : user == "root" ? (0u, 0u)
            : throw CrunException.NotFound($"unable to find user {user}: no matching entries in passwd file");
    }

    // What consists of digits is a number, and in range, or it is an error.
    private static uint? TryNumber(string text)
    {
        if (!text.All(char.IsAsciiDigit)) return null;
        return uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= int.MaxValue ? number
            : throw CrunException.Invalid($"{text} is no user or group: not in 0 to {int.MaxValue}");
    }

    // name:x:number:number…, the first line of that name with valid numbers.
    private static (uint First, uint? Second)? Find(LayerView? view, string file, string name)
    {
        if (view?.TryReadFile($"/etc/{file}", MostBytes) is not { } content) return null;
        foreach (var line in Encoding.UTF8.GetString(content).Split('\n'))
        {
            var fields = line.Split(':');
            if (fields.Length < 3 || fields[0] != name || !TryField(fields[2], out var first)) continue;
            return (first, fields.Length > 3 && TryField(fields[3], out var second) ? second : null);
        }
        return null;
    }

    private static bool TryField(string text, out uint number) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number <= int.MaxValue;
}
