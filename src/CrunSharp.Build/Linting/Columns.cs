using System.Text;

namespace CrunSharp.Build.Linting;

/// <summary>Rows with their cells below each other.</summary>
internal static class Columns
{
    /// <summary>Aligns rows; the last cell of a row is as wide as it is.</summary>
    /// <param name="rows">The cells.</param>
    /// <param name="gap">How many blanks are at least between columns.</param>
    public static string Align(IReadOnlyList<string[]> rows, int gap)
    {
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            for (var i = 0; i < row.Length - 1; i++)
                text.Append(row[i].PadRight(rows.Where(other => other.Length > i + 1).Max(other => other[i].Length) + gap));
            text.Append(row[^1]).Append('\n');
        }
        return text.ToString();
    }
}
