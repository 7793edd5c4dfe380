using System.Net;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Options;
using CrunSharp.Engine.Containers;
using CrunSharp.Network;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary>Turns the options of <c>run</c> and <c>create</c> into what the engine is asked for.</summary>
internal static class RequestBuilder
{
    /// <summary>The request.</summary>
    /// <exception cref="CrunException">An option cannot be honoured.</exception>
    public static ContainerRequest Build(RunOptions options, CommandContext context, IReadOnlyList<string> operands)
    {
        var labels = new Dictionary<string, string>();
        foreach (var (name, value) in options.Labels) labels[name] = value;
        var sysctls = new Dictionary<string, string>();
        foreach (var (name, value) in options.Sysctls) sysctls[name] = value;
        return new ContainerRequest
        {
            Image = operands[0],
            Platform = ImageFetch.PlatformOf(context, options.Platform),
            FetchLimits = StoreAccess.LimitsOf(context),
            AlwaysFetch = options.Pull == PullPolicy.Always,
            Fetch = options.Pull == PullPolicy.Never ? null : (store, name) => Fetch(options, context, operands, store, name),
            Warn = text => context.Error.WriteLine($"WARNING: {text}"),
            Name = options.Name,
            Command = [.. operands.Skip(1)],
            Entrypoint = options.Entrypoint,
            Environment = [.. options.ReadEnvironment(context.Variable).Select(static e => new KeyValuePair<string, string?>(e.Name, e.Value))],
            WorkingDir = options.WorkingDirectory,
            User = options.User,
            Hostname = options.HostName,
            Tty = options.Tty,
            OpenStdin = options.Interactive,
            Attached = !options.Detach,
            Labels = labels,
            StopSignal = options.StopSignal,
            StopTimeout = options.StopTimeout,
            ExposedPorts = options.Exposed,
            PublishAll = options.PublishAll,
            SourcesToMake = SourcesToMake(options),
            Host = HostOf(options) with { Sysctls = sysctls },
        };
    }

    private static void Fetch(RunOptions options, CommandContext context, IReadOnlyList<string> operands, Store store, ImageReference name)
    {
        // A slip of the tongue brings nothing from the network.
        if (RunHints.MeansBuild(operands)) throw CrunException.NotFound($"No such image: {name.Familiar}");
        if (options.Pull == PullPolicy.Missing && !options.Quiet) context.Error.WriteLine($"Unable to find image '{name.Familiar}' locally");
        ImageFetch.Need(context, store, name, options.Platform, options.Quiet);
    }

    private static HashSet<string> SourcesToMake(RunOptions options)
    {
        var sources = new HashSet<string>();
        foreach (var mount in options.Mounts)
        {
            if (mount is { MakesSource: true, Source: { } source }) sources.Add(source);
        }
        return sources;
    }

    private static HostOptions HostOf(RunOptions options) => WithNetwork(options, new()
    {
        Mounts = [.. options.Mounts.Select(MountOf)],
        Ports = [.. options.Published.Select(PortOf)],
        Memory = options.Memory ?? 0,
        NanoCpus = options.NanoCpus ?? 0,
        PidsLimit = options.PidsLimit ?? 0,
        ReadOnly = options.ReadOnly,
        CapAdd = options.CapabilitiesAdded,
        CapDrop = options.CapabilitiesDropped,
        Privileged = options.Privileged,
        Init = options.Init,
        AutoRemove = options.Remove,
        ShmSize = options.SharedMemory ?? 64 * 1024 * 1024,
        ExtraHosts = [.. options.Hosts.Select(static h => $"{h.Name}:{h.Address}")],
        Dns = options.NameServers,
        DnsSearch = options.SearchDomains,
        DnsOptions = options.ResolverOptions,
        Ulimits = [.. options.Ulimits.Select(static u => $"{u.Name}={u.Soft}:{u.Hard}")],
        NoNewPrivileges = options.NoNewPrivileges,
        Seccomp = options.SeccompProfile is null or "unconfined" ? options.SeccompProfile ?? "" : ReadProfile(options.SeccompProfile),
        Devices = [.. options.Devices.Select(static d => $"{d.Source}:{d.Target}:{d.Permissions}")],
        GroupAdd = options.Groups,
        LogDriver = options.LogDriver,
    });

    private static HostOptions WithNetwork(RunOptions options, HostOptions host)
    {
        if (options.Networks.Count > 1) throw CrunException.Unsupported("a container can join one network only in this version");
        var network = options.Networks.Count > 0 ? options.Networks[0] : new NetworkSpec { Name = "bridge" };
        if (network.Aliases.Count > 0 && options.Aliases.Count > 0)
            throw CrunException.Invalid("conflicting options: cannot specify both --network-alias and per-network alias");
        if (network.Ip is not null && options.Address is not null)
            throw CrunException.Invalid("conflicting options: cannot specify both --ip and per-network IPv4 address");
        if (network.Ip6 is not null) throw CrunException.Unsupported("networks have IPv4 only in this version");
        if (network.MacAddress is not null) throw CrunException.Unsupported("the Ethernet address of a container cannot be chosen in this version");
        return host with
        {
            Network = network.Name is "default" ? "bridge" : network.Name,
            IPv4Address = options.Address ?? (network.Ip is { } ip ? ValueSyntax.IPv4Address(ip) : ""),
            NetworkAliases = [.. network.Aliases, .. options.Aliases],
        };
    }

    private static string ReadProfile(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CrunException.Invalid($"opening seccomp profile ({path}) failed: {CrunException.Of(error).Message}");
        }
    }

    private static PortForward PortOf(PublishSpec port) => new()
    {
        HostIp = port.HostAddress is { } address ? IPAddress.Parse(address) : null,
        HostPort = port.HostPort,
        LastHostPort = port.LastHostPort > port.HostPort ? port.LastHostPort : null,
        ContainerPort = port.ContainerPort,
        Protocol = Enum.Parse<PortProtocol>(port.Protocol, ignoreCase: true),
    };

    private static ContainerMount MountOf(VolumeSpec mount)
    {
        if (mount.Subpath is not null) throw CrunException.Unsupported("volume-subpath is not in this version");
        if (mount.Driver is not (null or "local") || mount.DriverOptions.Count > 0) throw CrunException.Unsupported("volumes have no drivers in this version");
        return new ContainerMount
        {
            Type = mount.Kind.ToString().ToLowerInvariant(),
            Name = mount.Kind == VolumeKind.Volume ? mount.Source : null,
            Source = mount.Kind == VolumeKind.Bind ? mount.Source! : "",
            Destination = mount.Target,
            ReadOnly = mount.ReadOnly,
            Propagation = mount.Propagation ?? "",
            NonRecursive = mount.NonRecursive,
            NoCopy = mount.NoCopy,
            Options = TmpfsOptionsOf(mount),
        };
    }

    private static List<string> TmpfsOptionsOf(VolumeSpec mount)
    {
        var options = new List<string>(mount.TmpfsOptions);
        if (mount.TmpfsSize is { } size) options.Add($"size={size}");
        if (mount.TmpfsMode is { } mode) options.Add($"mode={Convert.ToString(mode, 8)}");
        return options;
    }
}
