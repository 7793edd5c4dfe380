using CrunSharp.Oci;

namespace CrunSharp.Cli.CommandLine;

/// <summary>A verb of the command line: its options, its operands, and what it does.</summary>
internal abstract class Command
{
    /// <summary>What follows the verb, for the usage line: <c>[OPTIONS] IMAGE [IMAGE...]</c>.</summary>
    public abstract string Synopsis { get; }

    /// <summary>The options, ordered by name.</summary>
    public virtual Option[] Options => [];

    /// <summary>The record that the options fill; the command itself unless it says otherwise.</summary>
    public virtual object OptionTarget => this;

    /// <summary>How many operands it takes at least.</summary>
    public virtual int LeastOperands => 0;

    /// <summary>How many operands it takes at most.</summary>
    public virtual int MostOperands => int.MaxValue;

    /// <summary>Whether options that follow the first operand belong to it: it is a command to run.</summary>
    public virtual bool StopsAtOperand => false;

    /// <summary>Whether it touches what only root may.</summary>
    public virtual bool NeedsRoot => true;

    /// <summary>The exit code of an error which has none of its own.</summary>
    public virtual int FailureCode => ExitCodes.Failure;

    /// <summary>A line that helps after an error; null when there is nothing to say.</summary>
    public virtual string? HintFor(CommandContext context, IReadOnlyList<string> operands, CrunException error) => null;

    /// <summary>Carries it out.</summary>
    /// <returns>The exit code.</returns>
    public abstract int Execute(CommandContext context, IReadOnlyList<string> operands);

    /// <summary>Reads options and operands.</summary>
    /// <param name="path">The program and the verb, as they were typed.</param>
    /// <param name="arguments">What follows them.</param>
    /// <returns>The operands; null when help was asked for.</returns>
    /// <exception cref="UsageException">They are not what the command takes.</exception>
    public List<string>? Parse(string path, ReadOnlySpan<string> arguments)
    {
        // Without an option nobody needs the table of options, which takes longer to make than to read.
        var hasOptions = !StopsAtOperand || arguments is [['-', ..], ..];
        var operands = OptionParser.Parse(hasOptions ? Options : [], OptionTarget, arguments, StopsAtOperand, out var help);
        if (help) return null;
        return operands.Count >= LeastOperands && operands.Count <= MostOperands
            ? operands
            : throw new UsageException(UsageMistake.Operands, WrongCount(path));
    }

    private string WrongCount(string path)
    {
        if (MostOperands == 0) return $"'{path}' accepts no arguments";
        var wanted = (LeastOperands, MostOperands) switch
        {
            var (least, most) when least == most => Count(least),
            (0, var most) => $"at most {Count(most)}",
            (var least, int.MaxValue) => $"at least {Count(least)}",
            var (least, most) => $"at least {least} and at most {Count(most)}",
        };
        return $"'{path}' requires {wanted}";
    }

    private static string Count(int count) => count == 1 ? "1 argument" : $"{count} arguments";
}
