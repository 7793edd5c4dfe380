using System.Net;
using CrunSharp.Engine.Supervision;
using CrunSharp.Engine.Volumes;
using CrunSharp.Kernel;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;
using CrunSharp.Network;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Engine.Containers;

/// <summary>Makes a container from what was asked for and its image.</summary>
internal sealed class ContainerCreation(EnginePaths paths, VolumeStore volumes, ContainerStore containers, TimeProvider time)
{
    /// <summary>Makes it.</summary>
    /// <param name="request">What was asked for.</param>
    /// <param name="isStarting">Whether this process is about to start it.</param>
    /// <exception cref="CrunException">There is no such image, the name is taken, a source is missing, an option cannot be.</exception>
    public Container Run(ContainerRequest request, bool isStarting)
    {
        if (request.Name is { } wished && !ContainerStore.IsName(wished))
        {
            throw CrunException.Invalid($"Invalid container name ({wished}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
        }
        if (request.Image == "scratch") throw CrunException.Invalid("'scratch' is a reserved name");
        using var store = Store.Open(paths.Root, request.FetchLimits);
        var image = RequestedImage.Find(store, request);
        var config = Configure(request, image);
        Check(config);
        // Until the container's record names them, so that no removal of the image takes them away.
        store.Layers.Pin(image.DiffIds);
        config = config with { Host = config.Host with { Mounts = MountsOf(request, image) } };
        var container = Record(config, request);
        try
        {
            // After the container: whatever is killed, volumes without a name belong to one.
            foreach (var mount in config.Host.Mounts)
            {
                if (mount is { IsAnonymous: true, Name: { } name }) volumes.Make(name, isAnonymous: true);
            }
            return container;
        }
        catch
        {
            ContainerRemoval.Run(container, withVolumes: true);
            throw;
        }

        Container Record(ContainerConfig config, ContainerRequest request)
        {
            for (var tries = 0; ; tries++)
            {
                try
                {
                    return containers.Create(config, isStarting);
                }
                catch (CrunException error) when (error.Kind == ErrorKind.Exists && request.Name is null && tries < 100)
                {
                    config = config with { Name = ContainerNames.Random() };
                }
            }
        }
    }

    private ContainerConfig Configure(ContainerRequest request, Image image)
    {
        var id = KernelRandom.Hex(32);
        var from = image.Config.Config ?? new Oci.Images.ContainerConfig();
        // An ENTRYPOINT of one's own takes the image's CMD away.
        var entrypoint = request.Entrypoint is null ? from.Entrypoint ?? [] : request.Entrypoint.Length == 0 ? [] : [request.Entrypoint];
        var command = request.Command.Count > 0 || request.Entrypoint is not null ? request.Command : from.Cmd ?? [];
        if (entrypoint.Count + command.Count == 0) throw CrunException.Invalid("no command specified");
        var exposed = new SortedSet<string>((from.ExposedPorts?.Keys ?? []).Concat(request.ExposedPorts), StringComparer.Ordinal);
        var (host, shared) = WithNetwork(request);
        var hostname = request.Hostname ?? shared?.Config.Hostname ?? (host.Network == "host" ? System.Environment.MachineName : id[..12]);
        return new ContainerConfig
        {
            Id = id,
            Name = request.Name ?? ContainerNames.Random(),
            Created = Supervisor.Now(time),
            Image = request.Image,
            ImageId = image.Id.ToString(),
            Layers = [.. image.DiffIds.Select(static diffId => diffId.ToString())],
            Entrypoint = entrypoint,
            Cmd = command,
            Env = EnvironmentOf(request, from),
            WorkingDir = request.WorkingDir ?? from.WorkingDir ?? "",
            User = request.User ?? from.User ?? "",
            Hostname = hostname,
            Tty = request.Tty,
            OpenStdin = request.OpenStdin,
            Attached = request.Attached,
            Labels = LabelsOf(request, from),
            StopSignal = request.StopSignal ?? from.StopSignal ?? "",
            StopTimeout = request.StopTimeout ?? from.StopTimeout,
            ExposedPorts = [.. exposed],
            Healthcheck = from.Healthcheck,
            Shell = from.Shell,
            Host = host with { Ports = [.. host.Ports, .. request.PublishAll ? exposed.Select(Forward) : []] },
        };
    }

    // The network by its name, also when it was asked for by its id; and the container whose network it is.
    private (HostOptions Host, Container? Shared) WithNetwork(ContainerRequest request)
    {
        var host = request.Host;
        Container? shared = null;
        if (host.NetworkContainer is { } other)
        {
            if (other.Length == 0) throw CrunException.Invalid("invalid container format container:<name|id>");
            ReadOnlySpan<(bool IsAsked, string What)> ofItsOwn =
            [
                (request.Hostname is not null, "hostname and the network mode"),
                (host.Dns.Count > 0, "dns and the network mode"),
                (host.ExtraHosts.Count > 0, "custom host-to-IP mapping and the network mode"),
                (host.Ports.Count > 0 || request.PublishAll, "port publishing and the container type network mode"),
                (request.ExposedPorts.Count > 0, "port exposing and the container type network mode"),
            ];
            foreach (var (isAsked, what) in ofItsOwn)
                if (isAsked) throw CrunException.Invalid($"conflicting options: {what}");
            shared = containers.Find(other);
            host = host with { Network = $"container:{shared.Id}" };
        }
        if (host.HasUserNetwork) host = host with { Network = new NetworkStore(paths.Networks).Find(host.Network).Name };
        if (host.NetworkAliases.Count > 0 && !host.HasUserNetwork)
            throw CrunException.Invalid("network-scoped aliases are only supported for user-defined networks", $"invalid config for network {host.Network}");
        foreach (var alias in host.NetworkAliases)
            if (!NetworkNames.IsName(alias)) throw CrunException.Invalid($"\"{alias}\" is no name of a host", $"invalid config for network {host.Network}");
        if (host.IPv4Address.Length > 0)
        {
            if (!host.HasUserNetwork) throw CrunException.Invalid("user specified IP address is supported on user defined networks only", $"invalid config for network {host.Network}");
            new NetworkStore(paths.Networks).Find(host.Network).CheckAddress(IPAddress.Parse(host.IPv4Address));
        }
        return (host, shared);
    }

    private static void Check(ContainerConfig config)
    {
        Specs.SpecGenerator.Grant(config.Host);
        if (config.StopSignal.Length > 0) Signal.Parse(config.StopSignal);
        if (config.WorkingDir.Length > 0 && config.WorkingDir[0] != '/')
            throw CrunException.Invalid($"the working directory '{config.WorkingDir}' is invalid, it needs to be an absolute path");
        ContainerCgroup.Check(config.Host);
    }

    // Docker: the user's mounts, then the image's VOLUMEs that none of them covers, each a volume without a name.
    private List<ContainerMount> MountsOf(ContainerRequest request, Image image)
    {
        var mounts = new List<ContainerMount>();
        foreach (var mount in request.Host.Mounts) mounts.Add(Resolve(mount, request));
        foreach (var destination in image.Config.Config?.Volumes?.Keys.Order(StringComparer.Ordinal) ?? Enumerable.Empty<string>())
        {
            if (!mounts.Exists(mount => mount.Destination.TrimEnd('/') == destination.TrimEnd('/')))
                mounts.Add(Resolve(new ContainerMount { Type = "volume", Destination = destination }, request));
        }
        return mounts;
    }

    private ContainerMount Resolve(ContainerMount mount, ContainerRequest request)
    {
        if (mount.Type == "volume")
        {
            var isAnonymous = mount.Name is null;
            var name = isAnonymous ? VolumeStore.NewName() : volumes.Create(mount.Name).Name;
            return mount with { Name = name, Source = volumes.DataOf(name), IsAnonymous = isAnonymous };
        }
        if (mount.Type == "bind" && FileAt.TryStatus(null, mount.Source, followLinks: true) is null)
        {
            if (!request.SourcesToMake.Contains(mount.Source))
                throw CrunException.Invalid($"invalid mount config for type \"bind\": bind source path does not exist: {mount.Source}");
            FileAt.MakeDirectories(mount.Source, 0x1ed);
        }
        return mount;
    }

    private static List<string> EnvironmentOf(ContainerRequest request, Oci.Images.ContainerConfig from)
    {
        var environment = new List<string>();
        foreach (var variable in from.Env ?? []) Specs.SpecGenerator.Set(environment, variable);
        foreach (var (name, value) in request.Environment)
        {
            if (value is null) environment.RemoveAll(e => e.StartsWith(name + "=", StringComparison.Ordinal));
            else Specs.SpecGenerator.Set(environment, $"{name}={value}");
        }
        return environment;
    }

    private static Dictionary<string, string> LabelsOf(ContainerRequest request, Oci.Images.ContainerConfig from)
    {
        var labels = new Dictionary<string, string>(from.Labels ?? new Dictionary<string, string>());
        foreach (var (name, value) in request.Labels) labels[name] = value;
        return labels;
    }

    private static PortForward Forward(string exposed)
    {
        var slash = exposed.IndexOf('/', StringComparison.Ordinal);
        return new PortForward
        {
            ContainerPort = ushort.Parse(slash < 0 ? exposed : exposed[..slash]),
            Protocol = slash < 0 ? PortProtocol.Tcp : Enum.Parse<PortProtocol>(exposed[(slash + 1)..], ignoreCase: true),
        };
    }
}
