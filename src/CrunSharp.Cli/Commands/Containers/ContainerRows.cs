using System.Globalization;
using CrunSharp.Engine.Containers;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary>Containers as <c>ps</c> lists them.</summary>
internal static class ContainerRows
{
    /// <summary>A container's row.</summary>
    public static ContainerRow Of(Container container)
    {
        var (config, state) = (container.Config, container.State);
        return new ContainerRow
        {
            Id = config.Id,
            Names = [config.Name],
            Image = config.Image,
            ImageId = config.ImageId,
            Command = string.Join(' ', [.. config.Entrypoint, .. config.Cmd]),
            Created = Moment(config.Created) ?? default,
            State = StateOf(state),
            Started = Moment(state.StartedAt),
            Finished = Moment(state.FinishedAt),
            ExitCode = state.ExitCode,
            Ports = PortsOf(container),
            Labels = [.. config.Labels],
            Mounts = [.. config.Host.Mounts.Select(static m => m.Name ?? m.Source)],
            LocalVolumes = config.Host.Mounts.Count(static m => m.Type == "volume"),
            Networks = config.Host.NetworkContainer is null ? [config.Host.Network] : [],
            Platform = "linux",
        };
    }

    /// <summary>The state in Docker's word.</summary>
    public static string StateOf(ContainerState state) => state.Status switch
    {
        ContainerStatus.Created => "created",
        ContainerStatus.Running => "running",
        ContainerStatus.Dead => "dead",
        _ => "exited",
    };

    /// <summary>The ports: the published ones while it runs, and those that are only declared.</summary>
    public static IReadOnlyList<PortMapping> PortsOf(Container container)
    {
        var ports = new List<PortMapping>();
        var state = container.State;
        if (state.Status != ContainerStatus.Running) return ports;
        foreach (var port in state.Endpoint?.Ports ?? [])
            ports.Add(new PortMapping(port.HostIp?.ToString() ?? "0.0.0.0", port.HostPort, port.ContainerPort, port.Protocol.ToString().ToLowerInvariant()));
        foreach (var exposed in container.Config.ExposedPorts)
        {
            var slash = exposed.IndexOf('/', StringComparison.Ordinal);
            var number = ushort.Parse(slash < 0 ? exposed : exposed[..slash], CultureInfo.InvariantCulture);
            var protocol = slash < 0 ? "tcp" : exposed[(slash + 1)..];
            if (!ports.Exists(p => p.ContainerPort == number && p.Protocol == protocol)) ports.Add(new PortMapping(null, 0, number, protocol));
        }
        return ports;
    }

    private static DateTimeOffset? Moment(string text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment) ? moment : null;
}
