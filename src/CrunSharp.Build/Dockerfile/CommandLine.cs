using System.Text;
using System.Text.Json;
using CrunSharp.Oci;

namespace CrunSharp.Build.Dockerfile;

/// <summary>An instruction's line in its three parts: keyword, flags, the rest.</summary>
/// <param name="Keyword">The keyword as written.</param>
/// <param name="Flags">The words that start with <c>--</c>, quotes and escapes removed.</param>
/// <param name="Rest">What follows, trimmed.</param>
internal sealed record CommandLine(string Keyword, IReadOnlyList<string> Flags, string Rest)
{
    private const string Blanks = " \t\v\f\r";

    /// <summary>The keyword in capitals.</summary>
    public string Name => Keyword.ToUpperInvariant();

    /// <summary>Splits a line.</summary>
    public static CommandLine Parse(string line)
    {
        line = line.Trim();
        var end = line.AsSpan().IndexOfAny(Blanks);
        if (end < 0) return new CommandLine(line, [], "");
        var flags = new List<string>();
        var rest = TakeFlags(line[end..], flags);
        return new CommandLine(line[..end], flags, rest.Trim());
    }

    /// <summary>Whether a line is an instruction whose words may open heredocs: RUN, COPY, ADD, not in JSON form.</summary>
    public static bool MayHaveHeredocs(string line)
    {
        var command = Parse(line);
        if (command.Name == "ONBUILD") command = Parse(command.Rest);
        return command.Name is "RUN" or "COPY" or "ADD" && !(command.Rest.StartsWith('[') && TryParseJson(command.Rest, out _));
    }

    /// <summary>Reads a JSON array of strings; false when the text is no JSON array.</summary>
    /// <exception cref="CrunException">It is an array, but not of strings only.</exception>
    public static bool TryParseJson(string text, out IReadOnlyList<string> words)
    {
        words = [];
        text = text.TrimStart();
        if (!text.StartsWith('[')) return false;
        var read = new List<string>();
        var allStrings = true;
        try
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text));
            reader.Read();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (reader.TokenType == JsonTokenType.String) read.Add(reader.GetString()!);
                else allStrings = false;
                reader.Skip();
            }
            reader.Read();
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return false;
        }
        if (!allStrings) throw CrunException.Invalid("when using JSON array syntax, arrays must be comprised of strings only");
        words = read;
        return true;
    }

    /// <summary>Splits at white space outside of quotes; quotes and escapes stay in the words.</summary>
    public static List<string> SplitWords(string text, char escape)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var quote = '\0';
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (quote == '\0' && char.IsWhiteSpace(c))
            {
                if (word.Length > 0) words.Add(word.ToString());
                word.Clear();
                continue;
            }
            if (c == escape && quote != '\'')
            {
                // At the end of the line an escape is dropped.
                if (i + 1 == text.Length) break;
                word.Append(c).Append(text[++i]);
                continue;
            }
            if (c == quote) quote = '\0';
            else if (quote == '\0' && c is '\'' or '"') quote = c;
            word.Append(c);
        }
        if (word.Length > 0) words.Add(word.ToString());
        return words;
    }

    /// <summary>Splits at blanks.</summary>
    public static List<string> SplitBlanks(string text)
    {
        var words = new List<string>();
        var rest = text.AsSpan();
        while (!rest.IsEmpty)
        {
            var end = rest.IndexOfAny(Blanks);
            if (end < 0) end = rest.Length;
            if (end > 0) words.Add(rest[..end].ToString());
            rest = rest[Math.Min(end + 1, rest.Length)..];
        }
        return words;
    }

    // Words that start with "--", until another word or a bare "--" comes.
    private static string TakeFlags(string text, List<string> flags)
    {
        for (var at = 0; ;)
        {
            while (at < text.Length && char.IsWhiteSpace(text[at])) at++;
            if (at + 1 >= text.Length || text[at] != '-' || text[at + 1] != '-') return text[at..];
            var word = new StringBuilder();
            var quote = '\0';
            for (; at < text.Length && (quote != '\0' || !char.IsWhiteSpace(text[at])); at++)
            {
                var c = text[at];
                if (c == quote) quote = '\0';
                else if (quote == '\0' && c is '\'' or '"') quote = c;
                else if (c != '\\') word.Append(c);
                else if (at + 1 < text.Length) word.Append(text[++at]);
            }
            var flag = word.ToString();
            if (flag == "--") return text[at..];
            flags.Add(flag);
        }
    }
}
