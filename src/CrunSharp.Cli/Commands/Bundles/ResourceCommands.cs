using System.Globalization;
using System.Text;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Options;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups.Stats;
using CrunSharp.Runtime.Init;
using CrunSharp.Runtime.Lifecycle;

namespace CrunSharp.Cli.Commands.Bundles;

/// <summary><c>pause</c>: freezes a container's processes.</summary>
internal sealed class PauseBundleCommand : RuntimeCommand
{
    public override int Execute(CommandContext context, IReadOnlyList<string> operands) => With(context, operands, static container => container.Pause());
}

/// <summary><c>resume</c>: lets a container's processes go on.</summary>
internal sealed class ResumeCommand : RuntimeCommand
{
    public override int Execute(CommandContext context, IReadOnlyList<string> operands) => With(context, operands, static container => container.Resume());
}

/// <summary><c>update</c>: changes a container's limits.</summary>
internal sealed class UpdateBundleCommand : RuntimeCommand
{
    private static readonly Option[] Table =
    [
        new Value<UpdateBundleCommand>("blkio-weight", '\0', "int", "Weight of its block I/O, 10 to 1000", static (o, v) => o.BlockIo(b => b with { Weight = (ushort)Numbers.Whole32(v) })),
        new Value<UpdateBundleCommand>("cpu-burst", '\0', "int", "Microseconds that it may use beyond its quota", static (o, v) => o.Cpu(c => c with { Burst = Unsigned(v) })),
        new Value<UpdateBundleCommand>("cpu-idle", '\0', "int", "1: it only gets time that nobody else wants", static (o, v) => o.Cpu(c => c with { Idle = Numbers.Whole(v) })),
        new Value<UpdateBundleCommand>("cpu-period", '\0', "int", "Length of a period, in microseconds", static (o, v) => o.Cpu(c => c with { Period = Unsigned(v) })),
        new Value<UpdateBundleCommand>("cpu-quota", '\0', "int", "Microseconds that it may use in a period", static (o, v) => o.Cpu(c => c with { Quota = Numbers.Whole(v) })),
        new Value<UpdateBundleCommand>("cpu-rt-period", '\0', "int", "Length of a real-time period, in microseconds", static (o, v) => o.Cpu(c => c with { RealtimePeriod = Unsigned(v) })),
        new Value<UpdateBundleCommand>("cpu-rt-runtime", '\0', "int", "Microseconds of real-time in a period", static (o, v) => o.Cpu(c => c with { RealtimeRuntime = Numbers.Whole(v) })),
        new Value<UpdateBundleCommand>("cpu-share", '\0', "int", "Its share of the time", static (o, v) => o.Cpu(c => c with { Shares = Unsigned(v) })),
        new Value<UpdateBundleCommand>("cpuset-cpus", '\0', "list", "CPUs that it may use", static (o, v) => o.Cpu(c => c with { Cpus = v })),
        new Value<UpdateBundleCommand>("cpuset-mems", '\0', "list", "NUMA nodes that it may use", static (o, v) => o.Cpu(c => c with { Mems = v })),
        new Value<UpdateBundleCommand>("kernel-memory", '\0', "bytes", "Ignored by the kernel", static (_, _) => { }) { Hidden = true },
        new Value<UpdateBundleCommand>("kernel-memory-tcp", '\0', "bytes", "Limit of its TCP buffers", static (o, v) => o.Memory(m => m with { KernelTCP = Bytes(v) })) { Hidden = true },
        new Value<UpdateBundleCommand>("l3-cache-schema", '\0', "string", "Its share of the level 3 cache, such as L3:0=ff", static (o, v) => o._shares = o._shares with { L3CacheSchema = v }),
        new Value<UpdateBundleCommand>("mem-bw-schema", '\0', "string", "Its share of the memory bandwidth, such as MB:0=50", static (o, v) => o._shares = o._shares with { MemBwSchema = v }),
        new Value<UpdateBundleCommand>("memory", '\0', "bytes", "Limit of its memory", static (o, v) => o.Memory(m => m with { Limit = Bytes(v) })),
        new Value<UpdateBundleCommand>("memory-reservation", '\0', "bytes", "Memory that it keeps when memory runs short", static (o, v) => o.Memory(m => m with { Reservation = Bytes(v) })),
        new Value<UpdateBundleCommand>("memory-swap", '\0', "bytes", "Limit of its memory and swap; -1 for none", static (o, v) => o.Memory(m => m with { Swap = Bytes(v) })),
        new Value<UpdateBundleCommand>("pids-limit", '\0', "int", "How many processes and threads it may have", static (o, v) => o._resources = o._resources with { Pids = new PidsSpec { Limit = Numbers.Whole(v) } }),
        new Value<UpdateBundleCommand>("resources", 'r', "file", "All limits as JSON; - for standard input", static (o, v) => o._file = v),
    ];

    private ResourcesSpec _resources = new();
    private IntelRdtSpec _shares = new();
    private string? _file;

    public override Option[] Options => Table;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands) => With(context, operands, container =>
    {
        if (_shares.L3CacheSchema is not null || _shares.MemBwSchema is not null) IntelRdt.Change(container.Spec.Linux?.IntelRdt, container.Id, _shares);
        if (_file is null)
        {
            container.Update(_resources);
            return;
        }
        container.Update(_file == "-" ? ResourcesSpec.Parse(ReadInput(context), "standard input") : ResourcesSpec.Parse(Read(_file), _file));
    });

    private static byte[] ReadInput(CommandContext context)
    {
        using var input = context.OpenInput();
        using var json = new MemoryStream();
        input.CopyTo(json);
        return json.ToArray();
    }

    private void Cpu(Func<CpuSpec, CpuSpec> change) => _resources = _resources with { Cpu = change(_resources.Cpu ?? new CpuSpec()) };

    private void Memory(Func<MemorySpec, MemorySpec> change) => _resources = _resources with { Memory = change(_resources.Memory ?? new MemorySpec()) };

    private void BlockIo(Func<BlockIoSpec, BlockIoSpec> change) => _resources = _resources with { BlockIO = change(_resources.BlockIO ?? new BlockIoSpec()) };

    private static long Bytes(string text) => text == "-1" ? -1 : Numbers.Bytes(text);

    private static ulong Unsigned(string text) => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw CrunException.Invalid($"strconv.ParseUint: parsing \"{text}\": invalid syntax");
}

/// <summary><c>events</c>: prints what a container uses, and when its memory runs out.</summary>
internal sealed class EventsBundleCommand : RuntimeCommand
{
    private static readonly Option[] Table =
    [
        new Value<EventsBundleCommand>("interval", '\0', "duration", "How often", static (o, v) => o._interval = Numbers.Duration(v)) { Default = "5s" },
        new Flag<EventsBundleCommand>("stats", '\0', "Once", static (o, v) => o._once = v),
    ];

    private TimeSpan _interval = TimeSpan.FromSeconds(5);
    private bool _once;

    public override Option[] Options => Table;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (_interval <= TimeSpan.Zero) throw UsageException.Values("duration interval must be greater than 0");
        using var container = OpenStore(context).Get(operands[0]);
        if (container.Status is not (RuntimeStatus.Running or RuntimeStatus.Created or RuntimeStatus.Paused)) throw CrunException.WrongState("container not running");
        using var process = container.TryOpenProcess();
        using var cgroups = container.OpenCgroups();
        if (_once || process is null)
        {
            context.Out.Write(cgroups.ReadStats().ToEvent(container.Id) + "\n");
            return ExitCodes.Success;
        }
        using var memory = cgroups.WatchOom();
        var poll = new Poll();
        while (!process.HasEnded)
        {
            context.Out.Write(cgroups.ReadStats().ToEvent(container.Id) + "\n");
            context.Out.Flush();
            poll.Clear();
            poll.Add(process.File, Kernel.Libc.PollEvents.POLLIN);
            var oom = memory is null ? -1 : poll.Add(memory.File, memory.Events);
            if (poll.Wait(_interval) && oom >= 0 && poll.EventsOf(oom) != 0 && memory!.Take() is > 0)
                context.Out.Write(CgroupStats.OomEvent(container.Id) + "\n");
        }
        return ExitCodes.Success;
    }
}

/// <summary><c>ps</c>: lists a container's processes.</summary>
internal sealed class ListProcessesCommand : RuntimeCommand
{
    private static readonly Option[] Table =
    [
        new Value<ListProcessesCommand>("format", 'f', "string", "table or json", static (o, v) => o._format = v) { Default = "\"table\"" },
    ];

    private string _format = "table";

    public override string Synopsis => "[OPTIONS] CONTAINER [PS OPTIONS]";
    public override Option[] Options => Table;
    public override int MostOperands => int.MaxValue;
    public override bool StopsAtOperand => true;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands) => With(context, operands, container =>
    {
        var processes = container.Processes();
        if (_format == "json")
        {
            context.Out.Write($"[{string.Join(',', processes)}]\n");
            return;
        }
        if (_format != "table") throw UsageException.Values($"invalid format option: {_format}");
        context.Out.Write(PsTable(operands.Count > 1 ? [.. operands.Skip(1)] : ["-ef"], processes));
    });

    // ps(1) tells of all processes in the columns that were asked for; the container's are kept.
    private static string PsTable(IReadOnlyList<string> options, IReadOnlyList<int> processes)
    {
        using var output = MemoryFile.Create("ps", []);
        using var input = FileAt.Open(null, "/dev/null", Kernel.Libc.OpenFlags.O_RDONLY);
        using (var ps = ChildProcess.Start("/bin/ps", ["ps", .. options], ["PATH=/usr/bin:/bin", "LC_ALL=C"], input, output, FileDescriptor.Standard(2)))
        {
            if (ps.Reap().Code is not 0 and var code) throw new CrunException(ErrorKind.System, $"exit status {code}", $"ps {string.Join(' ', options)}");
        }
        var lines = Encoding.UTF8.GetString(MemoryFile.Read(output, 64 * 1024 * 1024)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length == 0) throw CrunException.Invalid($"ps {string.Join(' ', options)} printed nothing");
        var column = Array.IndexOf(lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries), "PID");
        if (column < 0) throw CrunException.Invalid("couldn't find PID field in ps output");
        var kept = new StringBuilder(lines[0]).Append('\n');
        foreach (var line in lines.AsSpan(1))
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length > column && int.TryParse(fields[column], out var pid) && processes.Contains(pid)) kept.Append(line).Append('\n');
        }
        return kept.ToString();
    }
}
