using System.Globalization;
using CrunSharp.Oci;

namespace CrunSharp.Runtime.Cgroups.Systemd;

/// <summary>Limits as properties of a unit, so that systemd does not undo them when it writes a unit's limits anew.</summary>
/// <seealso href="https://www.freedesktop.org/software/systemd/man/latest/systemd.resource-control.html"/>
internal static class SystemdProperties
{
    private const string Annotation = "org.systemd.property.";
    private const string Quota = "cpu.max";

    // Files whose value, a number or "max", is a property's.
    private static readonly Dictionary<string, string> s_numbers = new()
    {
        ["memory.max"] = "MemoryMax",
        ["memory.high"] = "MemoryHigh",
        ["memory.low"] = "MemoryLow",
        ["memory.min"] = "MemoryMin",
        ["memory.swap.max"] = "MemorySwapMax",
        ["cpu.weight"] = "CPUWeight",
        ["pids.max"] = "TasksMax",
        ["io.weight"] = "IOWeight",
        ["memory.limit_in_bytes"] = "MemoryLimit",
        ["cpu.shares"] = "CPUShares",
        ["blkio.weight"] = "BlockIOWeight",
    };

    private static readonly Dictionary<string, string> s_sets = new()
    {
        ["cpuset.cpus"] = "AllowedCPUs",
        ["cpuset.mems"] = "AllowedMemoryNodes",
    };

    /// <summary>The properties that say the same as settings do; what has no property is left out.</summary>
    /// <exception cref="CrunException">A list of numbers cannot be read.</exception>
    public static List<(string Name, DBusValue Value)> From(IReadOnlyList<CgroupSetting> settings)
    {
        var properties = new List<(string, DBusValue)>();
        (string? Quota, string? Period) v1 = default;
        foreach (var setting in settings)
        {
            var (file, value) = setting.Fallback is { } other && s_numbers.ContainsKey(other)
                ? (other, setting.FallbackValue ?? setting.Value) : (setting.File, setting.Value);
            if (s_numbers.TryGetValue(file, out var name))
            {
                if (Number(value) is { } number) properties.Add((name, DBusValue.Of(number)));
            }
            else if (s_sets.TryGetValue(file, out var set)) properties.Add((set, DBusValue.Of(Mask(value))));
            else if (file == Quota) AddQuota(properties, value.Split(' '));
            else if (file == "cpu.cfs_quota_us") v1.Quota = value;
            else if (file == "cpu.cfs_period_us") v1.Period = value;
            else if (file == "cpu.idle" && value == "1") properties.Add(("CPUWeight", DBusValue.Of(0ul)));
        }
        if (v1.Quota is { } quota) AddQuota(properties, [quota, v1.Period ?? "100000"]);
        return properties;
    }

    /// <summary>The properties that a container's annotations ask for: <c>org.systemd.property.NAME</c>.</summary>
    /// <exception cref="CrunException">A name or a value is none.</exception>
    public static List<(string Name, DBusValue Value)> FromAnnotations(IReadOnlyDictionary<string, string>? annotations)
    {
        var properties = new List<(string, DBusValue)>();
        foreach (var (key, text) in annotations ?? new Dictionary<string, string>())
        {
            if (!key.StartsWith(Annotation, StringComparison.Ordinal)) continue;
            var name = key[Annotation.Length..];
            if (name.Length < 3 || name.AsSpan().ContainsAnyExcept(s_letters)) throw CrunException.Invalid($"annotation {key}: \"{name}\" is no property of systemd");
            DBusValue value;
            try
            {
                value = DBusValue.Parse(text);
            }
            catch (CrunException error)
            {
                throw error.Within($"annotation {key}");
            }
            // On D-Bus times are in microseconds.
            if (name.EndsWith("Sec", StringComparison.Ordinal) && !name.EndsWith("USec", StringComparison.Ordinal)
                && double.TryParse(value.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && seconds is >= 0 and < 1e12)
                (name, value) = (name[..^3] + "USec", DBusValue.Of((ulong)(seconds * 1e6)));
            properties.Add((name, value));
        }
        return properties;
    }

    private static readonly System.Buffers.SearchValues<char> s_letters =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

    /// <summary>A list such as <c>0-3,7</c> as a bit for each number, the low ones first.</summary>
    /// <exception cref="CrunException">It is no list of numbers.</exception>
    internal static byte[] Mask(string list)
    {
        const int Most = 8192;
        var mask = new byte[Most / 8];
        var length = 0;
        foreach (var part in list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var dash = part.IndexOf('-', StringComparison.Ordinal);
            if (!int.TryParse(dash < 0 ? part : part[..dash], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
                || !int.TryParse(dash < 0 ? part : part[(dash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var last)
                || first > last || last >= Most)
                throw CrunException.Invalid($"\"{list}\" is no list of numbers", spec: "config-linux.md#cpu");
            for (var i = first; i <= last; i++) mask[i / 8] |= (byte)(1 << i % 8);
            length = Math.Max(length, last / 8 + 1);
        }
        return mask[..length];
    }

    private static ulong? Number(string text) => text is "max" or "-1" ? ulong.MaxValue
        : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;

    private static void AddQuota(List<(string, DBusValue)> properties, string[] words)
    {
        if (Number(words[0]) is not { } quota) return;
        var period = words.Length > 1 && Number(words[1]) is { } given and > 0 ? given : 100000;
        // systemd counts in hundredths of a second: rather too much than too little.
        var perSecond = quota == ulong.MaxValue ? quota : (ulong)(((UInt128)quota * 1000000 / period + 9999) / 10000 * 10000);
        properties.Add(("CPUQuotaPerSecUSec", DBusValue.Of(perSecond)));
        properties.Add(("CPUQuotaPeriodUSec", DBusValue.Of(period)));
    }
}
