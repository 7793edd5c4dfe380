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
    private readonly CleanupStack _cleanup;

    private ContainerNetwork(Container container, string files, CleanupStack cleanup)
    {
        (_config, _files, _cleanup) = (container.Config, files, cleanup);
        if (_config.Host.Network != "bridge") return;
        _bridge = BridgeNetwork.OpenDefault(PathsOf(container.Paths));
        _ports = cleanup.Owns(_bridge.Reserve(_config.Host.Ports));
        var lease = _lease = _bridge.Lease(_config.Id);
        cleanup.Push(() => _bridge.Release(lease));
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
        if (container.Config.Host.Network != "bridge") return;
        var bridge = BridgeNetwork.OpenDefault(PathsOf(container.Paths));
        if (state.Endpoint is { } endpoint) bridge.Disconnect(endpoint);
        bridge.Forget(container.Id); // it may have been killed before it wrote that down
    }

    /// <summary>Gives back what the step of a build had whose process was killed; it may have had nothing.</summary>
    public static void ReleaseStep(EnginePaths paths, string id)
    {
        if (FileAt.TryStatus(null, PathsOf(paths).Run) is null) return;
        BridgeNetwork.OpenDefault(PathsOf(paths)).Forget(id);
    }

    /// <summary>Writes <c>hosts</c>, <c>hostname</c> and <c>resolv.conf</c>; their directory.</summary>
    public string WriteFiles()
    {
        using var directory = FileAt.OpenDirectory(_files);
        foreach (var (name, content) in EtcFiles.For(_config, _lease))
            AtomicFile.Write(directory, name, content, mode: 0x1a4);
        return _files;
    }

    /// <summary>Plugs the container's process in.</summary>
    /// <param name="launch">A container whose process is in its network namespace.</param>
    public EndpointRecord? Connect(Launch launch)
    {
        if (_bridge is null) return null;
        var request = new EndpointRequest { ContainerId = _config.Id, Pid = launch.Process.Pid, Hostname = _config.Hostname };
        EndpointRecord endpoint;
        try
        {
            endpoint = _bridge.Connect(request, _lease!, _ports!);
        }
        catch (CrunException)
        {
            launch.WaitUntilReady(); // if the process has ended, it tells why
            throw;
        }
        _cleanup.Push(() => _bridge.Disconnect(endpoint));
        return endpoint;
    }

    private static NetworkPaths PathsOf(EnginePaths paths) => new() { Run = Path.Combine(paths.RunRoot, "net") };
}
