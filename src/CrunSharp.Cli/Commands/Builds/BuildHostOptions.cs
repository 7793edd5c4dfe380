using System.Globalization;
using CrunSharp.Build.Steps;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Options;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary>What RUN gets of the host: limits, name servers, directories.</summary>
internal sealed class BuildHostOptions
{
    private const long LeastMemory = 6 * 1024 * 1024;

    /// <summary>The options, for the table of <see cref="BuildOptions"/>.</summary>
    public static readonly Option[] Table =
    [
        new Value<BuildOptions>("cap-add", '\0', "list", "Add capabilities to RUN", static (o, v) => Add(o.Host._added, v)),
        new Value<BuildOptions>("cap-drop", '\0', "list", "Drop capabilities of RUN", static (o, v) => Add(o.Host._dropped, v)),
        new Value<BuildOptions>("cgroup-parent", '\0', "string", "The cgroup that those of RUN are made in", static (o, v) => o.Host._parent = v.StartsWith('/') ? v : "/" + v),
        new Value<BuildOptions>("cpu-period", '\0', "int", "The period of --cpu-quota in microseconds", static (o, v) => o.Host._period = NotNegative(v)),
        new Value<BuildOptions>("cpu-quota", '\0', "int", "How long RUN may use processors in each period, in microseconds", static (o, v) => o.Host._quota = Numbers.Whole(v)),
        new Value<BuildOptions>("cpu-shares", 'c', "int", "The weight of RUN among others that want processors", static (o, v) => o.Host._shares = NotNegative(v)),
        new Value<BuildOptions>("cpus", '\0', "decimal", "How many processors RUN may use", static (o, v) => o.Host._cpus = Numbers.NanoCpus(v)),
        new Value<BuildOptions>("cpuset-cpus", '\0', "string", "The processors that RUN may use (0-3, 0,1)", static (o, v) => o.Host._set = v),
        new Value<BuildOptions>("cpuset-mems", '\0', "string", "The memory nodes that RUN may use (0-3, 0,1)", static (o, v) => o.Host._nodes = v),
        new Value<BuildOptions>("dns", '\0', "list", "Name servers of RUN", static (o, v) => o.Host._dns.Add(ValueSyntax.NameServer(v))),
        new Value<BuildOptions>("dns-option", '\0', "list", "Options of RUN's resolv.conf", static (o, v) => o.Host._dnsOptions.Add(ValueSyntax.ResolverWord(v))),
        new Value<BuildOptions>("dns-search", '\0', "list", "Domains in which RUN looks names up; . for none", static (o, v) => o.Host._dnsSearch.Add(ValueSyntax.ResolverWord(v))),
        new Value<BuildOptions>("hostname", '\0', "string", "The host name of RUN", static (o, v) => o.Host._hostname = HostnameOf(v)),
        new Value<BuildOptions>("isolation", '\0', "string", "Accepted: default", static (_, v) => Accept(v, "default")) { Hidden = true },
        new Value<BuildOptions>("memory", 'm', "bytes", "How much memory RUN may use", static (o, v) => o.Host._memory = Numbers.Bytes(v)),
        new Value<BuildOptions>("memory-swap", '\0', "bytes", "How much memory and swap RUN may use; -1 for no limit of swap", static (o, v) => o.Host._swap = Numbers.BytesOrUnlimited(v)),
        new Value<BuildOptions>("resource", '\0', "stringArray", "Limits of RUN (memory=, memory-swap=, cpu-quota=, cpu-period=, cpu-shares=, cpuset-cpus=, cpuset-mems=)", static (o, v) => o.Host.SetResources(v)),
        new Value<BuildOptions>("security-opt", '\0', "stringArray", "no-new-privileges for RUN; accepted: label=disable, apparmor=unconfined", static (o, v) => o.Host.SetSecurity(v)),
        new Value<BuildOptions>("volume", 'v', "list", "Mount a directory of the host in RUN (/source:/target[:ro])", static (o, v) => o.Host._volumes.Add(VolumeOf(v))),
    ];

    private const string HostLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

    private readonly List<string> _added = [];
    private readonly List<string> _dropped = [];
    private readonly List<string> _dns = [];
    private readonly List<string> _dnsOptions = [];
    private readonly List<string> _dnsSearch = [];
    private readonly List<StepVolume> _volumes = [];
    private bool _hasNoNewPrivileges;
    private string? _hostname, _parent, _set, _nodes;
    private long? _quota, _cpus, _memory, _swap;
    private ulong? _period, _shares;

    /// <summary>All of it.</summary>
    /// <exception cref="CrunException">Two values do not go together.</exception>
    public StepHost Read()
    {
        if (_cpus is not null && (_quota is not null || _period is not null)) throw CrunException.Invalid("Conflicting options: --cpus and --cpu-quota or --cpu-period");
        if (_swap is not null && _memory is null) throw CrunException.Invalid("You should always set the Memory limit when using Memoryswap limit");
        if (_memory is > 0 and < LeastMemory) throw CrunException.Invalid("Minimum memory limit allowed is 6MB");
        if (_swap > 0 && _swap < _memory) throw CrunException.Invalid("Minimum memoryswap limit should be larger than memory limit");
        var memory = _memory > 0 ? new MemorySpec { Limit = _memory, Swap = _swap is null or 0 ? _memory * 2 : _swap } : null;
        var hasCpu = (_quota ?? _cpus ?? (long?)_period ?? (long?)_shares) is not null || _set is not null || _nodes is not null;
        var cpu = !hasCpu ? null : new CpuSpec
        {
            Quota = _cpus is { } cpus ? cpus / 10_000 : _quota,
            Period = _cpus is not null ? 100_000 : _period,
            Shares = _shares,
            Cpus = _set,
            Mems = _nodes,
        };
        return new StepHost
        {
            Limits = memory is null && cpu is null ? null : new ResourcesSpec { Memory = memory, Cpu = cpu },
            AddedCapabilities = _added,
            DroppedCapabilities = _dropped,
            CgroupParent = _parent,
            Hostname = _hostname,
            Dns = _dns,
            DnsOptions = _dnsOptions,
            DnsSearch = _dnsSearch,
            NoNewPrivileges = _hasNoNewPrivileges,
            Volumes = _volumes,
        };
    }

    private static void Add(List<string> names, string text)
    {
        foreach (var name in text.Split(','))
        {
            CapabilitySet.Parse(name);
            names.Add(name);
        }
    }

    private static StepVolume VolumeOf(string text)
    {
        var parts = text.Split(':');
        if (parts.Length is < 2 or > 3 || !parts[1].StartsWith('/')) throw CrunException.Invalid($"invalid volume {text}: it must be /source:/target[:ro]");
        if (!parts[0].StartsWith('/')) throw CrunException.Unsupported($"invalid volume {text}: only directories and files of the host can be mounted in a build, by their absolute paths");
        return new StepVolume(parts[0], parts[1], (parts.Length > 2 ? parts[2] : "rw") switch
        {
            "ro" => true,
            "rw" => false,
            var other => throw CrunException.Invalid($"invalid volume {text}: unknown mode {other}"),
        });
    }

    // buildx's way to say the same; a comma separates, and also the processors of a set.
    private void SetResources(string text)
    {
        var last = "";
        foreach (var field in text.Split(','))
        {
            if (field.IndexOf('=', StringComparison.Ordinal) is not (> 0 and var equals))
            {
                if (last == "cpuset-cpus") _set += "," + field;
                else if (last == "cpuset-mems") _nodes += "," + field;
                else throw CrunException.Invalid($"invalid resource {field}: it must be name=value");
                continue;
            }
            (last, var value) = (field[..equals], field[(equals + 1)..]);
            switch (last)
            {
                case "memory": _memory = Numbers.Bytes(value); break;
                case "memory-swap": _swap = Numbers.BytesOrUnlimited(value); break;
                case "cpu-quota": _quota = Numbers.Whole(value); break;
                case "cpu-period": _period = NotNegative(value); break;
                case "cpu-shares": _shares = NotNegative(value); break;
                case "cpuset-cpus": _set = value; break;
                case "cpuset-mems": _nodes = value; break;
                default: throw CrunException.Invalid($"unknown resource {last}");
            }
        }
    }

    private static ulong NotNegative(string text) => Numbers.Whole(text) is >= 0 and var number ? (ulong)number : throw CrunException.Invalid("must not be negative");

    private static string HostnameOf(string text) => text.Length is > 0 and <= 64 && !text.AsSpan().ContainsAnyExcept(HostLetters) ? text : throw CrunException.Invalid($"invalid host name: {text}");

    private void SetSecurity(string text)
    {
        if (text is "no-new-privileges" or "no-new-privileges=true" or "no-new-privileges:true") _hasNoNewPrivileges = true;
        else Accept(text, "label=disable", "apparmor=unconfined", "no-new-privileges");
    }

    private static void Accept(string text, params ReadOnlySpan<string> known)
    {
        foreach (var one in known)
        {
            if (string.Equals(one, text, StringComparison.OrdinalIgnoreCase)) return;
        }
        throw CrunException.Unsupported(string.Create(CultureInfo.InvariantCulture, $"{text} is not supported for builds (accepted: {string.Join(", ", known)})"));
    }
}
