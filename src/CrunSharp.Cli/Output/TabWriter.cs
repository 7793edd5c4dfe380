using System.Text;

namespace CrunSharp.Cli.Output;

/// <summary>Aligns cells that end in tabs, as Go's text/tabwriter does with docker's settings.</summary>
/// <remarks>
/// A column is a run of lines that have a cell there which a tab ends; it is as wide as its widest cell and three
/// blanks, and at least ten. The last cell of a line belongs to no column.
/// </remarks>
internal static class TabWriter
{
    private const int LeastWidth = 10;
    private const int Padding = 3;

    /// <summary>The lines of <paramref name="text"/> with blanks in place of tabs.</summary>
    public static string Align(string text)
    {
        var lines = text.Split('\n');
        var cells = new string[lines.Length][];
        for (var i = 0; i < lines.Length; i++) cells[i] = lines[i].Split('\t');
        var aligned = new StringBuilder(text.Length * 2);
        Format(aligned, cells, 0, cells.Length, []);
        aligned.Length--; // the line break after the last line, which the text does not have
        return aligned.ToString();
    }

    private static void Format(StringBuilder aligned, string[][] cells, int from, int to, List<int> widths)
    {
        var column = widths.Count;
        var written = from;
        for (var line = from; line < to; line++)
        {
            if (column >= cells[line].Length - 1) continue;
            Write(aligned, cells, written, line, widths);
            var end = line;
            var width = LeastWidth;
            for (; end < to && column < cells[end].Length - 1; end++)
                width = Math.Max(width, Width(cells[end][column]) + Padding);
            widths.Add(width);
            Format(aligned, cells, line, end, widths);
            widths.RemoveAt(column);
            written = end;
            line = end - 1;
        }
        Write(aligned, cells, written, to, widths);
    }

    private static void Write(StringBuilder aligned, string[][] cells, int from, int to, List<int> widths)
    {
        for (var line = from; line < to; line++)
        {
            for (var column = 0; column < cells[line].Length; column++)
            {
                var cell = cells[line][column];
                aligned.Append(cell);
                if (column < widths.Count && column < cells[line].Length - 1) aligned.Append(' ', widths[column] - Width(cell));
            }
            aligned.Append('\n');
        }
    }

    // Characters, not bytes: one column each, as Go counts them.
    private static int Width(string cell)
    {
        var width = 0;
        foreach (var _ in cell.EnumerateRunes()) width++;
        return width;
    }
}
