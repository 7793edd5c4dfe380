using System.Globalization;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Templates;

/// <summary>Reads templates: the language of Go's text/template, without <c>define</c>, <c>template</c> and <c>block</c>.</summary>
internal sealed class Parser
{
    private const int MostDepth = 100;
    private readonly Lexer _lexer;
    private readonly List<string> _variables = ["$"];
    private List<Token> _tokens = [];
    private int _next;
    private int _depth;
    private int _ranges;

    private Parser(string source) => _lexer = new Lexer(source);

    private Token Current => _tokens[_next];

    public static IReadOnlyList<Node> Parse(string source)
    {
        var parser = new Parser(source);
        var nodes = parser.Nodes(out var end);
        return end is null ? nodes : throw parser.Error($"unexpected {{{{{end}}}}}");
    }

    // Reads until 'end', 'else' or the template's end; tells which by the word.
    private List<Node> Nodes(out string? end)
    {
        if (++_depth > MostDepth) throw Error("nested too deeply");
        var nodes = new List<Node>();
        var variables = _variables.Count;
        for (end = null; end is null;)
        {
            var text = _lexer.ReadText();
            if (text.Length > 0) nodes.Add(new TextNode(text));
            if (_lexer.AtEnd) break;
            (_tokens, _next) = (_lexer.ReadAction(), 0);
            if (_tokens.Count == 1)
            {
                // Only a comment may be empty.
                if (!_lexer.Source.AsSpan(0, Current.At).TrimEnd(" \t\r\n-").EndsWith("*/")) throw Error("missing value for command");
                continue;
            }
            if (Current is { Kind: TokenKind.Word, Text: "end" or "else" }) end = Current.Text;
            else nodes.Add(Action());
        }
        _variables.RemoveRange(variables, _variables.Count - variables);
        _depth--;
        return nodes;
    }

    private Node Action()
    {
        if (Current.Kind == TokenKind.Word)
        {
            switch (Current.Text)
            {
                case "if": return Branch(BranchKind.If);
                case "with": return Branch(BranchKind.With);
                case "range": return Branch(BranchKind.Range);
                case "break" or "continue":
                    var word = Current.Text;
                    if (_ranges == 0) throw Error($"{{{{{word}}}}} outside {{{{range}}}}");
                    _next++;
                    ExpectEnd(word);
                    return new JumpNode(word == "break");
                case "define" or "template" or "block":
                    throw Error($"{Current.Text} is not supported");
            }
        }
        var pipeline = Pipeline("command", mostVariables: 1);
        ExpectEnd("command");
        return new ActionNode(pipeline);
    }

    private BranchNode Branch(BranchKind kind)
    {
        var word = Current.Text;
        var opened = Current.At;
        var variables = _variables.Count;
        _next++;
        var pipeline = Pipeline(word, kind == BranchKind.Range ? 2 : 1);
        ExpectEnd(word);
        if (kind == BranchKind.Range) _ranges++;
        var body = Nodes(out var end);
        if (kind == BranchKind.Range) _ranges--;
        List<Node> otherwise = [];
        if (end == "else")
        {
            _next++;
            if (Current is { Kind: TokenKind.Word, Text: "if" or "with" } && Current.Text == word && kind != BranchKind.Range)
            {
                // 'else if' is an 'if' in the 'else', closed by the same 'end'.
                if (++_depth > MostDepth) throw Error("nested too deeply");
                otherwise.Add(Branch(kind));
                _depth--;
                _variables.RemoveRange(variables, _variables.Count - variables);
                return new BranchNode(kind, pipeline, body, otherwise);
            }
            ExpectEnd("else");
            otherwise = Nodes(out end);
            if (end == "else") throw Error("expected end; found {{else}}");
        }
        if (end is null) throw _lexer.Error("unexpected EOF", Math.Max(opened, _lexer.Source.Length));
        _next++;
        ExpectEnd("end");
        _variables.RemoveRange(variables, _variables.Count - variables);
        return new BranchNode(kind, pipeline, body, otherwise);
    }

    private Pipeline Pipeline(string context, int mostVariables)
    {
        var (names, declares) = Declarations(mostVariables, context);
        var commands = new List<Call>();
        for (; ; )
        {
            var words = new List<Operand>();
            while (Current.Kind is not (TokenKind.End or TokenKind.Close or TokenKind.Pipe))
            {
                if (words.Count > 0 && !Current.AfterBlank && Current.Kind != TokenKind.Open) throw Unexpected("operand");
                words.Add(Operand());
            }
            if (words.Count == 0)
                throw Error(commands.Count == 0 ? $"missing value for {context}" : "missing value for command");
            if (commands.Count > 0 && words[0] is LiteralOperand or DotOperand { Fields.Count: 0 })
                throw Error($"non executable command in pipeline stage {commands.Count + 1}");
            commands.Add(new Call(words));
            if (Current.Kind != TokenKind.Pipe) break;
            _next++;
        }
        if (declares) _variables.AddRange(names);
        if (commands is [{ Words: [LiteralOperand { Value: null } nil] }]) throw ErrorAt("nil is not a command", nil.At);
        return new Pipeline(names, declares, commands);
    }

    private (List<string> Names, bool Declares) Declarations(int most, string context)
    {
        var names = new List<string>();
        var at = _next;
        while (_tokens[at].Kind == TokenKind.Variable)
        {
            names.Add(_tokens[at++].Text);
            if (_tokens[at].Kind == TokenKind.Comma) at++;
            else break;
        }
        if (names.Count == 0 || _tokens[at].Kind is not (TokenKind.Declare or TokenKind.Assign)) return ([], false);
        if (names.Count > most) throw Error($"too many declarations in {context}");
        var declares = _tokens[at].Kind == TokenKind.Declare;
        if (!declares)
        {
            foreach (var name in names)
            {
                if (!_variables.Contains(name)) throw Error($"undefined variable \"{name}\"");
            }
        }
        _next = at + 1;
        return (names, declares);
    }

    private Operand Operand()
    {
        var token = _tokens[_next++];
        switch (token.Kind)
        {
            case TokenKind.Text: return new LiteralOperand(token.At, Current.At, token.Text);
            case TokenKind.Number: return new LiteralOperand(token.At, Current.At, Number(token));
            case TokenKind.Dot when Current is { Kind: TokenKind.Field, AfterBlank: false }: throw Unexpected("operand");
            case TokenKind.Dot: return new DotOperand(token.At, Current.At, []);
            case TokenKind.Field:
                var mark = Mark(token);
                var fields = Fields(token.Text);
                return new DotOperand(token.At, Current.At, fields) { Mark = mark };
            case TokenKind.Variable:
                if (!_variables.Contains(token.Text)) throw Error($"undefined variable \"{token.Text}\"");
                var at = Mark(token);
                var members = Fields(null);
                return new VariableOperand(token.At, Current.At, token.Text, members) { Mark = at };
            case TokenKind.Word when token.Text is "true" or "false": return new LiteralOperand(token.At, Current.At, token.Text == "true");
            case TokenKind.Word when token.Text == "nil": return new LiteralOperand(token.At, Current.At, null);
            case TokenKind.Word:
                if (!Functions.Exists(token.Text)) throw Error($"function \"{token.Text}\" not defined");
                return new FunctionOperand(token.At, Current.At, token.Text);
            case TokenKind.Open:
                if (++_depth > MostDepth) throw Error("nested too deeply");
                var pipeline = Pipeline("parenthesized pipeline", mostVariables: 1);
                if (Current.Kind != TokenKind.Close) throw Error("unclosed left paren");
                _next++;
                _depth--;
                var place = Mark(token);
                var chain = Fields(null);
                return new GroupOperand(token.At, Current.At, pipeline, chain) { Mark = place };
            default:
                _next--;
                throw Unexpected("operand");
        }
    }

    private int Mark(Token token) => Current is { Kind: TokenKind.Field, AfterBlank: false } ? Current.At : token.At;

    private List<string> Fields(string? first)
    {
        var fields = new List<string>();
        if (first is not null) fields.Add(first);
        while (Current is { Kind: TokenKind.Field, AfterBlank: false }) fields.Add(_tokens[_next++].Text);
        return fields;
    }

    private object Number(Token token)
    {
        var text = token.Text.Replace("_", "", StringComparison.Ordinal);
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)) return whole;
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            && long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex)) return hex;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real)
            ? real
            : throw Error($"bad number syntax: \"{token.Text}\"");
    }

    private void ExpectEnd(string context)
    {
        if (Current.Kind != TokenKind.End) throw Unexpected(context);
    }

    private CrunException Unexpected(string context) => Error(Current.Kind switch
    {
        TokenKind.Close => "unexpected right paren",
        TokenKind.End => $"missing value for {context}",
        _ => $"unexpected \"{Current.Text}\" in {context}",
    });

    private CrunException ErrorAt(string reason, int at) => _lexer.Error(reason, at);

    private CrunException Error(string reason) => _lexer.Error(reason, _tokens.Count > 0 ? _tokens[Math.Min(_next, _tokens.Count - 1)].At : 0);
}
