using System.Diagnostics.CodeAnalysis;

namespace CrunSharp.Oci.Runtime;

/// <summary>Refuses documents that the specification does not allow, whatever the host.</summary>
/// <param name="path">Where the document is from, for errors.</param>
internal sealed partial class SpecCheck(string path)
{
    private static readonly string[] NamespaceTypes = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"];

    private static readonly string[] Propagations =
        ["shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable"];

    /// <summary>Checks a container.</summary>
    /// <exception cref="CrunException">The first thing that is not allowed.</exception>
    public void Check(RuntimeSpec spec)
    {
        Require(spec.OciVersion, "$.ociVersion", "config.md#specification-version");
        if (!IsVersion1(spec.OciVersion))
            throw Invalid("$.ociVersion", $"\"{spec.OciVersion}\" is no version 1.x.y", "config.md#specification-version");
        if (spec.Root is { } root) Require(root.Path, "$.root.path", "config.md#root");
        if (spec.Process is { } process) Check(process, "$.process");
        CheckMounts(spec.Mounts ?? []);
        CheckHooks(spec.Hooks);
        foreach (var (key, value) in spec.Annotations ?? new Dictionary<string, string>())
        {
            if (key.Length == 0) throw Invalid("$.annotations", "a key is empty", "config.md#annotations");
            // The value may be empty.
            if (value is null) throw Invalid($"$.annotations[\"{key}\"]", "it is missing", "config.md#annotations");
        }
        CheckNames(spec);
        if (spec.Linux is { } linux) CheckLinux(linux);
    }

    private void CheckNames(RuntimeSpec spec)
    {
        var hasUts = spec.Linux?.Namespaces?.Any(static ns => ns.Type == "uts") == true;
        if (hasUts) return;
        if (!string.IsNullOrEmpty(spec.Hostname)) throw Invalid("$.hostname", "a host name needs a UTS namespace of the container's own", "config.md#hostname");
        if (!string.IsNullOrEmpty(spec.Domainname)) throw Invalid("$.domainname", "a domain name needs a UTS namespace of the container's own", "config.md#domainname");
    }

    private void CheckMounts(IReadOnlyList<MountSpec> mounts)
    {
        for (var i = 0; i < mounts.Count; i++)
        {
            var (mount, at) = (mounts[i], $"$.mounts[{i}]");
            Require(mount.Destination, $"{at}.destination", "config.md#mounts");
            if ((mount.UidMappings is { Count: > 0 }) != (mount.GidMappings is { Count: > 0 }))
                throw Invalid(at, "uidMappings and gidMappings belong together", "config.md#posix-platform-mounts");
        }
    }

    private void CheckHooks(HooksSpec? hooks)
    {
        if (hooks is null) return;
        Check(hooks.Prestart, "prestart");
        Check(hooks.CreateRuntime, "createRuntime");
        Check(hooks.CreateContainer, "createContainer");
        Check(hooks.StartContainer, "startContainer");
        Check(hooks.Poststart, "poststart");
        Check(hooks.Poststop, "poststop");

        void Check(IReadOnlyList<HookSpec>? list, string name)
        {
            for (var i = 0; i < (list?.Count ?? 0); i++)
            {
                var (hook, at) = (list![i], $"$.hooks.{name}[{i}]");
                RequireAbsolute(hook.Path, $"{at}.path", "config.md#posix-platform-hooks");
                if (hook.Timeout <= 0) throw Invalid($"{at}.timeout", $"{hook.Timeout} is not greater than 0", "config.md#posix-platform-hooks");
            }
        }
    }

    private void CheckLinux(LinuxSpec linux)
    {
        CheckNamespaces(linux);
        CheckDevices(linux.Devices ?? []);
        if (!string.IsNullOrEmpty(linux.RootfsPropagation) && !Propagations.Contains(linux.RootfsPropagation))
            throw Invalid("$.linux.rootfsPropagation", $"\"{linux.RootfsPropagation}\" is no propagation", "config-linux.md#rootfs-mount-propagation");
        CheckSeccomp(linux.Seccomp);
        CheckPaths(linux.MaskedPaths, "$.linux.maskedPaths", "config-linux.md#masked-paths");
        CheckPaths(linux.ReadonlyPaths, "$.linux.readonlyPaths", "config-linux.md#readonly-paths");
        if (linux.Personality is { } personality)
        {
            OneOf(personality.Domain, "$.linux.personality.domain", "config-linux.md#personality", "LINUX", "LINUX32");
            if (personality.Flags is { Count: > 0 } flags)
                throw Invalid("$.linux.personality.flags", $"\"{flags[0]}\" is no flag: none is defined", "config-linux.md#personality");
        }
        CheckMemoryPolicy(linux.MemoryPolicy);
        CheckRdt(linux.IntelRdt);
        CheckNetDevices(linux);
    }

    private void CheckNamespaces(LinuxSpec linux)
    {
        const string section = "config-linux.md#namespaces";
        var namespaces = linux.Namespaces ?? [];
        for (var i = 0; i < namespaces.Count; i++)
        {
            var (ns, at) = (namespaces[i], $"$.linux.namespaces[{i}]");
            OneOf(ns.Type, $"{at}.type", section, NamespaceTypes);
            if (!string.IsNullOrEmpty(ns.Path)) RequireAbsolute(ns.Path, $"{at}.path", section);
            for (var before = 0; before < i; before++)
            {
                if (namespaces[before].Type == ns.Type) throw Invalid(at, $"the namespace type \"{ns.Type}\" is there twice", section);
            }
        }
        var user = namespaces.FirstOrDefault(static ns => ns.Type == "user");
        if (user is null && (linux.UidMappings is { Count: > 0 } || linux.GidMappings is { Count: > 0 }))
            throw Invalid("$.linux.uidMappings", "id mappings need a user namespace", "config-linux.md#user-namespace-mappings");
        if (linux.TimeOffsets is not { Count: > 0 } offsets) return;
        if (!namespaces.Any(static ns => ns.Type == "time" && string.IsNullOrEmpty(ns.Path)))
            throw Invalid("$.linux.timeOffsets", "time offsets need a new time namespace", "config-linux.md#offset-for-time-namespace");
        foreach (var (clock, offset) in offsets)
        {
            OneOf(clock, "$.linux.timeOffsets", "config-linux.md#offset-for-time-namespace", "monotonic", "boottime");
            if (offset is null || offset.Nanosecs > 999_999_999)
                throw Invalid($"$.linux.timeOffsets.{clock}", "nanosecs is not in 0 to 999999999", "config-linux.md#offset-for-time-namespace");
        }
    }

    private void CheckDevices(IReadOnlyList<DeviceSpec> devices)
    {
        for (var i = 0; i < devices.Count; i++)
        {
            var (device, at) = (devices[i], $"$.linux.devices[{i}]");
            Require(device.Path, $"{at}.path", "config-linux.md#devices");
            OneOf(device.Type, $"{at}.type", "config-linux.md#devices", "c", "b", "u", "p");
            if (device.Type == "p") continue;
            // An absent number is 0 for runc and crun.
            if (device.Major is < 0 or > 0xfffff || device.Minor is < 0 or > 0xfffff)
                throw Invalid(at, $"{device.Major}:{device.Minor} is no device number", "config-linux.md#devices");
        }
    }

    private void CheckSeccomp(SeccompSpec? seccomp)
    {
        const string section = "config-linux.md#seccomp";
        if (seccomp is null) return;
        Require(seccomp.DefaultAction, "$.linux.seccomp.defaultAction", section);
        if (!string.IsNullOrEmpty(seccomp.ListenerMetadata) && string.IsNullOrEmpty(seccomp.ListenerPath))
            throw Invalid("$.linux.seccomp.listenerMetadata", "it needs a listenerPath", section);
        for (var i = 0; i < (seccomp.Syscalls?.Count ?? 0); i++)
        {
            var (rule, at) = (seccomp.Syscalls![i], $"$.linux.seccomp.syscalls[{i}]");
            if (rule.Names is not { Count: > 0 }) throw Invalid($"{at}.names", "a rule needs a name", section);
            Require(rule.Action, $"{at}.action", section);
            for (var arg = 0; arg < (rule.Args?.Count ?? 0); arg++) Require(rule.Args![arg].Op, $"{at}.args[{arg}].op", section);
        }
    }

    private void CheckPaths(IReadOnlyList<string>? paths, string at, string section)
    {
        for (var i = 0; i < (paths?.Count ?? 0); i++) RequireAbsolute(paths![i], $"{at}[{i}]", section);
    }

    private void CheckRdt(IntelRdtSpec? rdt)
    {
        if (rdt?.ClosId is not { } id || id == "/") return;
        if (id is "" or "." or ".." || id.Contains('/', StringComparison.Ordinal))
            throw Invalid("$.linux.intelRdt.closID", $"\"{id}\" is no name of a class of service", "config-linux.md#intelrdt");
    }

    private void CheckNetDevices(LinuxSpec linux)
    {
        const string section = "config-linux.md#network-devices";
        if (linux.NetDevices is not { Count: > 0 } devices) return;
        if (linux.Namespaces?.Any(static ns => ns.Type == "network") != true)
            throw Invalid("$.linux.netDevices", "moving network devices needs a network namespace of the container's own", section);
        var names = new HashSet<string>();
        foreach (var (host, device) in devices)
        {
            var name = string.IsNullOrEmpty(device.Name) ? host : device.Name;
            if (!IsInterface(host)) throw Invalid("$.linux.netDevices", $"\"{host}\" is no name of a network device", section);
            if (!IsInterface(name)) throw Invalid($"$.linux.netDevices.{host}.name", $"\"{name}\" is no name of a network device", section);
            if (!names.Add(name) && !name.Contains('%', StringComparison.Ordinal))
                throw Invalid($"$.linux.netDevices.{host}.name", $"the name \"{name}\" is there twice", section);
        }
    }

    // The kernel's dev_valid_name.
    private static bool IsInterface(string name) => name.Length is > 0 and < 16 && name is not ("." or "..")
        && !name.Any(static c => c is '/' or ':' || char.IsWhiteSpace(c));

    private void RequireAbsolute([NotNull] string? value, string at, string section)
    {
        Require(value, at, section);
        if (!value.StartsWith('/')) throw Invalid(at, $"\"{value}\" is not absolute", section);
    }

    private void Require([NotNull] string? value, string at, string section)
    {
        if (string.IsNullOrEmpty(value)) throw Invalid(at, "it is missing", section);
    }

    private void OneOf([NotNull] string? value, string at, string section, params string[] values)
    {
        Require(value, at, section);
        if (!values.Contains(value)) throw Invalid(at, $"\"{value}\" is not one of {string.Join(", ", values)}", section);
    }

    private CrunException Invalid(string at, string reason, string section) => CrunException.Invalid($"{at}: {reason}", path, section);

    // SemVer 2.0.0: major.minor.patch, and then possibly -pre-release and +build.
    private static bool IsVersion1(string version)
    {
        var core = version.AsSpan();
        var end = core.IndexOfAny('-', '+');
        if (end >= 0)
        {
            var rest = core[(end + 1)..];
            if (rest.IsEmpty) return false;
            foreach (var c in rest)
            {
                if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '+')) return false;
            }
            core = core[..end];
        }
        if (!core.StartsWith("1.")) return false;
        core = core[2..];
        var dot = core.IndexOf('.');
        return dot > 0 && IsNumber(core[..dot]) && IsNumber(core[(dot + 1)..]);

        static bool IsNumber(ReadOnlySpan<char> text) =>
            text.Length > 0 && !text.ContainsAnyExceptInRange('0', '9') && (text.Length == 1 || text[0] != '0');
    }
}
