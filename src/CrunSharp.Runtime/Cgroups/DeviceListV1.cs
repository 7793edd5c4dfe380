using System.Globalization;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Cgroups;

/// <summary>
/// Device rules as cgroup v1 has them: everything or nothing, and a list of exceptions, which cannot have exceptions
/// of their own.
/// </summary>
/// <seealso href="https://docs.kernel.org/admin-guide/cgroup-v1/devices.html"/>
internal static class DeviceListV1
{
    private const string Letters = "rwm";
    private const int Mknod = 4;

    /// <summary>What to write to which file, in order.</summary>
    /// <exception cref="CrunException">A rule cannot be understood; or forbids a part of what another allows (or the reverse).</exception>
    public static IReadOnlyList<(string File, string Value)> Compile(IReadOnlyList<DeviceRule> rules)
    {
        var allows = false;
        var exceptions = new List<Exceptional>();
        for (var i = 0; i < rules.Count; i++)
        {
            var rule = rules[i];
            DeviceFilter.Check(rule, i);
            var access = AccessOf(rule.Access);
            if (rule.Type is null or "" or "a")
            {
                if (rule.Major is null or -1 && rule.Minor is null or -1 && access == 7)
                {
                    (allows, exceptions) = (rule.Allow, []);
                    continue;
                }
                Apply(exceptions, allows, rule, new Exceptional('b', rule.Major ?? -1, rule.Minor ?? -1, access), i);
            }
            Apply(exceptions, allows, rule, new Exceptional(rule.Type is "b" ? 'b' : 'c', rule.Major ?? -1, rule.Minor ?? -1, access), i);
        }
        var commands = new List<(string, string)> { (allows ? "devices.allow" : "devices.deny", "a") };
        foreach (var exception in exceptions) commands.Add((allows ? "devices.deny" : "devices.allow", exception.ToString()));
        return commands;
    }

    /// <summary>Puts rules in force.</summary>
    /// <exception cref="CrunException">A rule is not possible; EPERM when a cgroup above allows less.</exception>
    public static void Apply(CgroupV1 cgroup, IReadOnlyList<DeviceRule> rules)
    {
        foreach (var (file, value) in Compile(rules)) KernelFile.Write(cgroup.Directory, file, value);
    }

    private static void Apply(List<Exceptional> exceptions, bool allows, DeviceRule rule, Exceptional given, int index)
    {
        if (rule.Allow != allows)
        {
            exceptions.Add(given);
            return;
        }
        for (var i = exceptions.Count - 1; i >= 0; i--)
        {
            var other = exceptions[i];
            if (!other.Overlaps(given)) continue;
            if (!given.Covers(other))
            {
                // To make a node, which by itself gives no access, is allowed to all containers anyway.
                if ((given.Access & other.Access) == Mknod) continue;
                throw CrunException.Unsupported($"device rule {index + 1} cannot be enforced in cgroup v1: it is about a part of what \"{other}\" is about", spec: "config-linux.md#allowed-device-list");
            }
            exceptions[i] = other with { Access = other.Access & ~given.Access };
            if (exceptions[i].Access == 0) exceptions.RemoveAt(i);
        }
    }

    private static int AccessOf(string? text)
    {
        if (string.IsNullOrEmpty(text)) return 7;
        var access = 0;
        foreach (var letter in text) access |= 1 << Letters.IndexOf(letter, StringComparison.Ordinal);
        return access;
    }

    // -1 is any.
    private readonly record struct Exceptional(char Type, long Major, long Minor, int Access)
    {
        public bool Overlaps(Exceptional other) =>
            Type == other.Type && (Access & other.Access) != 0
            && (Major == other.Major || Major == -1 || other.Major == -1) && (Minor == other.Minor || Minor == -1 || other.Minor == -1);

        public bool Covers(Exceptional other) =>
            (Major == -1 || Major == other.Major) && (Minor == -1 || Minor == other.Minor);

        public override string ToString()
        {
            var text = $"{Type} {Number(Major)}:{Number(Minor)} ";
            for (var i = 0; i < Letters.Length; i++)
            {
                if ((Access >> i & 1) != 0) text += Letters[i];
            }
            return text;
        }

        private static string Number(long value) => value == -1 ? "*" : value.ToString(CultureInfo.InvariantCulture);
    }
}
