using System.Globalization;
using System.Text;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Init;

/// <summary>Which users and groups of the host those of a user namespace are.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/user_namespaces.7.html"/>
internal sealed class IdentityMap(IReadOnlyList<IdMapping> users, IReadOnlyList<IdMapping> groups)
{
    private const string Spec = "config-linux.md#user-namespace-mappings";

    // The kernel's limit, and one page.
    private const int MostLines = 340;
    private const int MostBytes = 4095;

    /// <summary>Content of <c>/proc/PID/uid_map</c>.</summary>
    public string UserLines { get; } = Lines(users);

    /// <summary>Content of <c>/proc/PID/gid_map</c>.</summary>
    public string GroupLines { get; } = Lines(groups);

    /// <summary>Whether one of the host's groups is all there is.</summary>
    public bool IsOnlyGroup(uint gid) => groups is [{ Size: 1 } only] && only.HostID == gid;

    /// <summary>The host's number of a user.</summary>
    /// <exception cref="CrunException">It has none.</exception>
    public uint HostUser(uint id) => Find(users, id) ?? throw CrunException.Invalid($"user {id} is not in the container's id mappings", spec: Spec);

    /// <summary>The host's number of a group.</summary>
    /// <exception cref="CrunException">It has none.</exception>
    public uint HostGroup(uint id) => Find(groups, id) ?? throw CrunException.Invalid($"group {id} is not in the container's id mappings", spec: Spec);

    /// <summary>The host's number of a user; null when it has none.</summary>
    public uint? TryHostUser(uint id) => Find(users, id);

    /// <summary>The host's number of a group; null when it has none.</summary>
    public uint? TryHostGroup(uint id) => Find(groups, id);

    /// <summary>Whether the root user of this process's user namespace is someone in the container.</summary>
    public bool HasHostRoot => users.Any(static mapping => mapping is { HostID: 0, Size: > 0 });

    /// <summary>The owner of what is made for the container: its root user, or nobody's where it has none.</summary>
    public (uint Uid, uint Gid) Root => (Find(users, 0) ?? 0, Find(groups, 0) ?? 0);

    /// <summary>Reads the content of <c>uid_map</c> and <c>gid_map</c>.</summary>
    public static IdentityMap Parse(string users, string groups) => new(Parse(users), Parse(groups));

    private static List<IdMapping> Parse(string text)
    {
        var mappings = new List<IdMapping>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var numbers = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            mappings.Add(new IdMapping { ContainerID = Number(numbers[0]), HostID = Number(numbers[1]), Size = Number(numbers[2]) });
        }
        return mappings;

        static uint Number(string text) => uint.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
    }

    private static uint? Find(IReadOnlyList<IdMapping> mappings, uint id)
    {
        foreach (var mapping in mappings)
        {
            if (id >= mapping.ContainerID && id - mapping.ContainerID < mapping.Size) return mapping.HostID + (id - mapping.ContainerID);
        }
        return null;
    }

    private static string Lines(IReadOnlyList<IdMapping> mappings)
    {
        var text = new StringBuilder();
        foreach (var mapping in mappings)
        {
            if (mapping.Size == 0) throw CrunException.Invalid($"the id mapping of {mapping.ContainerID} has no size", spec: Spec);
            text.Append(CultureInfo.InvariantCulture, $"{mapping.ContainerID} {mapping.HostID} {mapping.Size}\n");
        }
        if (mappings.Count > MostLines || text.Length > MostBytes)
            throw CrunException.Invalid($"{mappings.Count} id mappings are more than the kernel takes", spec: Spec);
        return text.ToString();
    }
}
