using System.Globalization;
using System.Text;

namespace CrunSharp.Cli.Templates;

/// <summary>A function cannot take its arguments.</summary>
/// <param name="message">Why.</param>
/// <param name="isUsage">Whether it was never called: the number of arguments is wrong.</param>
internal sealed class TemplateArgumentException(string message, bool isUsage = false) : Exception(message)
{
    public bool IsUsage { get; } = isUsage;
}

/// <summary>The functions of templates: Go's own, and those that docker adds.</summary>
internal static class Functions
{
    public static bool Exists(string name) => name is "and" or "or" || Find(name) is not null;

    public static object? Call(string name, object?[] arguments)
    {
        var (least, most, call) = Find(name)!.Value;
        if (arguments.Length < least || arguments.Length > most)
        {
            var wanted = most == int.MaxValue ? $"want at least {least}" : $"want {least}";
            throw new TemplateArgumentException($"wrong number of args for {name}: {wanted} got {arguments.Length}", isUsage: true);
        }
        return call(arguments);
    }

    /// <summary>Whether a value counts as true: all but nothing, false, zero and what is empty.</summary>
    public static bool IsTrue(object? value) => value switch
    {
        null => false,
        bool truth => truth,
        long whole => whole != 0,
        double real => real != 0,
        string text => text.Length > 0,
        IReadOnlyList<object?> list => list.Count > 0,
        DomObject { IsMap: true } map => map.Members.Count > 0,
        _ => true,
    };

    private static (int Least, int Most, Func<object?[], object?> Call)? Find(string name) => name switch
    {
        "not" => (1, 1, static a => !IsTrue(a[0])),
        "len" => (1, 1, static a => Length(a[0])),
        "index" => (1, int.MaxValue, Index),
        "slice" => (1, 4, Slice),
        "print" => (0, int.MaxValue, static a => Print(a)),
        "println" => (0, int.MaxValue, static a => string.Join(' ', Array.ConvertAll(a, GoFormat.Text)) + "\n"),
        "printf" => (1, int.MaxValue, static a => GoFormat.Format(String(a[0]), a.AsSpan(1))),
        "eq" => (1, int.MaxValue, static a => Equal(a)),
        "ne" => (2, 2, static a => !Same(a[0], a[1])),
        "lt" => (2, 2, static a => Compare(a) < 0),
        "le" => (2, 2, static a => Compare(a) <= 0),
        "gt" => (2, 2, static a => Compare(a) > 0),
        "ge" => (2, 2, static a => Compare(a) >= 0),
        "json" => (1, 1, static a => DomJson.Write(a[0])),
        "join" => (2, 2, static a => string.Join(String(a[1]), List(a[0]).ConvertAll(GoFormat.Text))),
        "split" => (2, 2, static a => Split(String(a[0]), String(a[1]))),
        "lower" => (1, 1, static a => String(a[0]).ToLowerInvariant()),
        "upper" => (1, 1, static a => String(a[0]).ToUpperInvariant()),
        "title" => (1, 1, static a => Title(String(a[0]))),
        "pad" => (3, 3, static a => String(a[0]) is { Length: > 0 } text ? new string(' ', Count(a[1])) + text + new string(' ', Count(a[2])) : ""),
        "truncate" => (2, 2, static a => String(a[0]) is var text && text.Length > Count(a[1]) ? text[..Count(a[1])] : String(a[0])),
        _ => null,
    };

    private static string String(object? value) => value as string ?? throw Wrong(value, "string");

    private static int Count(object? value) =>
        value is long and >= 0 and <= 100_000 ? (int)(long)value : throw Wrong(value, "int from 0 to 100000");

    private static List<object?> List(object? value) => value switch
    {
        null => [],
        IReadOnlyList<object?> list => [.. list],
        _ => throw Wrong(value, "list"),
    };

    private static TemplateArgumentException Wrong(object? value, string wanted) =>
        new($"expected {wanted}; found {GoFormat.Text(value)}", isUsage: true);

    private static long Length(object? value) => value switch
    {
        null => 0L,
        string text => (long)Encoding.UTF8.GetByteCount(text),
        IReadOnlyList<object?> list => (long)list.Count,
        DomObject members => (long)members.Members.Count,
        _ => throw new TemplateArgumentException($"len of {GoFormat.TypeName(value)}"),
    };

    private static object? Index(object?[] arguments)
    {
        var value = arguments[0];
        foreach (var at in arguments.AsSpan(1))
        {
            value = (value, at) switch
            {
                (null, string) => "", // a map without members
                (null, _) => throw new TemplateArgumentException("index of untyped nil"),
                (DomObject members, string name) => members.TryGet(name, out var member) ? member : Missing(members),
                (IReadOnlyList<object?> list, long i) => i >= 0 && i < list.Count ? list[(int)i]
                    : throw new TemplateArgumentException($"index out of range: {i}"),
                (string text, long i) => i >= 0 && i < text.Length ? (long)text[(int)i]
                    : throw new TemplateArgumentException($"index out of range: {i}"),
                (DomObject or IReadOnlyList<object?> or string, _) => throw new TemplateArgumentException($"cannot index with {GoFormat.TypeName(at)}"),
                _ => throw new TemplateArgumentException($"can't index item of {GoFormat.TypeName(value)}"),
            };
        }
        return value;
    }

    // What a map's missing name has: the zero of its type, which is the other members'.
    private static string? Missing(DomObject members) => members.Members is [{ Value: not string }, ..] ? null : "";

    private static object Slice(object?[] arguments)
    {
        var from = arguments.Length > 1 ? Count(arguments[1]) : 0;
        var length = arguments[0] switch
        {
            string text => text.Length,
            IReadOnlyList<object?> list => list.Count,
            var other => throw new TemplateArgumentException($"can't slice item of {GoFormat.TypeName(other)}"),
        };
        var to = arguments.Length > 2 ? Count(arguments[2]) : length;
        if (from > length) throw new TemplateArgumentException($"index out of range: {from}");
        if (to > length) throw new TemplateArgumentException($"index out of range: {to}");
        if (from > to) throw new TemplateArgumentException($"invalid slice index: {from} > {to}");
        return arguments[0] is string whole ? whole[from..to] : List(arguments[0])[from..to];
    }

    // Blanks only between values neither of which is a string.
    private static string Print(object?[] arguments)
    {
        var text = new StringBuilder();
        for (var i = 0; i < arguments.Length; i++)
        {
            if (i > 0 && arguments[i] is not string && arguments[i - 1] is not string) text.Append(' ');
            text.Append(GoFormat.Text(arguments[i]));
        }
        return text.ToString();
    }

    private static bool Equal(object?[] arguments)
    {
        if (arguments.Length < 2) throw new TemplateArgumentException("missing argument for comparison");
        foreach (var other in arguments.AsSpan(1))
        {
            if (Same(arguments[0], other)) return true;
        }
        return false;
    }

    private static bool Same(object? a, object? b) => (a, b) switch
    {
        (null, null) => true,
        (null, "") or ("", null) => true, // a field that was left out
        (null, _) or (_, null) => false,
        (long x, double y) => x == y,
        (double x, long y) => x == y,
        (string or bool or long or double, string or bool or long or double) => a.GetType() == b.GetType()
            ? a.Equals(b)
            : throw new TemplateArgumentException("incompatible types for comparison"),
        _ => throw new TemplateArgumentException("non-comparable type"),
    };

    private static int Compare(object?[] a) => (a[0], a[1]) switch
    {
        (string x, string y) => string.CompareOrdinal(x, y),
        (long x, long y) => x.CompareTo(y),
        (long or double, long or double) => Convert.ToDouble(a[0], CultureInfo.InvariantCulture)
            .CompareTo(Convert.ToDouble(a[1], CultureInfo.InvariantCulture)),
        (string or long or double, string or long or double) => throw new TemplateArgumentException("incompatible types for comparison"),
        _ => throw new TemplateArgumentException("invalid type for comparison"),
    };

    private static List<object?> Split(string text, string separator)
    {
        var parts = new List<object?>();
        if (separator.Length == 0)
        {
            foreach (var rune in text.EnumerateRunes()) parts.Add(rune.ToString());
        }
        else
        {
            parts.AddRange(text.Split(separator));
        }
        return parts;
    }

    private static string Title(string text)
    {
        var title = text.ToCharArray();
        for (var i = 0; i < title.Length; i++)
        {
            if (i == 0 || !(char.IsLetterOrDigit(title[i - 1]) || title[i - 1] is '_' or '\'')) title[i] = char.ToUpperInvariant(title[i]);
        }
        return new string(title);
    }
}
