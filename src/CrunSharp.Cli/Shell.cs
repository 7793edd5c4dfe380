using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands;
using CrunSharp.Oci;

namespace CrunSharp.Cli;

/// <summary>The command line in docker's manner: finds the command that was typed, and makes and runs only that.</summary>
internal static class Shell
{
    public static int Start(string program, string[] arguments)
    {
        var context = new CommandContext { Program = program };
        return context.Finish(Run(context, arguments));
    }

    /// <summary>Runs a command line, without the program's name.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(CommandContext context, ReadOnlySpan<string> arguments)
    {
        context.Path = context.Program;
        if (arguments.Length == 1 && arguments[0] is "--version" or "-v") return PrintVersion(context);
        try
        {
            var words = OptionParser.Parse(GlobalOptions.Table, context.Global, arguments, stopAtOperand: true, out var help);
            if (context.Global.Version) return PrintVersion(context);
            if (help || words.Count == 0) return HelpText.WriteRoot(context);
            return Dispatch(context, [.. words]);
        }
        catch (UsageException error)
        {
            return Report(context, error, "[OPTIONS] COMMAND [ARG...]");
        }
    }

    /// <summary>Finds the row of what was typed, and how many words name it; null when it is not in the table.</summary>
    public static CommandRow? Find(ReadOnlySpan<string> words, out int used)
    {
        var noun = GroupOf(words)?.Name ?? "";
        used = noun.Length == 0 ? 1 : noun.Contains(' ', StringComparison.Ordinal) ? 3 : 2;
        if (words.Length < used) return null;
        foreach (var row in CommandTable.Rows)
        {
            if (row.IsTyped(noun, words[used - 1])) return row;
        }
        return null;
    }

    // The noun that words begin with: of two words, or of one.
    private static CommandGroup? GroupOf(ReadOnlySpan<string> words) =>
        (words.Length > 1 ? CommandTable.FindGroup($"{words[0]} {words[1]}") : null) ?? CommandTable.FindGroup(words[0]);

    private static int Dispatch(CommandContext context, ReadOnlySpan<string> words)
    {
        // The name of docker's plugin for the same.
        if (words[0] == "buildx") words = (string[])["builder", .. words[1..]];
        words = Mistypes.Correct(words, context);
        if (Find(words, out var used) is { } row)
        {
            context.Path = string.Join(' ', [context.Program, .. words[..used]]);
            return Run(context, row, row.Create(), words[used..]);
        }
        if (GroupOf(words) is not { } group) return Unknown(context, words[0], "");
        context.Path = $"{context.Program} {group.Name}";
        if (group.Name.Contains(' ', StringComparison.Ordinal)) words = words[1..];
        return words.Length == 1 || words[1] is "--help" or "-h" or "help"
            ? HelpText.WriteGroup(context, group)
            : words[1].StartsWith('-')
                ? Report(context, UsageException.Syntax($"unknown flag: {words[1]}"), "COMMAND")
                : Unknown(context, words[1], group.Name);
    }

    private static int Run(CommandContext context, CommandRow row, Command command, ReadOnlySpan<string> arguments)
    {
        List<string>? operands = null;
        try
        {
            operands = command.Parse(context.Path, arguments);
            if (operands is null) return HelpText.WriteCommand(context, row, command);
            if (command.NeedsRoot && !Environment.IsPrivilegedProcess)
            {
                context.Complain($"this needs root: try sudo {context.Path}");
                return command.FailureCode;
            }
            return command.Execute(context, operands);
        }
        catch (UsageException error)
        {
            return Report(context, error, command.Synopsis);
        }
        catch (CrunException error)
        {
            context.Finish(ExitCodes.Failure);
            context.Complain(context.Global.Debug ? error.ToString() : error.Message);
            if (operands is not null && command.HintFor(context, operands, error) is { } hint) context.Error.WriteLine(hint);
            return ExitCodes.Of(error, command);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            context.Finish(ExitCodes.Failure);
            context.Complain(context.Global.Debug ? error.ToString() : CrunException.Of(error).Message);
            return command.FailureCode;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            context.Finish(ExitCodes.Failure);
            context.Complain(context.Global.Debug
                ? error.ToString()
                : $"internal error: {error.GetType().Name}: {error.Message} ({context.Program} --debug shows where)");
            return command.FailureCode;
        }
    }

    private static int Report(CommandContext context, UsageException error, string synopsis)
    {
        context.Finish(ExitCodes.Failure);
        var message = VisibleText.Of(error.Mistake == UsageMistake.Syntax ? error.Message : $"{context.Program}: {error.Message}");
        var usage = error.Mistake == UsageMistake.Values ? "" : $"Usage:  {context.Path} {synopsis}\n\n";
        context.Error.Write($"{message}\n\n{usage}Run '{context.Path} --help' for more information\n");
        return ExitCodes.Of(error);
    }

    private static int Unknown(CommandContext context, string verb, string group)
    {
        var path = group.Length == 0 ? context.Program : $"{context.Program} {group}";
        context.Complain($"unknown command: {path} {verb}");
        if (Mistypes.Nearest(verb, group) is { Length: > 0 } near) context.Error.Write($"\nDid you mean: {near}\n");
        context.Error.Write($"\nRun '{path} --help' for more information\n");
        return ExitCodes.Failure;
    }

    private static int PrintVersion(CommandContext context)
    {
        context.Out.Write("crun-sharp version " + ProductVersion.Text + "\n");
        return ExitCodes.Success;
    }
}
