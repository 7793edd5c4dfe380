using CrunSharp.Cli.CommandLine;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary><c>run</c>: makes a container and starts it.</summary>
internal sealed class RunCommand : Command
{
    private readonly RunOptions _options = new();

    public override string Synopsis => "[OPTIONS] IMAGE [COMMAND] [ARG...]";
    public override Option[] Options => RunOptions.Table;
    public override object OptionTarget => _options;
    public override int LeastOperands => 1;
    public override bool StopsAtOperand => true;
    public override int FailureCode => ExitCodes.Engine;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        _options.Check(context);
        _ = _options.ReadEnvironment(context.Variable);
        throw NotYet.Of(context);
    }
}

/// <summary><c>create</c>: makes a container.</summary>
internal sealed class CreateCommand : Command
{
    private readonly RunOptions _options = new();

    public override string Synopsis => "[OPTIONS] IMAGE [COMMAND] [ARG...]";
    public override Option[] Options => Array.FindAll(RunOptions.Table, static option => option.Name is not ("detach" or "detach-keys"));
    public override object OptionTarget => _options;
    public override int LeastOperands => 1;
    public override bool StopsAtOperand => true;
    public override int FailureCode => ExitCodes.Engine;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        _ = _options.ReadEnvironment(context.Variable);
        throw NotYet.Of(context);
    }
}
