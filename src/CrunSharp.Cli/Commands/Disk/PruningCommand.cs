using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Options;
using CrunSharp.Cli.Output;

namespace CrunSharp.Cli.Commands.Disk;

/// <summary>What all commands that remove unused things have in common: filters, the question, the sum.</summary>
/// <param name="filters">The names of the filters.</param>
internal abstract class PruningCommand(params string[] filters) : Command
{
    private bool _force;

    public sealed override string Synopsis => "[OPTIONS]";
    public sealed override int MostOperands => 0;

    protected Filters Filters { get; } = new(filters);

    /// <summary>What would go, for the question.</summary>
    protected abstract string Warning { get; }

    /// <summary>Whether it is said how much space that was.</summary>
    protected virtual bool SumsUp => true;

    public sealed override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        Check(context);
        if (!_force && !Question.Ask(context, Warning)) return ExitCodes.Success;
        var freed = Remove(context);
        if (SumsUp) context.Out.WriteLine($"Total reclaimed space: {Human.Size(freed, 4)}");
        context.Out.Flush();
        Conclude(context);
        return ExitCodes.Success;
    }

    /// <summary>The options of a command: its own and the common ones.</summary>
    /// <param name="filters">What help says of <c>--filter</c>.</param>
    /// <param name="own">Its own.</param>
    protected static Option[] TableOf<T>(string filters, params Option[] own) where T : PruningCommand
    {
        Option[] all =
        [
            .. own,
            new Value<T>("filter", '\0', "filter", filters, static (o, v) => o.Filters.Add(v)),
            new Flag<T>("force", 'f', "Do not ask", static (o, v) => o._force = v),
        ];
        Array.Sort(all, static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        return all;
    }

    /// <summary>Refuses options that make no sense, before anything is asked.</summary>
    protected virtual void Check(CommandContext context) => _ = Filters.Until(context.Clock);

    /// <summary>Removes, and says so; how many bytes that were.</summary>
    protected abstract long Remove(CommandContext context);

    /// <summary>Says what else there is to know.</summary>
    protected virtual void Conclude(CommandContext context)
    {
    }
}
