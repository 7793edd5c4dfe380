using System.Runtime.InteropServices;
using System.Text;
using CrunSharp.Cli.Output;
using CrunSharp.Cli.Templates;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary>A published or declared port of a container.</summary>
/// <param name="HostAddress">The host's address; null for a port that is only declared.</param>
/// <param name="HostPort">The host's port; 0 for a port that is only declared.</param>
/// <param name="ContainerPort">The container's port.</param>
/// <param name="Protocol"><c>tcp</c>, <c>udp</c> or <c>sctp</c>.</param>
internal sealed record PortMapping(string? HostAddress, ushort HostPort, ushort ContainerPort, string Protocol);

/// <summary>A container as <c>ps</c> lists it.</summary>
internal sealed record ContainerRow
{
    /// <summary>64 hexadecimal digits.</summary>
    public required string Id { get; init; }

    /// <summary>The names, without the slash.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>The image as it was named.</summary>
    public required string Image { get; init; }

    public string ImageId { get; init; } = "";

    /// <summary>The program and its arguments.</summary>
    public required string Command { get; init; }

    public required DateTimeOffset Created { get; init; }

    /// <summary><c>created</c>, <c>running</c>, <c>paused</c>, <c>exited</c>, <c>dead</c>.</summary>
    public required string State { get; init; }

    /// <summary>When it was started; null if never.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>When it ended; null while it runs.</summary>
    public DateTimeOffset? Finished { get; init; }

    public int ExitCode { get; init; }

    public IReadOnlyList<PortMapping> Ports { get; init; } = [];

    public IReadOnlyList<KeyValuePair<string, string>> Labels { get; init; } = [];

    /// <summary>Names of volumes and paths of the host.</summary>
    public IReadOnlyList<string> Mounts { get; init; } = [];

    public int LocalVolumes { get; init; }

    public IReadOnlyList<string> Networks { get; init; } = [];

    public string Platform { get; init; } = "";

    /// <summary>What the container itself wrote; null when not asked for.</summary>
    /// <value>Bytes.</value>
    public long? SizeWritten { get; init; }

    /// <summary>That and the image.</summary>
    /// <value>Bytes.</value>
    public long SizeWithImage { get; init; }
}

/// <summary>The fields of <c>ps</c>.</summary>
internal static class ContainerColumns
{
    private const int CommandWidth = 20;
    private const int MountWidth = 15;

    /// <summary>The fields of the table without a template.</summary>
    public static readonly string[] Shown = ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"];

    public static Column<ContainerRow>[] All(TimeProvider clock, bool truncate) =>
    [
        new("ID", "CONTAINER ID", c => truncate ? c.Id[..12] : c.Id),
        new("Names", "NAMES", static c => string.Join(',', c.Names)),
        new("Image", "IMAGE", c => truncate && IsId(c.Image) ? c.Image[7..19] : c.Image),
        new("ImageID", "IMAGE ID", c => c.ImageId),
        new("Command", "COMMAND", c => $"\"{(truncate ? Ellipsis(c.Command, CommandWidth) : c.Command)}\""),
        new("CreatedAt", "CREATED AT", static c => Human.Moment(c.Created)),
        new("RunningFor", "CREATED", c => Human.Ago(c.Created, clock.GetUtcNow())),
        new("Ports", "PORTS", static c => PortText.Of(c.Ports)),
        new("State", "STATE", static c => c.State),
        new("Status", "STATUS", c => Status(c, clock.GetUtcNow())),
        new("Size", "SIZE", static c => c.SizeWritten is { } size ? $"{Human.Size(size)} (virtual {Human.Size(c.SizeWithImage)})" : "0B"),
        new("Labels", "LABELS", static c => string.Join(',', c.Labels.Select(static l => $"{l.Key}={l.Value}"))),
        new("Label", "", static c => new DomFunction(a => Label(c, a))),
        new("Mounts", "MOUNTS", c => string.Join(',', c.Mounts.Select(m => truncate ? Ellipsis(m, MountWidth) : m))),
        new("LocalVolumes", "LOCAL VOLUMES", static c => c.LocalVolumes.ToString()),
        new("Networks", "NETWORKS", static c => string.Join(',', c.Networks)),
        new("Platform", "PLATFORM", static c => c.Platform),
    ];

    /// <summary>The state in words: <c>Up 5 seconds</c>, <c>Exited (0) 3 hours ago</c>, <c>Created</c>.</summary>
    public static string Status(ContainerRow c, DateTimeOffset now) => c.State switch
    {
        "running" => "Up " + Human.Duration(now - (c.Started ?? now)),
        "paused" => $"Up {Human.Duration(now - (c.Started ?? now))} (Paused)",
        "restarting" => $"Restarting ({c.ExitCode}) {Human.Ago(c.Finished, now)}",
        "exited" => $"Exited ({c.ExitCode}) {Human.Ago(c.Finished, now)}",
        "created" => "Created",
        "dead" => "Dead",
        "removing" => "Removal In Progress",
        _ => c.State,
    };

    private static string Label(ContainerRow c, object?[] arguments)
    {
        foreach (var (name, value) in c.Labels)
        {
            if (arguments is [string wanted] && wanted == name) return value;
        }
        return "";
    }

    private static bool IsId(string image) => image.Length == 71 && image.StartsWith("sha256:", StringComparison.Ordinal);

    private static string Ellipsis(string text, int width) => text.Length <= width ? text : text[..(width - 1)] + "…";
}

/// <summary>Ports in words: <c>0.0.0.0:8000-8001->80-81/tcp, 443/tcp</c>.</summary>
internal static class PortText
{
    public static string Of(IReadOnlyList<PortMapping> ports)
    {
        var sorted = new List<PortMapping>(ports);
        CollectionsMarshal.AsSpan(sorted).Sort(static (a, b) => (a.ContainerPort, a.HostPort, a.Protocol, a.HostAddress ?? "")
            .CompareTo((b.ContainerPort, b.HostPort, b.Protocol, b.HostAddress ?? "")));
        var published = new List<string>();
        var declared = new List<string>();
        var done = new bool[sorted.Count];
        for (var i = 0; i < sorted.Count; i++)
        {
            if (done[i]) continue;
            var (first, last) = (sorted[i], sorted[i]);
            for (var j = i + 1; j < sorted.Count; j++)
            {
                var next = sorted[j];
                if (done[j] || next.Protocol != first.Protocol || next.HostAddress != first.HostAddress || next.ContainerPort != last.ContainerPort + 1
                    || next.HostPort != (first.HostPort == 0 ? 0 : last.HostPort + 1)) continue;
                last = next;
                done[j] = true;
            }
            (first.HostPort == 0 ? declared : published).Add(Text(first, last));
        }
        return string.Join(", ", [.. published, .. declared]);
    }

    private static string Text(PortMapping first, PortMapping last)
    {
        var text = new StringBuilder();
        if (first.HostPort != 0)
        {
            var address = first.HostAddress ?? "0.0.0.0";
            text.Append(address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address).Append(':');
            AppendRange(text, first.HostPort, last.HostPort);
            text.Append("->");
        }
        AppendRange(text, first.ContainerPort, last.ContainerPort);
        return text.Append('/').Append(first.Protocol).ToString();
    }

    private static void AppendRange(StringBuilder text, ushort first, ushort last)
    {
        text.Append(first);
        if (first != last) text.Append('-').Append(last);
    }
}
