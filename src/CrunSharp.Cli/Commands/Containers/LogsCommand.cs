using System.Text;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Options;
using CrunSharp.Engine.Logs;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary>Which lines of a log are wanted.</summary>
internal sealed class LogsOptions
{
    public static readonly Option[] Table =
    [
        new Flag<LogsOptions>("details", '\0', "Show what the log says besides", static (o, v) => o.Details = v),
        new Flag<LogsOptions>("follow", 'f', "Go on until the container ends", static (o, v) => o.Follow = v),
        new Value<LogsOptions>("since", '\0', "string", "Only from a moment on (2024-05-01T12:00:00Z, or 42m ago)", static (o, v) => o.Since = v),
        new Value<LogsOptions>("tail", 'n', "string", "Only so many lines from the end", static (o, v) => o.Tail = v) { Default = "\"all\"" },
        new Flag<LogsOptions>("timestamps", 't', "Show when each line was written", static (o, v) => o.Timestamps = v),
        new Value<LogsOptions>("until", '\0', "string", "Only up to a moment", static (o, v) => o.Until = v),
    ];

    public bool Details { get; private set; }
    public bool Follow { get; private set; }
    public string? Since { get; private set; }
    public string Tail { get; private set; } = "all";
    public bool Timestamps { get; private set; }
    public string? Until { get; private set; }
}

/// <summary><c>logs</c>: shows what a container wrote.</summary>
internal sealed class LogsCommand : Command
{
    private readonly LogsOptions _options = new();

    public override string Synopsis => "[OPTIONS] CONTAINER";
    public override Option[] Options => LogsOptions.Table;
    public override object OptionTarget => _options;
    public override int LeastOperands => 1;
    public override int MostOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var container = EngineAccess.Open(context).Containers.Find(operands[0]);
        if (container.Config.Host.LogDriver == "none")
            throw CrunException.Unsupported("configured logging driver does not support reading");
        var now = context.Clock.GetUtcNow();
        DateTimeOffset? since = _options.Since is { } from ? Moments.Parse(from, now) : null;
        DateTimeOffset? until = _options.Until is { } to ? Moments.Parse(to, now) : null;
        int? tail = _options.Tail == "all" ? null : int.TryParse(_options.Tail, out var lines) && lines >= 0 ? lines : null;
        var (output, error) = (FileDescriptor.Standard(1), FileDescriptor.Standard(2));
        foreach (var line in LogReader.Read(container, _options.Follow, tail))
        {
            if (since is not null && line.Moment < since) continue;
            if (until is not null && line.Moment > until) break;
            var target = line.IsError ? error : output;
            if (_options.Timestamps && !FileDescriptor.WriteAll(target, Encoding.ASCII.GetBytes(Moments.Fixed(line.Time) + " "))) break;
            if (!FileDescriptor.WriteAll(target, line.Text)) break;
        }
        return ExitCodes.Success;
    }
}

/// <summary><c>port</c>: shows where a container's ports are published.</summary>
internal sealed class PortCommand : Command
{
    public override string Synopsis => "CONTAINER [PRIVATE_PORT[/PROTO]]";
    public override int LeastOperands => 1;
    public override int MostOperands => 2;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var lines = Describe(Find(context, operands[0]), operands.Count > 1 ? operands[1] : null);
        foreach (var line in lines) context.Out.WriteLine(line);
        return ExitCodes.Success;
    }

    /// <summary>The lines: <c>80/tcp -> 0.0.0.0:8080</c>, or only the address for a port that was asked for.</summary>
    internal static IEnumerable<string> Describe(IReadOnlyList<PortMapping> ports, string? wanted)
    {
        if (wanted is not null && !wanted.Contains('/', StringComparison.Ordinal)) wanted += "/tcp";
        foreach (var port in ports)
        {
            if (port.HostPort == 0) continue;
            var name = $"{port.ContainerPort}/{port.Protocol}";
            var address = port.HostAddress ?? "0.0.0.0";
            var host = $"{(address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address)}:{port.HostPort}";
            if (wanted is null) yield return $"{name} -> {host}";
            else if (wanted == name) yield return host;
        }
    }

    private static IReadOnlyList<PortMapping> Find(CommandContext context, string container) =>
        ContainerRows.PortsOf(EngineAccess.Open(context).Containers.Find(container));
}
