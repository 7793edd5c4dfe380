namespace CrunSharp.Cli.Templates;

/// <summary>A part of a template.</summary>
internal abstract record Node;

/// <summary>Text that is copied.</summary>
internal sealed record TextNode(string Text) : Node;

/// <summary><c>{{pipeline}}</c>.</summary>
internal sealed record ActionNode(Pipeline Pipeline) : Node;

/// <summary><c>{{if}}</c>, <c>{{with}}</c> and <c>{{range}}</c>, up to their <c>{{end}}</c>.</summary>
internal sealed record BranchNode(BranchKind Kind, Pipeline Pipeline, IReadOnlyList<Node> Body, IReadOnlyList<Node> Otherwise) : Node;

/// <summary><c>{{break}}</c> and <c>{{continue}}</c>.</summary>
internal sealed record JumpNode(bool Ends) : Node;

internal enum BranchKind
{
    If,
    With,
    Range,
}

/// <summary>Commands whose results are handed on, and the variables that take the last one.</summary>
/// <param name="Variables">Their names with the dollar; two only in <c>range</c>.</param>
/// <param name="Declares">Whether they are new (<c>:=</c>).</param>
/// <param name="Commands">At least one.</param>
internal sealed record Pipeline(IReadOnlyList<string> Variables, bool Declares, IReadOnlyList<Call> Commands);

/// <summary>A value or function and its arguments.</summary>
internal sealed record Call(IReadOnlyList<Operand> Words);

/// <summary>A word of a command.</summary>
/// <param name="At">Where it begins.</param>
/// <param name="End">Where the next begins.</param>
/// <param name="Fields">The fields that follow it directly.</param>
internal abstract record Operand(int At, int End, IReadOnlyList<string> Fields)
{
    /// <summary>Where errors say that it is: at the field, when there is one after the first word.</summary>
    public int Mark { get; init; } = At;
}

/// <summary>A string, a number, true, false or nil.</summary>
internal sealed record LiteralOperand(int At, int End, object? Value) : Operand(At, End, []);

/// <summary>The dot, and fields of it.</summary>
internal sealed record DotOperand(int At, int End, IReadOnlyList<string> Fields) : Operand(At, End, Fields);

/// <summary>A variable, and fields of it.</summary>
internal sealed record VariableOperand(int At, int End, string Name, IReadOnlyList<string> Fields) : Operand(At, End, Fields);

/// <summary>A function.</summary>
internal sealed record FunctionOperand(int At, int End, string Name) : Operand(At, End, []);

/// <summary>A pipeline in parentheses, and fields of its result.</summary>
internal sealed record GroupOperand(int At, int End, Pipeline Pipeline, IReadOnlyList<string> Fields) : Operand(At, End, Fields);
