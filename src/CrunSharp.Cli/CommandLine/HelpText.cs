using System.Runtime.InteropServices;
using System.Text;
using CrunSharp.Cli.Commands;

namespace CrunSharp.Cli.CommandLine;

/// <summary>Help, in the layout of docker's.</summary>
internal static class HelpText
{
    private const int Width = 80;
    private const int VerbWidth = 12;

    /// <summary>Help on the program.</summary>
    public static int WriteRoot(CommandContext context)
    {
        var text = new StringBuilder();
        text.Append($"Usage:  {context.Program} [OPTIONS] COMMAND\n\nContainers and images without a daemon\n");
        AppendVerbs(text, "Common Commands", "", Section.Common);
        text.Append("\nManagement Commands:\n");
        foreach (var group in CommandTable.Groups)
        {
            if (group.HasVisible && group.IsTop) AppendVerb(text, group.Name, group.Summary);
        }
        AppendVerbs(text, "Commands", "", Section.Other);
        AppendOptions(text, "Global Options", GlobalOptions.Table);
        text.Append($"\nRun '{context.Program} COMMAND --help' for more information on a command.\n");
        context.Out.Write(text);
        return ExitCodes.Success;
    }

    /// <summary>Help on a program with a table of commands of its own.</summary>
    public static int WriteTable(CommandContext context, string summary, CommandRow[] rows, Option[] options)
    {
        var text = new StringBuilder();
        text.Append($"Usage:  {context.Program} [OPTIONS] COMMAND\n\n{summary}\n\nCommands:\n");
        foreach (var row in rows) AppendVerb(text, row.Paths, row.Summary);
        AppendOptions(text, "Global Options", options);
        text.Append($"\nRun '{context.Program} COMMAND --help' for more information on a command.\n");
        context.Out.Write(text);
        return ExitCodes.Success;
    }

    /// <summary>Help on a noun.</summary>
    public static int WriteGroup(CommandContext context, CommandGroup group)
    {
        var text = new StringBuilder();
        text.Append($"Usage:  {context.Path} COMMAND\n\n{group.Summary}\n");
        AppendVerbs(text, "Commands", group.Name, Section.Hidden);
        text.Append($"\nRun '{context.Path} COMMAND --help' for more information on a command.\n");
        context.Out.Write(text);
        return ExitCodes.Success;
    }

    /// <summary>Help on a command.</summary>
    public static int WriteCommand(CommandContext context, CommandRow row, Command command)
    {
        var text = new StringBuilder();
        text.Append($"Usage:  {context.Path} {command.Synopsis}\n\n{row.Summary}\n");
        if (row.Paths.Contains('|', StringComparison.Ordinal))
            text.Append($"\nAliases:\n  {context.Program} ").Append(row.Paths.Replace("|", $", {context.Program} ", StringComparison.Ordinal)).Append('\n');
        AppendOptions(text, "Options", command.Options);
        context.Out.Write(text);
        return ExitCodes.Success;
    }

    // The verbs of a noun are listed whatever their section is; without a noun, only those of the section.
    private static void AppendVerbs(StringBuilder text, string title, string noun, Section section)
    {
        var rows = new List<(string Verb, string Summary)>();
        foreach (var row in CommandTable.Rows)
        {
            if (row.Section != Section.Hidden && (noun.Length > 0 || row.Section == section) && row.VerbOf(noun) is { } verb)
                rows.Add((verb, row.Summary));
        }
        foreach (var group in CommandTable.Groups)
        {
            if (noun.Length > 0 && group.VerbOf(noun) is { } verb) rows.Add((verb, group.Summary));
        }
        if (section != Section.Common) CollectionsMarshal.AsSpan(rows).Sort(static (a, b) => string.CompareOrdinal(a.Verb, b.Verb));
        text.Append($"\n{title}:\n");
        foreach (var (verb, summary) in rows) AppendVerb(text, verb, summary);
    }

    private static void AppendVerb(StringBuilder text, string verb, string summary) =>
        text.Append("  ").Append(verb.PadRight(VerbWidth)).Append(summary).Append('\n');

    private static void AppendOptions(StringBuilder text, string title, Option[] options)
    {
        var widest = 0;
        foreach (var option in options)
        {
            if (!option.Hidden) widest = Math.Max(widest, Left(option).Length);
        }
        if (widest == 0) return;
        text.Append($"\n{title}:\n");
        foreach (var option in options)
        {
            if (option.Hidden) continue;
            text.Append(Left(option).PadRight(widest + 3));
            AppendWrapped(text, option.Default is null ? option.Summary : $"{option.Summary} (default {option.Default})", widest + 3);
        }
    }

    private static string Left(Option option)
    {
        var names = option.Letter == '\0' ? $"      --{option.Name}" : $"  -{option.Letter}, --{option.Name}";
        return option.IsFlag ? names : $"{names} {option.Type}";
    }

    private static void AppendWrapped(StringBuilder text, string summary, int indent)
    {
        var column = indent;
        foreach (var word in summary.Split(' '))
        {
            if (column > indent && column + 1 + word.Length > Width)
            {
                text.Append('\n').Append(' ', indent);
                column = indent;
            }
            else if (column > indent)
            {
                text.Append(' ');
                column++;
            }
            text.Append(word);
            column += word.Length;
        }
        text.Append('\n');
    }
}
