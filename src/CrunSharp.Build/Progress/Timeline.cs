using System.Globalization;
using System.Net;
using System.Text;

namespace CrunSharp.Build.Progress;

/// <summary>Takes the time of a build's steps, and draws them as bars on one page of HTML that needs nothing else.</summary>
/// <param name="clock">The time.</param>
public sealed class Timeline(TimeProvider? clock = null) : IBuildProgress
{
    private const string Style = """
        :root{color-scheme:light dark;--line:#8884;--run:#3b82f6;--copy:#8b5cf6;--hit:#94a3b8;--move:#f59e0b;--other:#10b981;--bad:#ef4444}
        body{font:14px/1.4 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;background:Canvas;color:CanvasText}
        table{border-collapse:collapse;width:100%;table-layout:fixed}td{padding:2px 4px;border-bottom:1px solid var(--line);vertical-align:middle}
        col.t{width:34%}col.n{width:6em}td.t{overflow-wrap:anywhere;font-family:ui-monospace,monospace;font-size:12px}td.n{text-align:right;font-variant-numeric:tabular-nums}
        td.a{border:0}td.a div{display:flex;justify-content:space-between;font-size:12px;opacity:.7;font-variant-numeric:tabular-nums}
        th{text-align:left;padding:1em 4px 2px}svg{display:block;width:100%;height:14px}.run{fill:var(--run)}.copy{fill:var(--copy)}.hit{fill:var(--hit)}.move{fill:var(--move)}.other{fill:var(--other)}.bad{fill:var(--bad)}
        .key span{margin-right:1.2em}.key i{display:inline-block;width:.8em;height:.8em;margin-right:.3em}p.e{color:var(--bad);font-family:ui-monospace,monospace}
        """;

    private static readonly (string Kind, string Colour, string Words)[] Kinds =
        [("run", "--run", "RUN"), ("copy", "--copy", "COPY, ADD, WORKDIR"), ("hit", "--hit", "found in the cache"), ("move", "--move", "transfer"), ("other", "--other", "image"), ("bad", "--bad", "failed")];

    private readonly Lock _lock = new();
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly DateTimeOffset _began = (clock ?? TimeProvider.System).GetUtcNow();
    private readonly long _start = (clock ?? TimeProvider.System).GetTimestamp();
    private readonly SortedDictionary<int, Bar> _bars = [];

    /// <inheritdoc/>
    public void Started(BuildStep step) => Change(step, Now, static (bar, now) => bar with { Start = now });

    /// <inheritdoc/>
    public void Cached(BuildStep step) => Change(step, Now, static (bar, now) => bar with { Start = now, End = now, IsHit = true });

    /// <inheritdoc/>
    public void Output(BuildStep step, ReadOnlyMemory<byte> bytes, bool isError)
    {
    }

    /// <inheritdoc/>
    public void Finished(BuildStep step) => Change(step, Now, static (bar, now) => bar with { End = now });

    /// <inheritdoc/>
    public void Failed(BuildStep step, string reason) => Change(step, Now, (bar, now) => bar with { End = now, Error = reason });

    /// <inheritdoc/>
    public void Warning(string text)
    {
    }

    /// <inheritdoc/>
    public void Explained(BuildStep step, string reason) => Change(step, Now, (bar, _) => bar with { Reason = reason });

    /// <summary>The page.</summary>
    /// <param name="title">What was built.</param>
    /// <param name="error">Why the build failed; null when it did not.</param>
    public string ToHtml(string title, string? error)
    {
        lock (_lock)
        {
            var total = Math.Max(Now, 0.001);
            var page = new StringBuilder("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">");
            page.Append(CultureInfo.InvariantCulture, $"<title>{Escape(title)}</title>\n<style>{Style}</style></head>\n<body><h1>{Escape(title)}</h1>\n");
            page.Append(CultureInfo.InvariantCulture, $"<p>{_began:yyyy-MM-dd HH:mm:ss} UTC, {total:0.00} s, {_bars.Count} steps, {_bars.Values.Count(static bar => bar.IsHit)} found in the cache{(error is null ? "" : ", failed")}</p>\n");
            if (error is not null) page.Append(CultureInfo.InvariantCulture, $"<p class=\"e\">{Escape(error)}</p>\n");
            page.Append("<p class=\"key\">");
            foreach (var (_, colour, words) in Kinds) page.Append(CultureInfo.InvariantCulture, $"<span><i style=\"background:var({colour})\"></i>{words}</span>");
            // The columns' widths, as the first row has one cell.
            page.Append("</p>\n<table>\n<colgroup><col class=\"t\"><col><col class=\"n\"></colgroup>\n");
            page.Append(CultureInfo.InvariantCulture, $"<tr><td class=\"a\"></td><td class=\"a\"><div><span>0 s</span><span>{total / 2:0.00} s</span><span>{total:0.00} s</span></div></td><td class=\"a\"></td></tr>\n");
            // Stages that begin at the same time do so in any order.
            foreach (var stage in _bars.Values.GroupBy(static bar => StageOf(bar.Step.Title)).OrderBy(stage => stage.Max(bar => bar.End ?? total)))
            {
                page.Append(CultureInfo.InvariantCulture, $"<tr><th colspan=\"3\">{Escape(stage.Key)}</th></tr>\n");
                foreach (var bar in stage) Add(page, bar, total);
            }
            return page.Append("</table></body></html>\n").ToString();
        }
    }

    private double Now => _clock.GetElapsedTime(_start).TotalSeconds;

    private void Change(BuildStep step, double now, Func<Bar, double, Bar> change)
    {
        lock (_lock) _bars[step.Number] = change(_bars.GetValueOrDefault(step.Number) ?? new Bar(step, now, null, false, null, null), now);
    }

    private static void Add(StringBuilder page, Bar bar, double total)
    {
        var end = bar.End ?? total;
        var left = bar.Start / total * 1000;
        var width = Math.Max((end - bar.Start) / total * 1000, 2);
        var told = string.Create(CultureInfo.InvariantCulture, $"from {bar.Start:0.00} s to {end:0.00} s{(bar.IsHit ? ", found in the cache" : "")}{(bar.Error is { } error ? ": " + error : "")}");
        page.Append(CultureInfo.InvariantCulture, $"<tr><td class=\"t\">{Escape(bar.Step.Title)}{(bar.Reason is { } reason ? "<br><small>miss: " + Escape(reason) + "</small>" : "")}</td>");
        page.Append(CultureInfo.InvariantCulture, $"<td><svg viewBox=\"0 0 1000 14\" preserveAspectRatio=\"none\"><rect class=\"{KindOf(bar)}\" x=\"{Math.Min(left, 998):0.0}\" y=\"1\" width=\"{width:0.0}\" height=\"12\"><title>{Escape(told)}</title></rect></svg></td>");
        page.Append(CultureInfo.InvariantCulture, $"<td class=\"n\">{(bar.IsHit ? "cached" : $"{(end - bar.Start).ToString("0.00", CultureInfo.InvariantCulture)} s")}</td></tr>\n");
    }

    // "[build 2/4] RUN make" is of the stage build; with one stage there is no name.
    private static string StageOf(string title)
    {
        var end = title.StartsWith('[') ? title.IndexOf(']', StringComparison.Ordinal) : -1;
        if (end < 0) return "transfers and image";
        var words = title[1..end].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words.Length > 1 ? string.Join(' ', words[..^1]) : "stage";
    }

    private static string KindOf(Bar bar)
    {
        if (bar.Error is not null) return "bad";
        if (bar.IsHit) return "hit";
        var end = bar.Step.Title.StartsWith('[') ? bar.Step.Title.IndexOf("] ", StringComparison.Ordinal) : -1;
        if (end < 0) return bar.Step.Title.StartsWith("exporting to image", StringComparison.Ordinal) ? "other" : "move";
        return bar.Step.Title.AsSpan(end + 2).StartsWith("RUN ") ? "run" : "copy";
    }

    private static string Escape(string text) => WebUtility.HtmlEncode(TerminalText.Printable(text));

    private sealed record Bar(BuildStep Step, double Start, double? End, bool IsHit, string? Error, string? Reason);
}
