using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Build.Linting;
using CrunSharp.Oci;

namespace CrunSharp.Build.Dockerfile;

/// <summary>A Dockerfile that was read: arguments before the first FROM, and stages.</summary>
public sealed class ParsedDockerfile
{
    /// <summary>The text that was read.</summary>
    public required DockerfileSource Source { get; init; }

    /// <summary>The escape character.</summary>
    public required char Escape { get; init; }

    /// <summary>The directives at the top: <c>syntax</c>, <c>escape</c>, <c>check</c>.</summary>
    public required IReadOnlyDictionary<string, string> Directives { get; init; }

    /// <summary>The ARG instructions before the first FROM.</summary>
    public required IReadOnlyList<ArgInstruction> GlobalArguments { get; init; }

    /// <summary>The stages in their order; at least one.</summary>
    public required IReadOnlyList<Stage> Stages { get; init; }
}

/// <summary>A stage: FROM and what follows it.</summary>
/// <param name="Index">Its number, from 0.</param>
/// <param name="From">Its FROM.</param>
/// <param name="Instructions">The instructions after it.</param>
public sealed record Stage(int Index, FromInstruction From, IReadOnlyList<Instruction> Instructions);

/// <summary>Reads Dockerfiles.</summary>
/// <seealso href="https://docs.docker.com/reference/dockerfile/"/>
public static class Parser
{
    /// <summary>Reads a Dockerfile.</summary>
    /// <exception cref="CrunException">It is wrong; the text starts with file and line.</exception>
    public static ParsedDockerfile Parse(DockerfileSource source) => Parse(source, null, null);

    /// <summary>Reads a Dockerfile, and looks at it.</summary>
    /// <param name="source">The text.</param>
    /// <param name="linter">Takes warnings, also when the Dockerfile turns out to be wrong; null for none.</param>
    /// <param name="checks">What the caller says of rules, in place of the file; null when it says nothing.</param>
    /// <exception cref="CrunException">It is wrong; the text starts with file and line.</exception>
    internal static ParsedDockerfile Parse(DockerfileSource source, Linter? linter, string? checks)
    {
        var lexer = Lexer.Read(source);
        linter?.Configure(source, checks, lexer.Directives);
        if (linter is not null) SyntaxLint.CheckContinuations(lexer.Lines, linter);
        var globals = new List<ArgInstruction>();
        var stages = new List<Stage>();
        List<Instruction>? current = null;
        foreach (var line in lexer.Lines)
        {
            if (linter is not null) SyntaxLint.CheckLine(line, linter);
            var parsed = ParseLine(source, line, lexer.Escape);
            if (linter is not null) SyntaxLint.CheckDescription(parsed, linter);
            switch (parsed)
            {
                case FromInstruction from:
                    stages.Add(new Stage(stages.Count, from, current = []));
                    break;
                case ArgInstruction arg when current is null:
                    globals.Add(arg);
                    break;
                case var instruction:
                    if (current is null) throw DockerfileError.At(source, line.Range, "no build stage in current context: the first instruction must be FROM or ARG", instruction.Keyword);
                    current.Add(instruction);
                    break;
            }
        }
        if (stages.Count == 0) throw CrunException.Invalid("dockerfile contains no stages to build", source.Name);
        var file = new ParsedDockerfile
        {
            Source = source,
            Escape = lexer.Escape,
            Directives = lexer.Directives,
            GlobalArguments = globals,
            Stages = stages,
        };
        if (linter is null) return file;
        SyntaxLint.CheckStageNames(file, linter);
        SyntaxLint.CheckCasing(file, linter);
        return file;
    }

    /// <summary>Reads the one instruction of an ONBUILD trigger.</summary>
    /// <param name="text">The instruction, heredocs included.</param>
    /// <param name="source">The file whose FROM runs it, for messages.</param>
    /// <param name="from">That FROM.</param>
    /// <exception cref="CrunException">It is wrong, or not one instruction that a trigger may be.</exception>
    internal static Instruction ParseTrigger(string text, DockerfileSource source, SourceRange from)
    {
        try
        {
            var lexer = Lexer.Read(new DockerfileSource("ONBUILD", text));
            if (lexer.Lines.Count != 1) throw CrunException.Invalid("onbuild trigger should be a single expression");
            var instruction = InstructionParser.Parse(lexer.Lines[0], lexer.Escape);
            if (instruction is FromInstruction or MaintainerInstruction or OnbuildInstruction)
                throw CrunException.Invalid($"{instruction.Name} isn't allowed as an ONBUILD trigger");
            return instruction with { Range = from };
        }
        catch (CrunException error)
        {
            throw DockerfileError.At(source, from, $"trigger {GoText.Quote(text)} of the base image: {error.Reason}");
        }
    }

    private static Instruction ParseLine(DockerfileSource source, LogicalLine line, char escape)
    {
        try
        {
            return InstructionParser.Parse(line, escape);
        }
        catch (CrunException error) when (error.Kind == ErrorKind.InvalidInput)
        {
            throw DockerfileError.At(source, line.Range, error.Message, DockerfileError.WordOf(error));
        }
    }
}
