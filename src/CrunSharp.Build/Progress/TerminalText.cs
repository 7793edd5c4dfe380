using System.Text;

namespace CrunSharp.Build.Progress;

/// <summary>Text as a terminal shows it.</summary>
internal static class TerminalText
{
    /// <summary>A line without what would move the cursor or change the terminal; tabs are blanks.</summary>
    public static string Printable(string line)
    {
        if (!line.AsSpan().ContainsAnyInRange('\0', '\x1f') && !line.AsSpan().ContainsAnyInRange('\x7f', '\x9f')) return line;
        var text = new StringBuilder(line.Length);
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == '\x1b') i = EndOfEscape(line, i);
            else if (line[i] == '\t') text.Append("    ");
            else if (!char.IsControl(line[i])) text.Append(line[i]);
        }
        return text.ToString();
    }

    /// <summary>How many columns a text takes.</summary>
    public static int Width(string text)
    {
        var width = 0;
        foreach (var rune in text.EnumerateRunes()) width += Width(rune);
        return width;
    }

    /// <summary>As much of a text as fits, with a mark where something is missing.</summary>
    public static string Fit(string text, int columns)
    {
        if (Width(text) <= columns) return text;
        var fit = new StringBuilder();
        var width = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (width + Width(rune) > columns - 1) break;
            width += Width(rune);
            fit.Append(rune.ToString());
        }
        return fit.Append('…').ToString();
    }

    // CSI ends with a letter or the like, OSC (a title, a link) with BEL or ST.
    private static int EndOfEscape(string line, int at)
    {
        if (++at >= line.Length) return at;
        if (line[at] == ']')
        {
            while (++at < line.Length && line[at] != '\a')
                if (line[at] == '\x1b') return at + 1;
            return at;
        }
        if (line[at] != '[') return at;
        while (++at < line.Length && line[at] is < '@' or > '~')
        {
        }
        return at;
    }

    private static int Width(Rune rune) => rune.Value switch
    {
        < 0x300 => 1,
        <= 0x36f or 0x200b or 0x200d or (>= 0xfe00 and <= 0xfe0f) => 0,
        (>= 0x1100 and <= 0x115f) or (>= 0x2e80 and <= 0xa4cf) or (>= 0xac00 and <= 0xd7a3) or (>= 0xf900 and <= 0xfaff)
            or (>= 0xfe30 and <= 0xfe6f) or (>= 0xff00 and <= 0xff60) or (>= 0xffe0 and <= 0xffe6) or (>= 0x1f300 and <= 0x1faff) or (>= 0x20000 and <= 0x3fffd) => 2,
        _ => 1,
    };
}
