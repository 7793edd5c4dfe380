namespace CrunSharp.Oci;

/// <summary>Text of others as a terminal may get it: what would move the cursor, or show lines in another order, can be seen.</summary>
public static class VisibleText
{
    private const char ControlPictures = '\u2400';
    private const char Unknown = '\ufffd';

    /// <summary>A text with a sign for each control character, so that all stays in its column: <c>␛[31m</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="hasLines">Whether line breaks stay; tabs always do.</param>
    public static string Of(string text, bool hasLines = false)
    {
        foreach (var c in text)
            if (IsHidden(c, hasLines)) return string.Create(text.Length, (text, hasLines), static (shown, of) => Show(shown, of.text, of.hasLines));
        return text;
    }

    private static void Show(Span<char> shown, string text, bool hasLines)
    {
        for (var i = 0; i < shown.Length; i++)
            shown[i] = !IsHidden(text[i], hasLines) ? text[i] : text[i] switch
            {
                < ' ' => (char)(ControlPictures + text[i]),
                '\x7f' => '\u2421',
                _ => Unknown,
            };
    }

    // C0, C1, and what turns the direction of writing.
    private static bool IsHidden(char c, bool hasLines) =>
        c == '\n' ? !hasLines : c is (< ' ' and not '\t') or (>= '\x7f' and <= '\x9f') or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069');
}
