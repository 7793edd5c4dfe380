using System.Text;
using System.Text.Json;
using CrunSharp.Oci.Json;

namespace CrunSharp.Oci.Tests.Json;

/// <summary>The tokens are those that the library's reader finds, and what it refuses is refused.</summary>
public sealed class JsonTokensTests
{
    private const string Document = """
        {"ociVersion": "1.2.0", "process": {"args": ["sh", "-c", "echo \"a\\b\/\b\f\n\r\t\u00e4\ud83d\ude00\""], "rlimits": [], "noNewPrivileges": true, "x": null, "y": false},
         "numbers": [0, -0, 1, -17, 1.5, -0.25, 1e3, 2E-4, 12.5e+7, 18446744073709551615, -9223372036854775808], "ä": "日本 \u0041", "empty": {}, "deep": [[[[{"a": [{}]}]]]]}
        """;

    [Test]
    public void A_documents_tokens_are_the_librarys() => Assert.That(Ours(Encoding.UTF8.GetBytes(Document)), Is.EqualTo(Theirs(Encoding.UTF8.GetBytes(Document))));

    [TestCase("")]
    [TestCase(" ")]
    [TestCase("[1,]")]
    [TestCase("[,1]")]
    [TestCase("[1 2]")]
    [TestCase("{\"a\" 1}")]
    [TestCase("{\"a\":}")]
    [TestCase("{\"a\":1,}")]
    [TestCase("{a:1}")]
    [TestCase("[1}")]
    [TestCase("[")]
    [TestCase("]")]
    [TestCase("{} {}")]
    [TestCase("1 1")]
    [TestCase("01")]
    [TestCase("1.")]
    [TestCase(".5")]
    [TestCase("+1")]
    [TestCase("1e")]
    [TestCase("-")]
    [TestCase("tru")]
    [TestCase("truex")]
    [TestCase("nul")]
    [TestCase("\"\\x\"")]
    [TestCase("\"\\u12g4\"")]
    [TestCase("\"a\nb\"")]
    [TestCase("\"open")]
    [TestCase("// a\n1")]
    [TestCase("'a'")]
    [TestCase("NaN")]
    public void What_is_no_json_is_refused(string text)
    {
        Assert.That(Theirs(Encoding.UTF8.GetBytes(text)), Does.EndWith("refused"));
        Assert.That(Ours(Encoding.UTF8.GetBytes(text)), Does.EndWith("refused"));
    }

    [Test]
    public void Sixty_four_levels_are_read_and_no_more()
    {
        foreach (var count in (int[])[63, 64, 65, 100_000])
        {
            var json = Encoding.ASCII.GetBytes(new string('[', count) + new string(']', count));
            Assert.That(Ours(json).EndsWith("refused", StringComparison.Ordinal), Is.EqualTo(count > 64));
        }
    }

    [Test]
    public void Strings_that_are_no_text_are_refused_where_they_are_asked_for()
    {
        foreach (var json in (byte[][])[[(byte)'"', 0xff, (byte)'"'], [.. "\"\\ud800\""u8], [.. "\"\\ude00\\ud83d\""u8]])
        {
            Assert.That(() => StringOf(json), Throws.InvalidOperationException);
        }

        static string StringOf(byte[] json)
        {
            var tokens = new JsonTokens(json);
            tokens.Read();
            return tokens.GetString();
        }
    }

    [Test]
    public void Names_are_compared_without_their_escapes()
    {
        var tokens = new JsonTokens("{\"\\u0061b\": 1}"u8);
        tokens.Read();
        tokens.Read();
        Assert.That((tokens.TextEquals("ab"), tokens.TextEquals("a"), tokens.TextEquals("abc")), Is.EqualTo((true, false, false)));
    }

    [Test]
    public void A_value_that_is_passed_over_has_its_bytes()
    {
        var tokens = new JsonTokens("""[ {"a": [1, {"b": 2}]} , "x\"", 7 ]"""u8);
        tokens.Read();
        var parts = new List<string>();
        while (tokens.Read() && tokens.TokenType != JsonTokenType.EndArray) parts.Add(Encoding.UTF8.GetString(tokens.SkipBytes()));
        Assert.That(parts, Is.EqualTo((string[])["""{"a": [1, {"b": 2}]}""", "\"x\\\"\"", "7"]));
    }

    [Test]
    public void Damaged_documents_are_read_as_by_the_library()
    {
        var random = new Random(20261123);
        var whole = Encoding.UTF8.GetBytes(Document);
        var marks = "{}[]:,\"\\ \n0123456789-+.eEtfnu\u0001\u0080"u8.ToArray();
        for (var round = 0; round < 20_000; round++)
        {
            var json = whole.ToArray().AsSpan();
            for (var change = random.Next(1, 4); change > 0; change--) json[random.Next(json.Length)] = marks[random.Next(marks.Length)];
            var part = (random.Next(4) == 0 ? json[..random.Next(json.Length)] : json).ToArray();
            if (Ours(part) == Theirs(part)) continue;
            Assert.That(Ours(part), Is.EqualTo(Theirs(part)), Encoding.Latin1.GetString(part));
        }
    }

    private static string Ours(byte[] json)
    {
        var text = new StringBuilder();
        var tokens = new JsonTokens(json);
        try
        {
            while (tokens.Read())
            {
                text.Append($"{tokens.TokenType}@{tokens.TokenStart} ");
                if (tokens.TokenType is JsonTokenType.String or JsonTokenType.PropertyName) text.Append(Try(ref tokens));
                if (tokens.TokenType is JsonTokenType.Number)
                    text.Append(tokens.TryGetLong(out var number) ? $"={number}" : "").Append(tokens.TryGetULong(out var positive) ? $"={positive}" : "");
            }
            return text.ToString();
        }
        catch (JsonException error) when (error.LineNumber is not null)
        {
            return $"{text}refused";
        }

        static string Try(ref JsonTokens tokens)
        {
            try
            {
                return tokens.GetString();
            }
            catch (InvalidOperationException)
            {
                return "no text";
            }
        }
    }

    private static string Theirs(byte[] json)
    {
        var text = new StringBuilder();
        var reader = new Utf8JsonReader(json);
        try
        {
            while (reader.Read())
            {
                text.Append($"{reader.TokenType}@{reader.TokenStartIndex} ");
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName) text.Append(Try(ref reader));
                if (reader.TokenType is JsonTokenType.Number)
                    text.Append(reader.TryGetInt64(out var number) ? $"={number}" : "").Append(reader.TryGetUInt64(out var positive) ? $"={positive}" : "");
            }
            return text.ToString();
        }
        catch (JsonException)
        {
            return $"{text}refused";
        }

        static string Try(ref Utf8JsonReader reader)
        {
            try
            {
                return reader.GetString()!;
            }
            catch (InvalidOperationException)
            {
                return "no text";
            }
        }
    }
}
