using CrunSharp.Cli.Commands.Networks;
using CrunSharp.Cli.Templates;
using CrunSharp.Engine.Containers;
using CrunSharp.Network;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary>A container as <c>inspect</c> shows it, in docker's schema.</summary>
internal static class ContainerDocument
{
    private const string Never = "0001-01-01T00:00:00Z";

    public static DomObject Of(Container container)
    {
        container.RequireWhole();
        var (config, state) = (container.Config, container.State);
        IReadOnlyList<string> command = [.. config.Entrypoint, .. config.Cmd];
        return new DomObject
        {
            ["Id"] = config.Id,
            ["Created"] = config.Created,
            ["Path"] = command[0],
            ["Args"] = Strings(command.Skip(1)),
            ["State"] = StateOf(state),
            ["Image"] = config.ImageId,
            ["ResolvConfPath"] = $"{container.Path}/resolv.conf",
            ["HostnamePath"] = $"{container.Path}/hostname",
            ["HostsPath"] = $"{container.Path}/hosts",
            ["LogPath"] = config.Host.LogDriver == "json-file" ? container.LogPath : "",
            ["Name"] = "/" + config.Name,
            ["RestartCount"] = 0L,
            ["Driver"] = "overlay2",
            ["Platform"] = "linux",
            ["MountLabel"] = "",
            ["ProcessLabel"] = "",
            ["AppArmorProfile"] = "",
            ["ExecIDs"] = null,
            ["HostConfig"] = HostOf(config.Host),
            ["GraphDriver"] = new DomObject
            {
                ["Data"] = new DomObject { ["UpperDir"] = $"{container.Path}/upper", ["WorkDir"] = $"{container.Path}/work" },
                ["Name"] = "overlay2",
            },
            ["Mounts"] = config.Host.Mounts.Select(MountOf).ToList<object?>(),
            ["Config"] = ConfigOf(config),
            ["NetworkSettings"] = NetworkOf(config, state),
        };
    }

    private static DomObject StateOf(ContainerState state) => new()
    {
        ["Status"] = ContainerRows.StateOf(state),
        ["Running"] = state.Status == ContainerStatus.Running,
        ["Paused"] = false,
        ["Restarting"] = false,
        ["OOMKilled"] = state.OomKilled,
        ["Dead"] = state.Status == ContainerStatus.Dead,
        ["Pid"] = (long)state.Pid,
        ["ExitCode"] = (long)state.ExitCode,
        ["Error"] = state.Error,
        ["StartedAt"] = state.StartedAt.Length > 0 ? state.StartedAt : Never,
        ["FinishedAt"] = state.FinishedAt.Length > 0 ? state.FinishedAt : Never,
    };

    private static DomObject ConfigOf(ContainerConfig config)
    {
        var document = new DomObject
        {
            ["Hostname"] = config.Hostname,
            ["Domainname"] = "",
            ["User"] = config.User,
            ["AttachStdin"] = config.Attached && config.OpenStdin,
            ["AttachStdout"] = config.Attached,
            ["AttachStderr"] = config.Attached,
        };
        if (config.ExposedPorts.Count > 0) document["ExposedPorts"] = Set(config.ExposedPorts);
        document["Tty"] = config.Tty;
        document["OpenStdin"] = config.OpenStdin;
        document["StdinOnce"] = config.Attached && config.OpenStdin;
        document["Env"] = Strings(config.Env);
        document["Cmd"] = config.Cmd.Count > 0 ? Strings(config.Cmd) : null;
        if (config.Healthcheck is { } health) document["Healthcheck"] = new DomObject
        {
            ["Test"] = Strings(health.Test ?? []),
            ["Interval"] = health.Interval ?? 0,
            ["Timeout"] = health.Timeout ?? 0,
            ["Retries"] = (long)(health.Retries ?? 0),
        };
        document["Image"] = config.Image;
        document["Volumes"] = null;
        document["WorkingDir"] = config.WorkingDir;
        document["Entrypoint"] = config.Entrypoint.Count > 0 ? Strings(config.Entrypoint) : null;
        document["OnBuild"] = null;
        document["Labels"] = Map(config.Labels);
        if (config.StopSignal.Length > 0) document["StopSignal"] = config.StopSignal;
        if (config.StopTimeout is { } timeout) document["StopTimeout"] = (long)timeout;
        return document;
    }

    private static DomObject HostOf(HostOptions host) => new()
    {
        ["Binds"] = host.Mounts.Count == 0 ? null : Strings(host.Mounts.Where(static m => m.Type != "tmpfs")
            .Select(static m => $"{m.Name ?? m.Source}:{m.Destination}{(m.ReadOnly ? ":ro" : "")}")),
        ["LogConfig"] = new DomObject { ["Type"] = host.LogDriver, ["Config"] = new DomObject { IsMap = true } },
        ["NetworkMode"] = host.Network,
        ["PortBindings"] = Bindings(host.Ports.Select(static p => (p.HostIp?.ToString() ?? "", p.HostPort, p.ContainerPort, p.Protocol.ToString()))),
        ["RestartPolicy"] = new DomObject { ["Name"] = "no", ["MaximumRetryCount"] = 0L },
        ["AutoRemove"] = host.AutoRemove,
        ["CapAdd"] = host.CapAdd.Count > 0 ? Strings(host.CapAdd) : null,
        ["CapDrop"] = host.CapDrop.Count > 0 ? Strings(host.CapDrop) : null,
        ["Dns"] = Strings(host.Dns),
        ["DnsOptions"] = Strings(host.DnsOptions),
        ["DnsSearch"] = Strings(host.DnsSearch),
        ["ExtraHosts"] = host.ExtraHosts.Count > 0 ? Strings(host.ExtraHosts) : null,
        ["GroupAdd"] = host.GroupAdd.Count > 0 ? Strings(host.GroupAdd) : null,
        ["Privileged"] = host.Privileged,
        ["ReadonlyRootfs"] = host.ReadOnly,
        ["SecurityOpt"] = host.NoNewPrivileges ? Strings(["no-new-privileges"]) : null,
        ["ShmSize"] = host.ShmSize,
        ["Sysctls"] = Map(host.Sysctls),
        ["Memory"] = host.Memory,
        ["NanoCpus"] = host.NanoCpus,
        ["PidsLimit"] = host.PidsLimit > 0 ? host.PidsLimit : null,
        ["Init"] = host.Init,
    };

    private static object? MountOf(ContainerMount mount)
    {
        var document = new DomObject { ["Type"] = mount.Type };
        if (mount.Name is not null) document["Name"] = mount.Name;
        document["Source"] = mount.Source;
        document["Destination"] = mount.Destination;
        if (mount.Type == "volume") document["Driver"] = "local";
        document["Mode"] = mount.ReadOnly ? "ro" : "";
        document["RW"] = !mount.ReadOnly;
        document["Propagation"] = mount.Type == "bind" ? mount.Propagation.Length > 0 ? mount.Propagation : "rprivate" : "";
        return document;
    }

    private static DomObject NetworkOf(ContainerConfig config, ContainerState state)
    {
        // At the top docker shows the default network only.
        var endpoint = config.Host.Network == "bridge" ? state.Endpoint : null;
        return new DomObject
        {
            ["SandboxKey"] = state.Pid > 0 ? $"/proc/{state.Pid}/ns/net" : "",
            ["Ports"] = PortsOf(config, state),
            ["Gateway"] = endpoint?.Gateway.ToString() ?? "",
            ["IPAddress"] = endpoint?.Address.ToString() ?? "",
            ["IPPrefixLen"] = (long)(endpoint?.PrefixLength ?? 0),
            ["MacAddress"] = endpoint?.MacAddress ?? "",
            ["Networks"] = config.Host.NetworkContainer is null ? new DomObject { IsMap = true, [config.Host.Network] = EndpointOf(config, state) } : new DomObject { IsMap = true },
        };
    }

    private static DomObject EndpointOf(ContainerConfig config, ContainerState state)
    {
        var (host, endpoint) = (config.Host, state.Endpoint);
        var isRunning = state.Status == ContainerStatus.Running;
        return new DomObject
        {
            ["IPAMConfig"] = host.IPv4Address.Length > 0 ? new DomObject { ["IPv4Address"] = host.IPv4Address } : null,
            ["Links"] = null,
            ["Aliases"] = host.NetworkAliases.Count > 0 ? Strings(host.NetworkAliases) : null,
            ["MacAddress"] = endpoint?.MacAddress ?? "",
            ["DriverOpts"] = null,
            ["NetworkID"] = !isRunning ? "" : endpoint is { NetworkId.Length: > 0 } ? endpoint.NetworkId : NetworkStore.IdOfPredefined(host.Network),
            ["EndpointID"] = endpoint is null ? "" : NetworkDocument.EndpointIdOf(endpoint),
            ["Gateway"] = endpoint is { IsInternal: false } ? endpoint.Gateway.ToString() : "",
            ["IPAddress"] = endpoint?.Address.ToString() ?? "",
            ["IPPrefixLen"] = (long)(endpoint?.PrefixLength ?? 0),
            ["IPv6Gateway"] = "",
            ["GlobalIPv6Address"] = "",
            ["GlobalIPv6PrefixLen"] = 0L,
            ["DNSNames"] = endpoint is { Names.Count: > 0 } ? Strings(endpoint.Names) : null,
        };
    }

    private static DomObject PortsOf(ContainerConfig config, ContainerState state)
    {
        var ports = Bindings((state.Endpoint?.Ports ?? []).Select(static p => (p.HostIp?.ToString() ?? "0.0.0.0", p.HostPort, p.ContainerPort, p.Protocol.ToString())));
        if (state.Status != ContainerStatus.Running) return ports;
        foreach (var exposed in config.ExposedPorts)
        {
            if (!ports.TryGet(exposed, out _)) ports[exposed] = null;
        }
        return ports;
    }

    private static DomObject Bindings(IEnumerable<(string HostIp, ushort HostPort, ushort ContainerPort, string Protocol)> ports)
    {
        var bindings = new DomObject { IsMap = true };
        foreach (var (hostIp, hostPort, containerPort, protocol) in ports)
        {
            var name = $"{containerPort}/{protocol.ToLowerInvariant()}";
            var list = bindings[name] as List<object?> ?? [];
            list.Add(new DomObject { ["HostIp"] = hostIp, ["HostPort"] = hostPort == 0 ? "" : hostPort.ToString() });
            bindings[name] = list;
        }
        return bindings;
    }

    private static List<object?> Strings(IEnumerable<string> values) => [.. values];

    private static DomObject Set(IEnumerable<string> names)
    {
        var set = new DomObject { IsMap = true };
        foreach (var name in names) set[name] = new DomObject();
        return set;
    }

    private static DomObject Map(IEnumerable<KeyValuePair<string, string>> values)
    {
        var map = new DomObject { IsMap = true };
        foreach (var (name, value) in values) map[name] = value;
        return map;
    }
}
