using System.Net;
using CrunSharp.Engine.Containers;
using CrunSharp.Kernel.Files;
using CrunSharp.Network;
using CrunSharp.Oci;
using CrunSharp.Runtime.Lifecycle;

namespace CrunSharp.Engine.Supervision;

/// <summary>A container's part of its network: reserved before its process exists, plugged in when it does.</summary>
internal sealed class ContainerNetwork
{
    private readonly ContainerConfig _config;
    private readonly string _files;
    private readonly BridgeNetwork? _bridge;
    private readonly PortReservation? _ports;
    private readonly EndpointLease? _lease;
    private readonly NameService? _names;
    private readonly SharedNetwork? _shared;
    private readonly CleanupStack _cleanup;

    private ContainerNetwork(Container container, string files, CleanupStack cleanup)
    {
        (_config, _files, _cleanup) = (container.Config, files, cleanup);
        if (_config.Host.NetworkContainer is { } other) _shared = cleanup.Owns(SharedNetwork.Open(container.Paths, other));
        if (!_config.Host.HasBridge) return;
        _bridge = new NetworkStore(container.Paths.Networks).Open(_config.Host.Network);
        _ports = cleanup.Owns(_bridge.Reserve(_config.Host.Ports));
        var lease = _lease = _bridge.Lease(_config.Id, _config.Host.IPv4Address.Length > 0 ? IPAddress.Parse(_config.Host.IPv4Address) : null);
        cleanup.Push(() => _bridge.Release(lease));
        if (_config.Host.HasUserNetwork && _bridge.PrepareNames([.. _config.Host.Dns.Select(IPAddress.Parse)]) is { } names) _names = cleanup.Owns(names);
    }

    /// <summary>Reserves ports and an address.</summary>
    /// <param name="container">The container.</param>
    /// <param name="cleanup">Gives them back.</param>
    /// <param name="files">Where the container's <c>/etc/hosts</c> and the like are written; null for its own directory.</param>
    public static ContainerNetwork Prepare(Container container, CleanupStack cleanup, string? files = null) =>
        new(container, files ?? container.Path, cleanup);

    /// <summary>Gives back what a container had whose supervisor was killed.</summary>
    public static void Release(Container container, ContainerState state)
    {
        if (!container.Config.Host.HasBridge) return;
        var networks = new NetworkStore(container.Paths.Networks);
        if (container.Config.Host.HasUserNetwork)
        {
            networks.Forget(container.Id);
            return;
        }
        var bridge = networks.Open(container.Config.Host.Network);
        if (state.Endpoint is { } endpoint) bridge.Disconnect(endpoint);
        bridge.Forget(container.Id); // it may have been killed before it wrote that down
    }

    /// <summary>Gives back what the step of a build had whose process was killed; it may have had nothing.</summary>
    public static void ReleaseStep(EnginePaths paths, string id)
    {
        if (FileAt.TryStatus(null, paths.Networks.Run) is null) return;
        new NetworkStore(paths.Networks).Forget(id);
    }

    /// <summary>Writes <c>hosts</c>, <c>hostname</c> and <c>resolv.conf</c>; their directory, which is another container's with its network.</summary>
    public string WriteFiles()
    {
        if (_shared is not null) return _shared.Files;
        using var directory = FileAt.OpenDirectory(_files);
        foreach (var (name, content) in EtcFiles.For(_config, _lease))
            AtomicFile.Write(directory, name, content, mode: 0x1a4);
        return _files;
    }

    /// <summary>A configuration whose container joins the network that it shares, if it does.</summary>
    public Oci.Runtime.RuntimeSpec Into(Oci.Runtime.RuntimeSpec spec) => _shared?.Into(spec) ?? spec;

    /// <summary>Plugs the container's process in.</summary>
    /// <param name="launch">A container whose process is in its network namespace.</param>
    public EndpointRecord? Connect(Launch launch)
    {
        if (_bridge is null) return null;
        var request = new EndpointRequest { ContainerId = _config.Id, Pid = launch.Process.Pid, Hostname = _config.Hostname, Names = NamesOf(_config) };
        EndpointRecord endpoint;
        try
        {
            endpoint = _bridge.Connect(request, _lease!, _ports!, _names);
        }
        catch (CrunException)
        {
            launch.WaitUntilReady(); // if the process has ended, it tells why
            throw;
        }
        _cleanup.Push(() => _bridge.Disconnect(endpoint));
        return endpoint;
    }

    // Steps of builds have no name, and nobody looks for them.
    private static IReadOnlyList<string> NamesOf(ContainerConfig config) =>
        config.Host.HasUserNetwork && config.Name.Length > 0 ? NetworkNames.Of(config.Name, config.Host.NetworkAliases, config.Id, config.Hostname) : [];
}
