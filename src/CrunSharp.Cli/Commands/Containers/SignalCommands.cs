using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Options;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary><c>start</c>: starts containers that were made or have ended.</summary>
internal sealed class StartCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<StartCommand>("attach", 'a', "Show its output and forward signals", static (o, v) => o._attach = v),
        new Value<StartCommand>("detach-keys", '\0', "string", "Keys that detach the terminal", static (o, v) => o._detachKeys = ValueSyntax.DetachKeys(v)) { Default = "\"ctrl-p,ctrl-q\"" },
        new Flag<StartCommand>("interactive", 'i', "Hand it standard input", static (o, v) => o._interactive = v),
    ];

    private bool _attach;
    private bool _interactive;
    private byte[]? _detachKeys;

    public override string Synopsis => "[OPTIONS] CONTAINER [CONTAINER...]";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if ((_attach || _interactive) && operands.Count > 1) throw UsageException.Values("you cannot start and attach multiple containers at once");
        if (!_attach && !_interactive)
        {
            return EngineAccess.ForEach(context, operands, static (engine, container) =>
            {
                try
                {
                    using var connection = engine.Start(container);
                    connection.WaitForStart();
                }
                catch (CrunException error) when (error.Kind == ErrorKind.WrongState && container.IsRunning)
                {
                    // Docker: that it runs is all that was wanted.
                }
            });
        }
        var engine = EngineAccess.Open(context);
        var container = engine.Containers.Find(operands[0]);
        using var connection = engine.Start(container);
        return AttachedSession.Run(container, connection, _interactive && container.Config.OpenStdin, _detachKeys) ?? ExitCodes.Success;
    }
}

/// <summary><c>stop</c>: asks containers to end, and ends them when they do not.</summary>
internal sealed class StopCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<StopCommand>("signal", 's', "string", "The signal that asks", static (o, v) => o._signal = v),
        new Value<StopCommand>("time", '\0', "int", "Seconds to wait before SIGKILL", static (o, v) => o._timeout = Numbers.Whole32(v)) { Hidden = true },
        new Value<StopCommand>("timeout", 't', "int", "Seconds to wait before SIGKILL", static (o, v) => o._timeout = Numbers.Whole32(v)),
    ];

    private string? _signal;
    private int? _timeout;

    public override string Synopsis => "[OPTIONS] CONTAINER [CONTAINER...]";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        Signal? signal = _signal is null ? null : Signal.Parse(_signal);
        TimeSpan? timeout = _timeout is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
        return EngineAccess.ForEach(context, operands, (engine, container) => engine.Stop(container, timeout, signal));
    }
}

/// <summary><c>kill</c>: sends containers a signal.</summary>
internal sealed class KillCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<KillCommand>("signal", 's', "string", "The signal", static (o, v) => o._signal = v) { Default = "\"KILL\"" },
    ];

    private string _signal = "KILL";

    public override string Synopsis => "[OPTIONS] CONTAINER [CONTAINER...]";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var signal = Signal.Parse(_signal);
        return EngineAccess.ForEach(context, operands, (engine, container) => engine.Kill(container, signal));
    }
}

/// <summary><c>rm</c>: removes containers.</summary>
internal sealed class RemoveCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<RemoveCommand>("force", 'f', "Kill it first when it runs", static (o, v) => o._force = v),
        new Flag<RemoveCommand>("volumes", 'v', "Remove its unnamed volumes too", static (o, v) => o._volumes = v),
    ];

    private bool _force;
    private bool _volumes;

    public override string Synopsis => "[OPTIONS] CONTAINER [CONTAINER...]";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (_force)
        {
            var engine = EngineAccess.Open(context);
            operands = [.. operands.Where(name => engine.Containers.TryFind(name) is not null)];
        }
        return EngineAccess.ForEach(context, operands, (engine, container) => engine.Remove(container, _force, _volumes));
    }
}

/// <summary><c>wait</c>: waits until containers end and prints their exit codes.</summary>
internal sealed class WaitCommand : Command
{
    public override string Synopsis => "CONTAINER [CONTAINER...]";
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands) =>
        EngineAccess.ForEach(context, operands, static (engine, container, _) => engine.Wait(container).ToString(System.Globalization.CultureInfo.InvariantCulture));
}
