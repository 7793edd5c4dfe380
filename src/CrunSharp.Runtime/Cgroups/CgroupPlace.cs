using CrunSharp.Oci;

namespace CrunSharp.Runtime.Cgroups;

/// <summary>Where a container's cgroups are: what is to be kept in its state, to find them again.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#cgroups-path"/>
public sealed record CgroupPlace
{
    private const string Section = "config-linux.md#cgroups-path";

    /// <summary>Who makes them.</summary>
    public CgroupDriver Driver { get; init; }

    /// <summary>The path from the root of each tree, such as <c>/crun-sharp-ID</c>; empty when there are none.</summary>
    public string Path { get; init; } = "";

    /// <summary>systemd's name of the scope, such as <c>crun-sharp-ID.scope</c>; null without systemd.</summary>
    public string? Unit { get; init; }

    /// <summary>systemd's name of the slice that the scope is in; null without systemd.</summary>
    public string? Slice { get; init; }

    /// <summary>
    /// The directories above the container's that were made with it, as paths on the host, the outer ones first: they
    /// are removed with it unless others use them.
    /// </summary>
    public IReadOnlyList<string> Above { get; init; } = [];

    /// <summary>
    /// Whether they were made (or taken, empty) for the container: before, what is there may be another's, and is neither
    /// stopped nor ended.
    /// </summary>
    public bool IsMade { get; init; }

    /// <summary>Whether there is no cgroup at all.</summary>
    public bool IsNone => Path.Length == 0;

    /// <summary>The place that a specification asks for.</summary>
    /// <param name="driver">Who makes the cgroups.</param>
    /// <param name="cgroupsPath">
    /// <c>linux.cgroupsPath</c>: a path from the root of the tree, with or without a leading slash; for systemd
    /// <c>SLICE:PREFIX:NAME</c>. Null or empty for a place of its own.
    /// </param>
    /// <param name="id">The container.</param>
    /// <param name="isRootless">Whether systemd is the user's, not the host's.</param>
    /// <exception cref="CrunException">It is no path of a cgroup, or not of systemd's form.</exception>
    public static CgroupPlace Of(CgroupDriver driver, string? cgroupsPath, string id, bool isRootless = false) => driver switch
    {
        CgroupDriver.Disabled => new CgroupPlace { Driver = driver },
        CgroupDriver.Cgroupfs => new CgroupPlace
        {
            Path = "/" + string.Join('/', CgroupPath.Split(string.IsNullOrEmpty(cgroupsPath) ? "/crun-sharp-" + id : cgroupsPath)),
        },
        CgroupDriver.Systemd => OfSystemd(cgroupsPath, id, isRootless ? "user.slice" : "system.slice"),
        _ => throw new ArgumentOutOfRangeException(nameof(driver), driver, null),
    };

    private static CgroupPlace OfSystemd(string? cgroupsPath, string id, string usual)
    {
        var parts = string.IsNullOrEmpty(cgroupsPath) ? ["", "crun-sharp", id] : cgroupsPath.Split(':');
        if (parts.Length != 3 || parts[2].Length == 0) throw Invalid(cgroupsPath!, "systemd's form is SLICE:PREFIX:NAME");
        var (slice, prefix, name) = (parts[0].Length == 0 ? usual : parts[0], parts[1], parts[2]);
        var unit = (prefix.Length == 0 ? name : $"{prefix}-{name}") + ".scope";
        if (!IsUnitName(unit)) throw Invalid(cgroupsPath!, $"\"{unit}\" is no name of a unit");
        return new CgroupPlace { Driver = CgroupDriver.Systemd, Path = SlicePath(slice) + "/" + unit, Unit = unit, Slice = slice };
    }

    /// <summary>The path of a slice: <c>a-b.slice</c> is in <c>a.slice</c>.</summary>
    /// <exception cref="CrunException">It is no name of a slice.</exception>
    internal static string SlicePath(string slice)
    {
        const string Suffix = ".slice";
        if (slice == "-.slice") return "";
        if (!slice.EndsWith(Suffix, StringComparison.Ordinal) || !IsUnitName(slice)) throw Invalid(slice, "it is no name of a slice");
        var parts = slice[..^Suffix.Length].Split('-');
        var (path, prefix) = ("", "");
        foreach (var part in parts)
        {
            if (part.Length == 0) throw Invalid(slice, "it is no name of a slice");
            prefix += (prefix.Length == 0 ? "" : "-") + part;
            path += "/" + prefix + Suffix;
        }
        return path;
    }

    private static bool IsUnitName(string name)
    {
        if (name.Length > 255) return false;
        foreach (var letter in name)
        {
            if (!char.IsAsciiLetterOrDigit(letter) && !":-_.\\@".Contains(letter, StringComparison.Ordinal)) return false;
        }
        return true;
    }

    private static CrunException Invalid(string path, string reason) =>
        CrunException.Invalid($"\"{path}\" is no path of a cgroup: {reason}", spec: Section);
}
