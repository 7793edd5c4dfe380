using System.Runtime.InteropServices;
using CrunSharp.Engine.Containers;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Defaults;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Engine.Specs;

/// <summary>Makes the runtime's document of a container from what was asked for.</summary>
public static class SpecGenerator
{
    private const string DefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>The document.</summary>
    /// <param name="config">What was asked for.</param>
    /// <param name="root">The root file system, for its users.</param>
    /// <param name="files">Where the container's own <c>/etc/hosts</c> and the like lie; null for none.</param>
    /// <param name="volumes">The host's directory of a volume.</param>
    /// <exception cref="CrunException">A user, capability, limit or device does not exist.</exception>
    public static RuntimeSpec Generate(ContainerConfig config, SafeFileHandle root, string? files, Func<string, string> volumes)
    {
        var host = config.Host;
        var (user, home) = UserLookup.Find(root, config.User, host.GroupAdd);
        var granted = Grant(host);
        return new RuntimeSpec
        {
            OciVersion = "1.2.0",
            Root = new RootSpec { Path = "rootfs", Readonly = host.ReadOnly },
            Hostname = host.Network == "host" ? null : config.Hostname,
            Process = new ProcessSpec
            {
                Terminal = config.Tty,
                User = user,
                Args = [.. config.Entrypoint, .. config.Cmd],
                Env = EnvironmentOf(config, home),
                Cwd = config.WorkingDir.Length == 0 ? "/" : config.WorkingDir,
                Capabilities = DefaultCapabilities.For(granted, user.Uid),
                NoNewPrivileges = host.NoNewPrivileges,
                Rlimits = [.. host.Ulimits.Select(Limit)],
            },
            Mounts = MountsOf(config, files, volumes),
            Linux = new LinuxSpec
            {
                Namespaces = NamespacesOf(host),
                MaskedPaths = host.Privileged ? [] : DefaultPaths.Masked(),
                ReadonlyPaths = host.Privileged ? [] : DefaultPaths.ReadOnly,
                Sysctl = SysctlsOf(host),
                Resources = ResourcesOf(host),
                Devices = [.. host.Devices.Select(DeviceOf)],
            },
        };
    }

    /// <summary>The capabilities that a container gets.</summary>
    /// <exception cref="CrunException">There is no such capability.</exception>
    public static CapabilitySet Grant(HostOptions host)
    {
        var available = CapabilitySet.OfThisProcess().Permitted;
        if (host.Privileged) return available;
        var granted = DefaultCapabilities.Set;
        var dropped = CapabilitySet.Empty;
        foreach (var name in host.CapDrop) dropped |= CapabilitySet.Parse(name);
        granted -= dropped;
        foreach (var name in host.CapAdd)
        {
            var set = CapabilitySet.Parse(name);
            granted |= string.Equals(name, "all", StringComparison.OrdinalIgnoreCase) ? set - dropped : set;
        }
        return granted & available;
    }

    /// <summary>The environment of a process in the container.</summary>
    public static IReadOnlyList<string> EnvironmentOf(ContainerConfig config, string home)
    {
        var environment = new List<string> { DefaultPath };
        if (config.Hostname.Length > 0) environment.Add($"HOSTNAME={config.Hostname}");
        if (config.Tty) environment.Add("TERM=xterm");
        foreach (var variable in config.Env) Set(environment, variable);
        if (!environment.Exists(static e => e.StartsWith("HOME=", StringComparison.Ordinal))) environment.Add($"HOME={home}");
        return environment;
    }

    /// <summary>Sets a variable, replacing one of the same name; what has no <c>=</c> is no variable.</summary>
    public static void Set(List<string> environment, string variable)
    {
        var equals = variable.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0) return;
        var at = environment.FindIndex(e => e.AsSpan().StartsWith(variable.AsSpan(0, equals + 1), StringComparison.Ordinal));
        if (at < 0) environment.Add(variable);
        else environment[at] = variable;
    }

    private static List<NamespaceSpec> NamespacesOf(HostOptions host)
    {
        var namespaces = new List<NamespaceSpec>();
        foreach (var type in (ReadOnlySpan<string>)["pid", "network", "mount", "ipc", "uts", "cgroup"])
        {
            if (type is "network" or "uts" && host.Network == "host") continue;
            if (type == "cgroup" && host.Privileged) continue;
            namespaces.Add(new NamespaceSpec { Type = type });
        }
        return namespaces;
    }

    // The mounts that everybody gets, then those that were asked for with the outer ones first: the longer path wins.
    private static List<MountSpec> MountsOf(ContainerConfig config, string? files, Func<string, string> volumes)
    {
        var host = config.Host;
        var mounts = new List<MountSpec>();
        foreach (var mount in DefaultMounts.List)
        {
            if (host.Mounts.Any(m => m.Destination == mount.Destination)) continue;
            mounts.Add(mount.Destination switch
            {
                "/dev/shm" => DefaultMounts.SharedMemory(host.ShmSize),
                "/sys" or "/sys/fs/cgroup" when host.Privileged => mount with { Options = [.. (mount.Options ?? []).Where(static o => o != "ro")] },
                _ => mount,
            });
        }
        if (files is not null)
        {
            foreach (var name in (ReadOnlySpan<string>)["resolv.conf", "hostname", "hosts"])
            {
                if (!host.Mounts.Any(m => m.Destination == "/etc/" + name))
                    mounts.Add(new MountSpec { Destination = "/etc/" + name, Type = "bind", Source = $"{files}/{name}", Options = ["rbind", "rprivate"] });
            }
        }
        var wished = new List<ContainerMount>(host.Mounts);
        CollectionsMarshal.AsSpan(wished).Sort(OuterFirst);
        foreach (var mount in wished) mounts.Add(SpecOf(mount, volumes));
        return mounts;
    }

    private static int OuterFirst(ContainerMount a, ContainerMount b) =>
        a.Destination.AsSpan().Count('/').CompareTo(b.Destination.AsSpan().Count('/')) is not 0 and var order
            ? order : string.CompareOrdinal(a.Destination, b.Destination);

    private static MountSpec SpecOf(ContainerMount mount, Func<string, string> volumes)
    {
        if (mount.Type == "tmpfs")
            return new MountSpec { Destination = mount.Destination, Type = "tmpfs", Source = "tmpfs", Options = ["nosuid", "nodev", "noexec", .. mount.Options] };
        var options = new List<string> { mount.NonRecursive ? "bind" : "rbind", mount.Propagation.Length > 0 ? mount.Propagation : "rprivate" };
        // Docker: a recursive read-only bind mount is read-only all the way down.
        if (mount.ReadOnly) options.AddRange(mount.NonRecursive ? ["ro"] : ["ro", "rro"]);
        return new MountSpec
        {
            Destination = mount.Destination,
            Type = "bind",
            Source = mount.Type == "volume" ? volumes(mount.Name!) : mount.Source,
            Options = options,
        };
    }

    private static Dictionary<string, string>? SysctlsOf(HostOptions host)
    {
        var sysctls = new Dictionary<string, string>(host.Sysctls);
        // Those of a shared network are what its own container made them.
        if (host.Network != "host" && host.NetworkContainer is null)
        {
            foreach (var (key, value) in DefaultSysctls.Network) sysctls.TryAdd(key, value);
        }
        return sysctls.Count > 0 ? sysctls : null;
    }

    internal static ResourcesSpec ResourcesOf(HostOptions host) => new()
    {
        Devices = host.Privileged ? null : [.. DefaultDevices.Rules, .. host.Devices.Select(RuleOf)],
        Memory = host.Memory > 0 ? new MemorySpec { Limit = host.Memory, Swap = host.Memory * 2 } : null,
        Cpu = host.NanoCpus > 0 ? new CpuSpec { Period = 100_000, Quota = host.NanoCpus / 10_000 } : null,
        Pids = host.PidsLimit > 0 ? new PidsSpec { Limit = host.PidsLimit } : null,
    };

    private static RlimitSpec Limit(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        var values = text[(equals + 1)..].Split(':');
        return new RlimitSpec
        {
            Type = ResourceLimits.Parse(text[..equals]).ToName(),
            Soft = Number(values[0]),
            Hard = Number(values[^1]),
        };

        static ulong Number(string value) => value == "-1" ? ulong.MaxValue : ulong.Parse(value);
    }

    private static DeviceSpec DeviceOf(string text)
    {
        var parts = text.Split(':');
        var status = Kernel.Files.FileAt.TryStatus(null, parts[0], followLinks: true)
            ?? throw CrunException.NotFound($"error gathering device information while adding custom device \"{parts[0]}\": no such file or directory");
        if (status.Kind is not (Kernel.Files.FileKind.CharacterDevice or Kernel.Files.FileKind.BlockDevice))
            throw CrunException.Invalid($"error gathering device information while adding custom device \"{parts[0]}\": not a device node");
        return new DeviceSpec
        {
            Path = parts.Length > 1 && parts[1].StartsWith('/') ? parts[1] : parts[0],
            Type = status.Kind == Kernel.Files.FileKind.BlockDevice ? "b" : "c",
            Major = status.RdevMajor,
            Minor = status.RdevMinor,
            FileMode = status.Mode,
            Uid = status.Uid,
            Gid = status.Gid,
        };
    }

    private static DeviceRule RuleOf(string text)
    {
        var parts = text.Split(':');
        var device = DeviceOf(text);
        var access = parts.Length == 3 ? parts[2] : parts.Length == 2 && !parts[1].StartsWith('/') ? parts[1] : "rwm";
        return new DeviceRule { Allow = true, Type = device.Type, Major = device.Major, Minor = device.Minor, Access = access };
    }
}
