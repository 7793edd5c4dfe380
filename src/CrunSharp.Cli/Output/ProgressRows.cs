using System.Globalization;
using System.Text;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Output;

/// <summary>Whether something moves.</summary>
internal enum RowState
{
    Waiting,
    Moving,
    Over,
}

/// <summary>How far a layer is on its way.</summary>
/// <param name="Text">What becomes of it.</param>
/// <param name="State">Whether it moves; while it does, a bar is shown.</param>
/// <param name="Done">How many bytes have moved.</param>
/// <param name="Size">How many there are.</param>
internal readonly record struct ProgressRow(string Text, RowState State, long Done = 0, long Size = 0);

/// <summary>Shows layers on a terminal: a line for each that is redrawn in place, ten times a second at most.</summary>
/// <param name="output">The terminal.</param>
/// <param name="size">How many columns and rows it has; asked each time.</param>
internal sealed class ProgressRows(TextWriter output, Func<(int Columns, int Rows)> size) : IDisposable
{
    private const int WidestBar = 50;
    private const int LeastBar = 10;
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly List<Digest> _order = [];
    private readonly Dictionary<Digest, ProgressRow> _rows = [];
    private Timer? _timer;
    private int _drawn;
    private bool _isStale;

    /// <summary>Says how far a layer is; a new one comes last.</summary>
    public void Set(Digest layer, ProgressRow row)
    {
        lock (_gate)
        {
            if (!_rows.ContainsKey(layer)) _order.Add(layer);
            _rows[layer] = row;
            _isStale = true;
            _timer ??= new Timer(_ => Redraw(), null, TimeSpan.Zero, s_interval);
        }
    }

    /// <summary>Writes something else; the rows are then drawn below it.</summary>
    public void WriteAbove(Action write)
    {
        lock (_gate)
        {
            if (_drawn > 0) output.Write(string.Create(CultureInfo.InvariantCulture, $"\e[{_drawn}A\r\e[J"));
            output.Flush();
            _drawn = 0;
            write();
            _isStale = true;
        }
    }

    /// <summary>Ends it: the last state stays on the screen, and what follows is written below it.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _timer?.Dispose();
            _timer = null;
            Redraw();
            _drawn = 0;
            _order.Clear();
            _rows.Clear();
        }
    }

    private void Redraw()
    {
        lock (_gate)
        {
            if (!_isStale || _order.Count == 0) return;
            _isStale = false;
            var (columns, rows) = size();
            var lines = Lines(Math.Max(columns, 20), Math.Max(rows, 4) - 2);
            var text = new StringBuilder();
            if (_drawn > 0) text.Append(CultureInfo.InvariantCulture, $"\e[{_drawn}A");
            foreach (var line in lines) text.Append("\r\e[2K").Append(line).Append('\n');
            if (_drawn > lines.Count) text.Append("\e[J");
            _drawn = lines.Count;
            output.Write(text);
            output.Flush();
        }
    }

    // Where not all fit, those that move are shown, and how many there are besides.
    private List<string> Lines(int columns, int most)
    {
        var shown = _order.Count <= most ? _order : [.. _order.Where(layer => _rows[layer].State == RowState.Moving).Take(most - 1)];
        var lines = new List<string>(shown.Count + 1);
        foreach (var layer in shown) lines.Add(Line(layer, _rows[layer], columns - 1));
        if (shown.Count < _order.Count) lines.Add($"{_order.Count(layer => _rows[layer].State == RowState.Over)} of {_order.Count} layers are there");
        return lines;
    }

    private static string Line(Digest layer, ProgressRow row, int width)
    {
        var start = $"{layer.Short}: {row.Text}";
        if (row.State == RowState.Moving)
        {
            var numbers = $"{Human.Size(row.Done)}/{Human.Size(row.Size)}";
            var bar = Math.Min(WidestBar, width - start.Length - numbers.Length - 5);
            var filled = row.Size == 0 ? bar : (int)(bar * Math.Min(row.Done, row.Size) / row.Size);
            start += bar < LeastBar ? " " + numbers : $" [{new string('=', filled)}>{new string(' ', bar - filled)}] {numbers}";
        }
        return start.Length <= width ? start : start[..width];
    }
}
