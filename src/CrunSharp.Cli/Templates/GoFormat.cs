using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace CrunSharp.Cli.Templates;

/// <summary>Values as Go's fmt prints them.</summary>
internal static class GoFormat
{
    private const int MostWidth = 1_000_000;

    /// <summary>Appends a value as an action does; nothing is <c>&lt;no value&gt;</c>.</summary>
    public static void Print(StringBuilder output, object? value)
    {
        if (value is null) output.Append("<no value>");
        else Append(output, value);
    }

    /// <summary>A value as <c>%v</c>.</summary>
    public static string Text(object? value)
    {
        var text = new StringBuilder();
        Append(text, value);
        return text.ToString();
    }

    /// <summary>The type's name for errors.</summary>
    public static string TypeName(object? value) => value switch
    {
        null => "nil",
        string => "type string",
        bool => "type bool",
        long => "type int",
        double => "type float64",
        IReadOnlyList<object?> => "type []interface {}",
        _ => "type map[string]interface {}",
    };

    /// <summary>printf.</summary>
    public static string Format(string format, ReadOnlySpan<object?> arguments)
    {
        var text = new StringBuilder();
        var next = 0;
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                text.Append(format[i]);
                continue;
            }
            if (++i >= format.Length)
            {
                text.Append("%!(NOVERB)");
                break;
            }
            var start = i;
            while (i < format.Length && format[i] is '-' or '+' or '#' or ' ' or '0') i++;
            var flags = format.AsSpan(start, i - start);
            var width = Digits(format, ref i);
            var precision = -1;
            if (i < format.Length && format[i] == '.')
            {
                i++;
                precision = Math.Max(0, Digits(format, ref i));
            }
            if (i >= format.Length)
            {
                text.Append("%!(NOVERB)");
                break;
            }
            if (format[i] == '%') text.Append('%');
            else if (next >= arguments.Length) text.Append($"%!{format[i]}(MISSING)");
            else Pad(text, Verb(format[i], arguments[next++], flags, precision), flags, width);
        }
        if (next < arguments.Length)
        {
            text.Append("%!(EXTRA ");
            for (var i = next; i < arguments.Length; i++)
                text.Append(i > next ? ", " : "").Append(TypeName(arguments[i]).Replace("type ", "", StringComparison.Ordinal)).Append('=').Append(Text(arguments[i]));
            text.Append(')');
        }
        return text.ToString();
    }

    /// <summary>A string in Go's quotes.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            quoted.Append(c switch
            {
                '"' => "\\\"",
                '\\' => @"\\",
                '\n' => "\\n",
                '\t' => "\\t",
                '\r' => "\\r",
                < ' ' or '\x7f' => $"\\x{(int)c:x2}",
                _ => c.ToString(),
            });
        }
        return quoted.Append('"').ToString();
    }

    private static int Digits(string format, ref int i)
    {
        var value = -1;
        for (; i < format.Length && char.IsAsciiDigit(format[i]); i++)
            value = Math.Min(Math.Max(value, 0) * 10 + (format[i] - '0'), MostWidth);
        return value;
    }

    private static string Verb(char verb, object? value, ReadOnlySpan<char> flags, int precision)
    {
        var plus = flags.Contains('+') ? "+" : flags.Contains(' ') ? " " : "";
        switch (verb)
        {
            case 'v' or 's' when verb == 'v' || value is string or null or DomObject or IReadOnlyList<object?>:
                var text = value is null && verb == 's' ? "%!s(<nil>)" : Text(value);
                return precision >= 0 && value is string && precision < text.Length ? text[..precision] : text;
            case 'q' when value is string s: return Quote(s);
            case 'q' when value is IReadOnlyList<object?> list: return $"[{string.Join(' ', list.Select(item => item is string s ? Quote(s) : Text(item)))}]";
            case 'q' when value is long n && Rune.TryCreate((int)n, out var letter): return $"'{letter}'";
            case 'd' when value is long n: return (n >= 0 ? plus : "") + n.ToString(CultureInfo.InvariantCulture);
            case 'x' when value is long n: return n.ToString("x", CultureInfo.InvariantCulture);
            case 'X' when value is long n: return n.ToString("X", CultureInfo.InvariantCulture);
            case 'x' when value is string s: return Convert.ToHexStringLower(Encoding.UTF8.GetBytes(s));
            case 'o' when value is long n: return Convert.ToString(n, 8);
            case 'b' when value is long n: return Convert.ToString(n, 2);
            case 'c' when value is long n && Rune.TryCreate((int)n, out var rune): return rune.ToString();
            case 't' when value is bool b: return b ? "true" : "false";
            case 'f' or 'F' when value is double d:
                return (d >= 0 ? plus : "") + d.ToString("F" + (precision < 0 ? 6 : precision), CultureInfo.InvariantCulture);
            case 'e' when value is double d: return Exponent(d.ToString((precision < 0 ? "0.000000" : "0." + new string('0', Math.Min(precision, 50))) + "e+00", CultureInfo.InvariantCulture));
            case 'g' when value is double d: return precision < 0 ? Real(d) : d.ToString("G" + Math.Max(1, precision), CultureInfo.InvariantCulture).Replace("E", "e", StringComparison.Ordinal);
            case 'T': return TypeName(value).Replace("type ", "", StringComparison.Ordinal);
            default: return $"%!{verb}({TypeName(value).Replace("type ", "", StringComparison.Ordinal)}={Text(value)})";
        }
    }

    private static string Exponent(string text) => text.Replace(".e", "e", StringComparison.Ordinal);

    private static void Pad(StringBuilder output, string text, ReadOnlySpan<char> flags, int width)
    {
        var missing = width - text.Length;
        if (missing <= 0) output.Append(text);
        else if (flags.Contains('-')) output.Append(text).Append(' ', missing);
        else if (flags.Contains('0') && text.Length > 0 && text[0] is '-' or '+') output.Append(text[0]).Append('0', missing).Append(text, 1, text.Length - 1);
        else output.Append(flags.Contains('0') ? '0' : ' ', missing).Append(text);
    }

    private static void Append(StringBuilder output, object? value)
    {
        switch (value)
        {
            case null: output.Append("<nil>"); break;
            case bool truth: output.Append(truth ? "true" : "false"); break;
            case double real: output.Append(Real(real)); break;
            case IReadOnlyList<object?> list:
                output.Append('[');
                for (var i = 0; i < list.Count; i++)
                {
                    if (i > 0) output.Append(' ');
                    Append(output, list[i]);
                }
                output.Append(']');
                break;
            case DomObject members:
                AppendMembers(output, members);
                break;
            default: output.Append(CultureInfo.InvariantCulture, $"{value}"); break;
        }
    }

    private static void AppendMembers(StringBuilder output, DomObject members)
    {
        var items = new List<KeyValuePair<string, object?>>(members.Members);
        if (members.IsMap) CollectionsMarshal.AsSpan(items).Sort(static (a, b) => string.CompareOrdinal(a.Key, b.Key));
        output.Append(members.IsMap ? "map[" : "{");
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0) output.Append(' ');
            if (members.IsMap) output.Append(items[i].Key).Append(':');
            Append(output, items[i].Value);
        }
        output.Append(members.IsMap ? ']' : '}');
    }

    // Go's %v: the shortest digits that read back, with an exponent below 1e-4 and from 1e+06 on.
    private static string Real(double value)
    {
        var shortest = value.ToString("R", CultureInfo.InvariantCulture);
        var size = Math.Abs(value);
        if (value == 0 || size is >= 1e-4 and < 1e6)
            return shortest.Contains('E', StringComparison.Ordinal) ? value.ToString("0.####################", CultureInfo.InvariantCulture) : shortest;
        var digits = new StringBuilder();
        foreach (var c in shortest)
        {
            if (c == 'E') break;
            if (char.IsAsciiDigit(c) && (digits.Length > 0 || c != '0')) digits.Append(c);
        }
        var mark = shortest.IndexOf('E', StringComparison.Ordinal);
        var exponent = mark >= 0
            ? int.Parse(shortest.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)
            : (int)Math.Floor(Math.Log10(size));
        while (digits.Length > 1 && digits[^1] == '0') digits.Length--;
        if (digits.Length > 1) digits.Insert(1, '.');
        return $"{(value < 0 ? "-" : "")}{digits}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }
}
