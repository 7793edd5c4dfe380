using System.Runtime.InteropServices;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Options;
using CrunSharp.Engine.Execution;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Terminals;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary>How a further program is to run in a container.</summary>
internal sealed class ExecCommandOptions
{
    public static readonly Option[] Table =
    [
        new Flag<ExecCommandOptions>("detach", 'd', "Run in the background", static (o, v) => o.Detach = v),
        new Value<ExecCommandOptions>("detach-keys", '\0', "string", "Keys that detach the terminal", static (o, v) => o.DetachKeys = ValueSyntax.DetachKeys(v)) { Default = "\"ctrl-p,ctrl-q\"" },
        new Value<ExecCommandOptions>("env", 'e', "list", "Set variables (NAME=value, or NAME for the host's)", static (o, v) => o.AddVariable(v)),
        new Value<ExecCommandOptions>("env-file", '\0', "list", "Read variables from a file", static (o, v) => o._variableFiles.Add(v)),
        new Flag<ExecCommandOptions>("interactive", 'i', "Keep standard input open", static (o, v) => o.Interactive = v),
        new Flag<ExecCommandOptions>("privileged", '\0', "Give it all capabilities", static (o, v) => o.Privileged = v),
        new Flag<ExecCommandOptions>("tty", 't', "Give it a terminal", static (o, v) => o.Tty = v),
        new Value<ExecCommandOptions>("user", 'u', "string", "Who runs it (name|uid[:group|gid])", static (o, v) => o.User = v),
        new Value<ExecCommandOptions>("workdir", 'w', "string", "Where it starts", static (o, v) => o.WorkingDirectory = v),
    ];

    private readonly List<string> _variables = [];
    private readonly List<string> _variableFiles = [];

    public bool Detach { get; private set; }
    public byte[]? DetachKeys { get; private set; }
    public bool Interactive { get; private set; }
    public bool Privileged { get; private set; }
    public bool Tty { get; private set; }
    public string? User { get; private set; }
    public string? WorkingDirectory { get; private set; }

    /// <summary>The variables, those of the files first, so that a later one of the same name wins.</summary>
    /// <exception cref="UsageException">A file cannot be read, or a line of it is wrong.</exception>
    public IReadOnlyList<EnvSpec> ReadEnvironment(Func<string, string?> host) => RunOptions.ReadEnvironment(_variableFiles, _variables, host);

    private void AddVariable(string text)
    {
        EnvironmentSyntax.Variable(text, static _ => null);
        _variables.Add(text);
    }
}

/// <summary><c>exec</c>: runs a further program in a running container.</summary>
internal sealed class ExecCommand : Command
{
    private readonly ExecCommandOptions _options = new();

    public override string Synopsis => "[OPTIONS] CONTAINER COMMAND [ARG...]";
    public override Option[] Options => ExecCommandOptions.Table;
    public override object OptionTarget => _options;
    public override int LeastOperands => 2;
    public override bool StopsAtOperand => true;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (_options is { Tty: true, Interactive: true, Detach: false } && !context.InputIsTerminal())
            throw UsageException.Values("the input device is not a TTY");
        var container = EngineAccess.Open(context).Containers.Find(operands[0]);
        var environment = new List<string>();
        foreach (var variable in _options.ReadEnvironment(context.Variable))
        {
            if (variable.Value is { } value) environment.Add($"{variable.Name}={value}");
        }
        using var session = ExecSession.Start(container, new ExecOptions
        {
            Args = [.. operands.Skip(1)],
            Env = environment,
            WorkingDir = _options.WorkingDirectory,
            User = _options.User,
            Tty = _options.Tty,
            Interactive = _options.Interactive,
            Detach = _options.Detach,
            Privileged = _options.Privileged,
        });
        return _options.Detach ? ExitCodes.Success : Wait(session);
    }

    private int Wait(ExecSession session)
    {
        var input = _options.Interactive ? FileDescriptor.Standard(0) : null;
        using var raw = _options.Tty && input is not null ? Terminal.MakeRaw(input) : null;
        using var resized = _options.Tty ? PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ =>
        {
            if (Terminal.SizeOf(FileDescriptor.Standard(1)) is { } size) session.Resize(size);
        }) : null;
        using var signals = raw is null ? AttachedSession.Forward(session.Signal) : null;
        return session.Wait(input, FileDescriptor.Standard(1), FileDescriptor.Standard(2));
    }
}
