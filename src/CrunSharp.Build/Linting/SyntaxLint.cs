using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;

namespace CrunSharp.Build.Linting;

/// <summary>What can be said of a Dockerfile from its text alone.</summary>
internal static class SyntaxLint
{
    /// <summary>Continued lines with nothing on them; the last line of the instruction is named, as BuildKit does.</summary>
    public static void CheckContinuations(IReadOnlyList<LogicalLine> lines, Linter linter)
    {
        foreach (var line in lines)
            if (line.HasEmptyContinuation)
                linter.Warn(LintRules.NoEmptyContinuation, new SourceRange(line.TextEnd, line.TextEnd), line.Comments, "Empty continuation line");
    }

    /// <summary>What a line says before it is known to be a right instruction.</summary>
    public static void CheckLine(LogicalLine line, Linter linter)
    {
        var command = CommandLine.Parse(line.Text);
        if (command.Name == "MAINTAINER")
            linter.Warn(LintRules.MaintainerDeprecated, line.Range, line.Comments, "Maintainer instruction is deprecated in favor of using label");
        if (command.Name != "FROM" || CommandLine.SplitBlanks(command.Rest) is not [_, var keyword, var name, ..]) return;
        if (name != Lower(name))
            linter.Warn(LintRules.StageNameCasing, line.Range, line.Comments, $"Stage name '{name}' should be lowercase");
        var (lower, upper) = (command.Keyword == Lower(command.Keyword), command.Keyword == Upper(command.Keyword));
        if (lower ? keyword != Lower(keyword) : upper && keyword != Upper(keyword))
            linter.Warn(LintRules.FromAsCasing, line.Range, line.Comments, $"'{keyword}' and '{command.Keyword}' keywords' casing do not match");
    }

    /// <summary>Comments above ARG and FROM, which describe them for <c>--call=outline</c>.</summary>
    public static void CheckDescription(Instruction instruction, Linter linter)
    {
        IReadOnlyList<string> names = instruction switch
        {
            FromInstruction { StageName: { } name } => [name],
            ArgInstruction arg => [.. arg.Arguments.Select(static argument => argument.Name)],
            _ => [],
        };
        if (names.Count == 0 || instruction.Comments.Count == 0 || names.Contains(instruction.Comments[^1].Split(' ')[0])) return;
        linter.Warn(LintRules.InvalidDefinitionDescription, instruction,
            $"Comment for {instruction.Name} should follow the format: `# {(names.Count > 1 ? "<arg_key>" : names[0])} <description>`");
    }

    /// <summary>Names of stages that are taken.</summary>
    public static void CheckStageNames(ParsedDockerfile file, Linter linter)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var from in file.Stages.Select(static stage => stage.From))
        {
            if (from.StageName is not { } name) continue;
            if (name is "context" or "scratch")
                linter.Warn(LintRules.ReservedStageName, from, $"Stage name should not use the same name as reserved stage {GoText.Quote(name)}");
            if (!seen.Add(name))
                linter.Warn(LintRules.DuplicateStageName, from, $"Duplicate stage name {GoText.Quote(name)}, stage names should be unique");
        }
    }

    /// <summary>Keywords that are not written as most of them are.</summary>
    public static void CheckCasing(ParsedDockerfile file, Linter linter)
    {
        var all = file.Stages.SelectMany(static stage => (IEnumerable<Instruction>)[stage.From, .. stage.Instructions]).ToList();
        var lower = all.Count(static i => i.Keyword == Lower(i.Keyword));
        var upper = all.Count(static i => i.Keyword != Lower(i.Keyword) && i.Keyword == Upper(i.Keyword));
        foreach (var instruction in all)
        {
            var right = lower > upper ? Lower(instruction.Keyword) : Upper(instruction.Keyword);
            if (instruction.Keyword != right)
                linter.Warn(LintRules.ConsistentInstructionCasing, instruction, $"Command '{instruction.Keyword}' should match the case of the command majority ({(lower > upper ? "lowercase" : "uppercase")})");
        }
    }

    private static string Lower(string text) => text.ToLowerInvariant();

    private static string Upper(string text) => text.ToUpperInvariant();
}
