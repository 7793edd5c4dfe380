using CrunSharp.Cli.CommandLine;

namespace CrunSharp.Cli.Commands.General;

/// <summary><c>help</c>: help on the program or on a command.</summary>
internal sealed class HelpCommand : Command
{
    public override string Synopsis => "[COMMAND]";
    public override bool NeedsRoot => false;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        context.Path = context.Program;
        if (operands.Count == 0) return HelpText.WriteRoot(context);
        string[] words = [.. operands];
        if (Shell.Find(words, out var used) is { } row)
        {
            context.Path = string.Join(' ', [context.Program, .. words[..used]]);
            return HelpText.WriteCommand(context, row, row.Create());
        }
        if (CommandTable.FindGroup(words[0]) is { } group && words.Length == 1)
        {
            context.Path = $"{context.Program} {group.Name}";
            return HelpText.WriteGroup(context, group);
        }
        context.Complain($"unknown help topic: {string.Join(' ', words)}");
        return ExitCodes.Failure;
    }
}
