using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Engine.Specs;

/// <summary>
/// Users and groups of a root file system, by its <c>/etc/passwd</c> and <c>/etc/group</c>, which an image can make
/// anything: they are opened inside the root, only as regular files, and read up to 1 MiB.
/// </summary>
public static class UserLookup
{
    private const int MostBytes = 1024 * 1024;
    private const uint MostId = int.MaxValue;

    /// <summary>Who <c>user[:group]</c> is.</summary>
    /// <param name="root">The root file system.</param>
    /// <param name="text">Names or numbers; empty means root.</param>
    /// <param name="groupAdd">Further groups, names or numbers.</param>
    /// <returns>The ids, and the user's home directory.</returns>
    /// <exception cref="CrunException">There is no such user or group, or a number is out of range.</exception>
    public static (UserSpec User, string Home) Find(SafeFileHandle root, string text, IReadOnlyList<string> groupAdd)
    {
        var parts = text.Split(':');
        if (parts.Length > 2) throw CrunException.Invalid($"invalid user \"{text}\": expected USER[:GROUP]");
        var (userName, groupName) = (parts[0], parts.Length == 2 ? parts[1] : "");
        var (uid, gid, home, name) = FindUser(root, userName);
        if (groupName.Length > 0) gid = FindGroup(root, groupName);
        // Its own group is among them: else a set-group-id program would leave it, and with it what files deny to that group.
        var groups = new List<uint> { gid };
        if (groupName.Length == 0 && name is not null) AddGroupsOf(root, name, groups);
        foreach (var group in groupAdd)
        {
            var id = FindGroup(root, group);
            if (!groups.Contains(id)) groups.Add(id);
        }
        return (new UserSpec { Uid = uid, Gid = gid, AdditionalGids = groups }, home);
    }

    private static (uint Uid, uint Gid, string Home, string? Name) FindUser(SafeFileHandle root, string user)
    {
        // A number is a number, even if /etc/passwd has it as a name.
        var isNumber = user.Length == 0 || TryNumber(user, out _);
        var number = user.Length == 0 ? 0 : isNumber ? Number(user) : 0;
        foreach (var fields in Lines(root, "/etc/passwd", 7))
        {
            if (!uint.TryParse(fields[2], out var uid) || !uint.TryParse(fields[3], out var gid)) continue;
            if (isNumber ? uid == number : fields[0] == user) return (uid, gid, fields[5].Length > 0 ? fields[5] : "/", fields[0]);
        }
        return isNumber
            ? (number, 0, number == 0 ? "/root" : "/", null)
            : throw CrunException.NotFound($"unable to find user {user}: no matching entries in passwd file");
    }

    private static uint FindGroup(SafeFileHandle root, string group)
    {
        if (TryNumber(group, out _)) return Number(group);
        foreach (var fields in Lines(root, "/etc/group", 4))
        {
            if (fields[0] == group && uint.TryParse(fields[2], out var gid)) return gid;
        }
        throw CrunException.NotFound($"unable to find group {group}: no matching entries in group file");
    }

    private static void AddGroupsOf(SafeFileHandle root, string user, List<uint> groups)
    {
        foreach (var fields in Lines(root, "/etc/group", 4))
        {
            if (fields[3].Split(',').Contains(user) && uint.TryParse(fields[2], out var id) && !groups.Contains(id)) groups.Add(id);
        }
    }

    private static bool TryNumber(string text, out ulong number)
    {
        number = 0;
        return text.Length > 0 && !text.AsSpan(text[0] == '-' ? 1 : 0).ContainsAnyExcept("0123456789") && (text[0] == '-' || ulong.TryParse(text, out number) || true);
    }

    private static uint Number(string text) =>
        uint.TryParse(text, System.Globalization.NumberStyles.None, null, out var number) && number <= MostId
            ? number
            : throw CrunException.Invalid($"invalid user or group id {text}: uids and gids must be in range 0-{MostId}");

    private static IEnumerable<string[]> Lines(SafeFileHandle root, string path, int fields)
    {
        using var file = FileAt.TryOpenInRoot(root, path, OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK | OpenFlags.O_NOCTTY, out _);
        if (file is null) yield break;
        var status = FileAt.Status(file);
        if (status.Kind != FileKind.Regular || status.Size > MostBytes) yield break;
        var content = new byte[status.Size];
        var length = RandomAccess.Read(file, content, 0);
        foreach (var line in Encoding.UTF8.GetString(content, 0, length).Split('\n'))
        {
            var parts = line.Trim().Split(':');
            if (parts.Length >= fields && parts[0].Length > 0 && parts[0][0] != '#') yield return parts;
        }
    }
}
