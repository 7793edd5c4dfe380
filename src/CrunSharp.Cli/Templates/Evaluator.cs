using System.Runtime.InteropServices;
using System.Text;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Templates;

/// <summary>Carries out a template.</summary>
internal sealed class Evaluator(string source, object? root, StringBuilder output)
{
    private enum Outcome
    {
        Done,
        Break,
        Continue,
    }

    private static readonly object Nothing = new();
    private readonly List<(string Name, object? Value)> _variables = [("$", root)];
    private object? _dot = root;

    public void Run(IReadOnlyList<Node> nodes) => Walk(nodes);

    private Outcome Walk(IReadOnlyList<Node> nodes)
    {
        var variables = _variables.Count;
        var outcome = Outcome.Done;
        foreach (var node in nodes)
        {
            switch (node)
            {
                case TextNode text:
                    output.Append(text.Text);
                    break;
                case ActionNode action:
                    var value = Evaluate(action.Pipeline);
                    if (action.Pipeline.Variables.Count == 0) GoFormat.Print(output, value);
                    break;
                case BranchNode { Kind: BranchKind.Range } range:
                    outcome = Range(range);
                    break;
                case BranchNode branch:
                    outcome = Branch(branch);
                    break;
                case JumpNode jump:
                    outcome = jump.Ends ? Outcome.Break : Outcome.Continue;
                    break;
            }
            if (outcome != Outcome.Done) break;
        }
        Forget(variables);
        return outcome;
    }

    private Outcome Branch(BranchNode branch)
    {
        var variables = _variables.Count;
        var value = Evaluate(branch.Pipeline);
        var dot = _dot;
        var holds = Functions.IsTrue(value);
        if (holds && branch.Kind == BranchKind.With) _dot = value;
        var outcome = Walk(holds ? branch.Body : branch.Otherwise);
        _dot = dot;
        Forget(variables);
        return outcome;
    }

    private Outcome Range(BranchNode range)
    {
        var variables = _variables.Count;
        var value = Evaluate(range.Pipeline, assign: false);
        var dot = _dot;
        var any = false;
        var outcome = Outcome.Done;
        foreach (var (key, item) in Items(range, value))
        {
            any = true;
            _dot = item;
            if (range.Pipeline.Variables is [var only]) Assign(range.Pipeline, only, item);
            if (range.Pipeline.Variables is [var first, var second])
            {
                Assign(range.Pipeline, first, key);
                Assign(range.Pipeline, second, item);
            }
            outcome = Walk(range.Body);
            Forget(variables);
            if (outcome == Outcome.Break) break;
        }
        _dot = dot;
        // A jump ends with the loop it is in; one in the 'else' is the outer loop's.
        return any ? Outcome.Done : Walk(range.Otherwise);
    }

    private IEnumerable<(object? Key, object? Item)> Items(BranchNode range, object? value)
    {
        switch (value)
        {
            case null: break;
            case IReadOnlyList<object?> list:
                for (var i = 0; i < list.Count; i++) yield return ((long)i, list[i]);
                break;
            case long count:
                for (var i = 0L; i < Math.Min(count, int.MaxValue); i++) yield return (i, i);
                break;
            case DomObject members:
                var sorted = new List<KeyValuePair<string, object?>>(members.Members);
                CollectionsMarshal.AsSpan(sorted).Sort(static (a, b) => string.CompareOrdinal(a.Key, b.Key));
                foreach (var (name, member) in sorted) yield return (name, member);
                break;
            default:
                throw Error(range.Pipeline.Commands[0].Words[0], $"range can't iterate over {GoFormat.Text(value)}");
        }
    }

    private object? Evaluate(Pipeline pipeline, bool assign = true)
    {
        var value = Nothing;
        foreach (var command in pipeline.Commands) value = Evaluate(command, value);
        if (assign)
        {
            foreach (var name in pipeline.Variables) Assign(pipeline, name, value);
        }
        return value;
    }

    private object? Evaluate(Call command, object? final)
    {
        var first = command.Words[0];
        if (first is FunctionOperand function) return Invoke(function, command, final);
        var value = Evaluate(first, command, final, out var called);
        if (called) return value;
        if (command.Words.Count > 1 || !ReferenceEquals(final, Nothing))
            throw Error(first, first.Fields.Count > 0
                ? $"{first.Fields[^1]} has arguments but cannot be invoked as function"
                : $"can't give argument to non-function {Text(first)}");
        return value;
    }

    // A word of a command; only the first can be a member that is called with the others.
    private object? Evaluate(Operand operand, Call? command, object? final, out bool called)
    {
        called = false;
        var value = operand switch
        {
            LiteralOperand literal => literal.Value,
            DotOperand => _dot,
            VariableOperand variable => Variable(variable.Name),
            GroupOperand group => Evaluate(group.Pipeline),
            FunctionOperand function => Invoke(function, new Call([function]), Nothing),
            _ => throw new InvalidOperationException(),
        };
        for (var i = 0; i < operand.Fields.Count; i++)
        {
            value = Member(operand, value, operand.Fields[i]);
            if (value is not DomFunction member) continue;
            called = i == operand.Fields.Count - 1 && command is not null;
            value = member.Call(called ? Arguments(command!, final) : []);
        }
        return value;
    }

    private object? Member(Operand operand, object? value, string name) => value switch
    {
        DomObject members when members.TryGet(name, out var member) => member,
        DomObject { IsMap: true } => null,
        DomObject when DockerFields.MayBeAbsent(name) => null,
        DomObject => throw Error(operand, $"can't evaluate field {name}: there is no such field"),
        null => throw Error(operand, $"nil pointer evaluating {name}"),
        _ => throw Error(operand, $"can't evaluate field {name} in {GoFormat.TypeName(value)}"),
    };

    private object?[] Arguments(Call command, object? final)
    {
        var arguments = new List<object?>();
        for (var i = 1; i < command.Words.Count; i++) arguments.Add(Evaluate(command.Words[i], null, Nothing, out _));
        if (!ReferenceEquals(final, Nothing)) arguments.Add(final);
        return [.. arguments];
    }

    private object? Invoke(FunctionOperand function, Call command, object? final)
    {
        try
        {
            return function.Name is "and" or "or" ? Logic(function, command, final) : Functions.Call(function.Name, Arguments(command, final));
        }
        catch (TemplateArgumentException error)
        {
            throw error.IsUsage
                ? Error(function, error.Message)
                : Error(function.At, source[function.At..command.Words[^1].End].Trim(), $"error calling {function.Name}: {error.Message}");
        }
    }

    // 'and' and 'or' give the argument that decided, and look no further.
    private object? Logic(FunctionOperand function, Call command, object? final)
    {
        var count = command.Words.Count - 1 + (ReferenceEquals(final, Nothing) ? 0 : 1);
        if (count == 0) throw new TemplateArgumentException($"wrong number of args for {function.Name}: want at least 1 got 0", isUsage: true);
        object? value = null;
        for (var i = 0; i < count; i++)
        {
            value = i + 1 < command.Words.Count ? Evaluate(command.Words[i + 1], null, Nothing, out _) : final;
            if (Functions.IsTrue(value) == (function.Name == "or")) break;
        }
        return value;
    }

    private object? Variable(string name)
    {
        for (var i = _variables.Count - 1; i >= 0; i--)
        {
            if (_variables[i].Name == name) return _variables[i].Value;
        }
        throw new InvalidOperationException(name); // the parser has checked
    }

    private void Assign(Pipeline pipeline, string name, object? value)
    {
        if (!pipeline.Declares)
        {
            for (var i = _variables.Count - 1; i >= 0; i--)
            {
                if (_variables[i].Name != name) continue;
                _variables[i] = (name, value);
                return;
            }
        }
        _variables.Add((name, value));
    }

    private void Forget(int variables) => _variables.RemoveRange(variables, _variables.Count - variables);

    private string Text(Operand operand) => source[operand.At..operand.End].Trim();

    private CrunException Error(Operand operand, string reason)
    {
        return Error(operand.Mark, Text(operand), reason);
    }

    private CrunException Error(int at, string text, string reason)
    {
        var before = source.AsSpan(0, at);
        var line = 1 + before.Count('\n');
        var column = at - (before.LastIndexOf('\n') + 1);
        return CrunException.Invalid($"template: :{line}:{column}: executing \"\" at <{text}>: {reason}");
    }
}
