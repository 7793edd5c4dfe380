using System.Globalization;
using System.Text;
using CrunSharp.Cli.Output;
using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>Shows a pull on a terminal: a line for each layer that is redrawn in place, ten times a second at most.</summary>
/// <param name="output">The terminal.</param>
/// <param name="errors">Where warnings go.</param>
/// <param name="size">How many columns and rows it has; asked each time.</param>
internal sealed class TerminalPullOutput(TextWriter output, TextWriter errors, Func<(int Columns, int Rows)> size) : PullOutput(output, errors)
{
    private const int WidestBar = 50;
    private const int LeastBar = 10;
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    private readonly List<Digest> _order = [];
    private readonly Dictionary<Digest, Row> _rows = [];
    private readonly TextWriter _output = output;
    private Timer? _timer;
    private int _drawn;
    private bool _isStale;

    public override void Pulling(ImageReference name)
    {
        lock (Gate)
        {
            End();
            base.Pulling(name);
        }
    }

    public override void Layers(IReadOnlyList<Descriptor> layers)
    {
        lock (Gate)
        {
            foreach (var layer in layers)
            {
                if (_rows.TryAdd(layer.Digest, new Row(LayerStage.Waiting, 0, layer.Size))) _order.Add(layer.Digest);
            }
            _isStale = true;
            _timer ??= new Timer(_ => Redraw(), null, TimeSpan.Zero, s_interval);
        }
    }

    public override void Report(Descriptor layer, LayerStage stage, long arrived)
    {
        lock (Gate)
        {
            _rows[layer.Digest] = new Row(stage, arrived, layer.Size);
            _isStale = true;
        }
    }

    public override void Warning(string text)
    {
        lock (Gate)
        {
            Erase();
            base.Warning(text);
            _isStale = true;
        }
    }

    public override void Dispose()
    {
        lock (Gate) End();
        base.Dispose();
    }

    // The last state stays on the screen, and what follows is written below it.
    private void End()
    {
        _timer?.Dispose();
        _timer = null;
        Redraw();
        _drawn = 0;
        _order.Clear();
        _rows.Clear();
    }

    private void Redraw()
    {
        lock (Gate)
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
            _output.Write(text);
            _output.Flush();
        }
    }

    private void Erase()
    {
        if (_drawn == 0) return;
        _output.Write(string.Create(CultureInfo.InvariantCulture, $"\e[{_drawn}A\r\e[J"));
        _output.Flush();
        _drawn = 0;
    }

    // Where not all fit, those that move are shown, and how many there are besides.
    private List<string> Lines(int columns, int most)
    {
        var shown = _order.Count <= most ? _order
            : [.. _order.Where(layer => _rows[layer].Stage is LayerStage.Downloading or LayerStage.Extracting).Take(most - 1)];
        var lines = new List<string>(shown.Count + 1);
        foreach (var layer in shown) lines.Add(Line(layer, _rows[layer], columns - 1));
        if (shown.Count == _order.Count) return lines;
        var done = _order.Count(layer => _rows[layer].Stage is LayerStage.Complete or LayerStage.Exists);
        lines.Add($"{done} of {_order.Count} layers are here");
        return lines;
    }

    private static string Line(Digest layer, Row row, int width)
    {
        var start = layer.Short + ": " + row.Stage switch
        {
            LayerStage.Waiting => "Waiting",
            LayerStage.Downloading => "Downloading",
            LayerStage.Extracting => "Extracting",
            LayerStage.Complete => "Pull complete",
            _ => "Already exists",
        };
        if (row.Stage is LayerStage.Downloading or LayerStage.Extracting)
        {
            var numbers = $"{Human.Size(row.Arrived)}/{Human.Size(row.Size)}";
            var bar = Math.Min(WidestBar, width - start.Length - numbers.Length - 5);
            var filled = row.Size == 0 ? bar : (int)(bar * Math.Min(row.Arrived, row.Size) / row.Size);
            start += bar < LeastBar ? " " + numbers : $" [{new string('=', filled)}>{new string(' ', bar - filled)}] {numbers}";
        }
        return start.Length <= width ? start : start[..width];
    }

    private readonly record struct Row(LayerStage Stage, long Arrived, long Size);
}
