using System.Text;
using CrunSharp.Oci;

namespace CrunSharp.Build.Dockerfile;

/// <summary>Splits a Dockerfile into logical lines, and reads the directives at its top.</summary>
internal sealed class Lexer
{
    private const int MostLineBytes = 65535;

    private readonly DockerfileSource _source;
    private readonly List<LogicalLine> _lines = [];
    private readonly Dictionary<string, string> _directives = new(StringComparer.Ordinal);
    private readonly List<string> _comments = [];
    private bool _directivesDone;
    private int _next;

    private Lexer(DockerfileSource source) => _source = source;

    /// <summary>The character that escapes and continues lines: <c>\</c>, or the backtick.</summary>
    public char Escape { get; private set; } = '\\';

    /// <summary>The logical lines.</summary>
    public IReadOnlyList<LogicalLine> Lines => _lines;

    /// <summary>The directives <c>syntax</c>, <c>escape</c> and <c>check</c> that were given.</summary>
    public IReadOnlyDictionary<string, string> Directives => _directives;

    /// <summary>Reads a whole file.</summary>
    /// <exception cref="CrunException">A directive, a line's length or a heredoc is wrong, or there is no instruction.</exception>
    public static Lexer Read(DockerfileSource source)
    {
        var lexer = new Lexer(source);
        while (lexer._next < source.Lines.Count) lexer.ReadLogicalLine();
        return lexer._lines.Count > 0 ? lexer
            : throw CrunException.Invalid("file with no instructions", source.Name);
    }

    private void ReadLogicalLine()
    {
        var first = TakeLine();
        var start = _next;
        first = first.TrimStart();
        if (first.StartsWith('#') && !ReadDirective(first))
        {
            var comment = first[1..].Trim();
            if (comment.Length == 0) _comments.Clear();
            else _comments.Add(comment);
        }
        if (!first.StartsWith('#')) _directivesDone = true;
        if (first.Length == 0 || first[0] == '#') return;

        var text = new StringBuilder();
        var hasEmpty = false;
        var continued = Append(text, first);
        while (continued && _next < _source.Lines.Count)
        {
            var line = TakeLine();
            var trimmed = line.AsSpan().TrimStart();
            hasEmpty |= trimmed.IsEmpty;
            if (trimmed.IsEmpty || trimmed[0] == '#') continue;
            continued = Append(text, line);
        }
        var whole = text.ToString();
        if (string.IsNullOrWhiteSpace(whole)) return;
        var textEnd = _next;
        var heredocs = ReadHeredocs(whole, start);
        _lines.Add(new LogicalLine(whole, new SourceRange(start, _next), heredocs)
        {
            Comments = [.. _comments],
            TextEnd = textEnd,
            HasEmptyContinuation = hasEmpty,
        });
        _comments.Clear();
    }

    private string TakeLine()
    {
        var line = _source.Lines[_next++];
        if (line.Length > MostLineBytes / 3 && Encoding.UTF8.GetByteCount(line) > MostLineBytes)
            throw Error(_next, $"dockerfile line greater than max allowed size of {MostLineBytes}");
        return line.TrimEnd('\r', '\n');
    }

    // Adds a line without its escape character at the end; true when there was one, so that the next line belongs to it.
    private bool Append(StringBuilder text, string line)
    {
        var end = line.AsSpan().TrimEnd(" \t").Length;
        var continued = end > 0 && line[end - 1] == Escape && (end == 1 || line[end - 2] != Escape);
        text.Append(continued ? line.AsSpan(0, end - 1) : line);
        return continued;
    }

    // "# key=value" in the lines at the top; the first line that is no known directive ends them.
    private bool ReadDirective(string line)
    {
        if (_directivesDone) return false;
        _directivesDone = true;
        var equals = line.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0) return false;
        var key = line[1..equals].Trim().ToLowerInvariant();
        var value = line[(equals + 1)..].Trim();
        if (key is not ("escape" or "syntax" or "check") || value.Length == 0) return false;
        if (!_directives.TryAdd(key, value)) throw Error(_next, $"only one {key} parser directive can be used");
        if (key == "escape")
        {
            if (value is not ("\\" or "`")) throw Error(_next, $"invalid escape token '{value}' does not match ` or \\");
            Escape = value[0];
        }
        _directivesDone = false;
        return true;
    }

    private List<Heredoc> ReadHeredocs(string line, int start)
    {
        if (!line.Contains("<<", StringComparison.Ordinal) || !CommandLine.MayHaveHeredocs(line)) return [];
        var heredocs = Heredoc.FindIn(line);
        for (var i = 0; i < heredocs.Count; i++) heredocs[i] = heredocs[i] with { Raw = ReadBody(heredocs[i], start) };
        return heredocs;
    }

    private string ReadBody(Heredoc heredoc, int start)
    {
        var body = new StringBuilder();
        while (_next < _source.Lines.Count)
        {
            var raw = _source.Lines[_next];
            var line = TakeLine();
            if ((heredoc.StripTabs ? line.TrimStart('\t') : line) == heredoc.Name) return body.ToString();
            body.Append(raw);
        }
        throw DockerfileError.At(_source, new SourceRange(start, _next), $"unterminated heredoc: no line is {GoText.Quote(heredoc.Name)}");
    }

    private CrunException Error(int line, string reason) => DockerfileError.At(_source, new SourceRange(line, line), reason);
}
