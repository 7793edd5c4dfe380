using System.Text;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Output;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Lifecycle;

namespace CrunSharp.Cli.Commands.Bundles;

/// <summary><c>start</c>: starts the program of a container that was made.</summary>
internal sealed class StartBundleCommand : RuntimeCommand
{
    public override int Execute(CommandContext context, IReadOnlyList<string> operands) => With(context, operands, container =>
    {
        using var readiness = Readiness.Listen(container, context.Variable(Readiness.Variable));
        using var process = readiness is null ? null : container.TryOpenProcess();
        container.Start();
        if (process is not null) readiness!.Wait(process);
    });
}

/// <summary><c>state</c>: prints a container's state.</summary>
internal sealed class StateCommand : RuntimeCommand
{
    public override int Execute(CommandContext context, IReadOnlyList<string> operands) => With(context, operands, container =>
    {
        context.Out.Flush();
        using var output = context.OpenOutput();
        output.Write(container.State.ToJson(indented: true));
        output.Write("\n"u8);
    });
}

/// <summary><c>kill</c>: sends a container's first process, or all, a signal; 0 only asks whether it is there.</summary>
internal sealed class KillBundleCommand : RuntimeCommand
{
    private static readonly Option[] Table =
    [
        new Flag<KillBundleCommand>("all", 'a', "To all of its processes", static (o, v) => o._all = v),
        new Flag<KillBundleCommand>("regex", 'r', "CONTAINER is a regular expression: to all whose id it matches", static (o, v) => o._regex = v),
    ];

    private bool _all;
    private bool _regex;

    public override string Synopsis => "[OPTIONS] CONTAINER [SIGNAL]";
    public override Option[] Options => Table;
    public override int MostOperands => 2;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var signal = operands.Count < 2 ? Signal.SIGTERM : operands[1] == "0" ? default : Signal.Parse(operands[1]);
        return _regex ? WithEach(context, operands[0], Send) : With(context, operands, Send);

        void Send(RuntimeContainer container)
        {
            if (_all) container.KillAll(signal);
            else container.Kill(signal);
        }
    }
}

/// <summary><c>delete</c>: removes what was made for a container.</summary>
internal sealed class DeleteCommand : RuntimeCommand
{
    private static readonly Option[] Table =
    [
        new Flag<DeleteCommand>("force", 'f', "Kill it first when it runs; no error when it is not there", static (o, v) => o._force = v),
        new Flag<DeleteCommand>("regex", 'r', "CONTAINER is a regular expression: all whose id it matches", static (o, v) => o._regex = v),
    ];

    private bool _force;
    private bool _regex;

    public override Option[] Options => Table;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (_regex) return WithEach(context, operands[0], container => container.Delete(_force));
        if (!_force) return With(context, operands, static container => container.Delete(force: false));
        using var container = OpenStore(context).TryGet(operands[0]);
        if (container is null) return ExitCodes.Success;
        container.Delete(force: true);
        Tell(context, container);
        return ExitCodes.Success;
    }
}

/// <summary><c>list</c>: lists containers.</summary>
internal sealed class ListBundlesCommand : RuntimeCommand
{
    private static readonly Option[] Table =
    [
        new Value<ListBundlesCommand>("format", 'f', "string", "table or json", static (o, v) => o._format = v) { Default = "\"table\"" },
        new Flag<ListBundlesCommand>("quiet", 'q', "Only ids", static (o, v) => o._quiet = v),
    ];

    private string _format = "table";
    private bool _quiet;

    public override string Synopsis => "[OPTIONS]";
    public override Option[] Options => Table;
    public override int LeastOperands => 0;
    public override int MostOperands => 0;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (_format is not ("table" or "json")) throw UsageException.Values($"invalid format option: {_format}");
        var states = new List<ContainerState>();
        foreach (var container in OpenStore(context).List())
        {
            using (container) states.Add(container.State);
        }
        if (_quiet)
        {
            foreach (var state in states) context.Out.Write(state.Id + "\n");
            return ExitCodes.Success;
        }
        if (_format == "json")
        {
            context.Out.Write(Encoding.UTF8.GetString(ContainerState.ToJson(states)));
            return ExitCodes.Success;
        }
        var table = new StringBuilder("ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER");
        foreach (var state in states) table.Append($"\n{state.Id}\t{state.Pid}\t{state.Status}\t{state.Bundle}\t{state.Created}\t{state.Owner}");
        context.Out.Write(TabWriter.Align(table.ToString()) + "\n");
        return ExitCodes.Success;
    }
}
