using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Options;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary>How a further program is to run in a container.</summary>
internal sealed class ExecOptions
{
    public static readonly Option[] Table =
    [
        new Flag<ExecOptions>("detach", 'd', "Run in the background", static (o, v) => o.Detach = v),
        new Value<ExecOptions>("detach-keys", '\0', "string", "Keys that detach the terminal", static (o, v) => o.DetachKeys = ValueSyntax.DetachKeys(v)) { Default = "\"ctrl-p,ctrl-q\"" },
        new Value<ExecOptions>("env", 'e', "list", "Set variables (NAME=value, or NAME for the host's)", static (o, v) => o.AddVariable(v)),
        new Value<ExecOptions>("env-file", '\0', "list", "Read variables from a file", static (o, v) => o._variableFiles.Add(v)),
        new Flag<ExecOptions>("interactive", 'i', "Keep standard input open", static (o, v) => o.Interactive = v),
        new Flag<ExecOptions>("privileged", '\0', "Give it all capabilities", static (o, v) => o.Privileged = v),
        new Flag<ExecOptions>("tty", 't', "Give it a terminal", static (o, v) => o.Tty = v),
        new Value<ExecOptions>("user", 'u', "string", "Who runs it (name|uid[:group|gid])", static (o, v) => o.User = v),
        new Value<ExecOptions>("workdir", 'w', "string", "Where it starts", static (o, v) => o.WorkingDirectory = v),
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
    private readonly ExecOptions _options = new();

    public override string Synopsis => "[OPTIONS] CONTAINER COMMAND [ARG...]";
    public override Option[] Options => ExecOptions.Table;
    public override object OptionTarget => _options;
    public override int LeastOperands => 2;
    public override bool StopsAtOperand => true;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (_options is { Tty: true, Interactive: true, Detach: false } && !context.InputIsTerminal())
            throw UsageException.Values("the input device is not a TTY");
        _ = _options.ReadEnvironment(context.Variable);
        throw NotYet.Of(context);
    }
}
