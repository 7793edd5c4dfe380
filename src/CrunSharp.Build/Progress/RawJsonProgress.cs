using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using CrunSharp.Build.Linting;
using CrunSharp.Oci;

namespace CrunSharp.Build.Progress;

/// <summary>Progress for programs: a line of JSON for each event, as BuildKit's <c>rawjson</c>.</summary>
/// <remarks>
/// Each line is BuildKit's <c>SolveStatus</c>: <c>vertexes</c> (steps: digest, name, started, completed, cached, error),
/// <c>statuses</c> (transfers: id, vertex, name, total, current, timestamp, started, completed), <c>logs</c> (vertex, stream,
/// data in base64, timestamp) and <c>warnings</c>.
/// </remarks>
/// <param name="output">Where the lines go.</param>
/// <param name="clock">The time.</param>
public sealed class RawJsonProgress(TextWriter output, TimeProvider? clock = null) : IBuildProgress
{
    private const string DefinitionName = "[internal] load build definition from Dockerfile";
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Lock _lock = new();
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly Dictionary<int, string> _started = [];
    private readonly Dictionary<(int, string), string> _moving = [];
    private bool _isDefined;

    /// <inheritdoc/>
    public void Started(BuildStep step)
    {
        lock (_lock) WriteStep(step, _started[step.Number] = Now(), null, false, null);
    }

    /// <inheritdoc/>
    public void Cached(BuildStep step)
    {
        lock (_lock) WriteStep(step, Now(), Now(), true, null);
    }

    /// <inheritdoc/>
    public void Output(BuildStep step, ReadOnlyMemory<byte> bytes, bool isError)
    {
        lock (_lock)
        {
            WriteLine("logs", json =>
            {
                json.WriteString("vertex", DigestOf(step));
                json.WriteNumber("stream", isError ? 2 : 1);
                json.WriteBase64String("data", bytes.Span);
                json.WriteString("timestamp", Now());
            });
        }
    }

    /// <inheritdoc/>
    public void Moved(BuildStep step, TransferStatus status)
    {
        lock (_lock)
        {
            var now = Now();
            if (!_moving.Remove((step.Number, status.Id), out var started)) started = now;
            if (!status.IsComplete) _moving[(step.Number, status.Id)] = started;
            WriteLine("statuses", json =>
            {
                json.WriteString("id", status.Id);
                json.WriteString("vertex", DigestOf(step));
                json.WriteString("name", status.Action);
                if (status.Total > 0) json.WriteNumber("total", status.Total);
                json.WriteNumber("current", status.Current);
                json.WriteString("timestamp", now);
                json.WriteString("started", started);
                if (status.IsComplete) json.WriteString("completed", now);
            });
        }
    }

    /// <inheritdoc/>
    public void Finished(BuildStep step)
    {
        lock (_lock) WriteStep(step, _started.GetValueOrDefault(step.Number), Now(), false, null);
    }

    /// <inheritdoc/>
    public void Failed(BuildStep step, string reason)
    {
        lock (_lock) WriteStep(step, _started.GetValueOrDefault(step.Number), Now(), false, reason);
    }

    /// <inheritdoc/>
    public void Warning(string text)
    {
        lock (_lock) WriteWarning(json => json.WriteBase64String("short", Encoding.UTF8.GetBytes(text)));
    }

    /// <inheritdoc/>
    public void Lint(LintWarning warning)
    {
        lock (_lock)
        {
            WriteWarning(json =>
            {
                json.WriteBase64String("short", Encoding.UTF8.GetBytes(warning.Short));
                json.WriteStartArray("detail");
                json.WriteBase64StringValue(Encoding.UTF8.GetBytes(warning.Rule.Description));
                json.WriteEndArray();
                if (warning.Rule.Url is { } url) json.WriteString("url", url);
                if (warning.Source is { } source)
                {
                    json.WriteStartObject("sourceInfo");
                    json.WriteString("filename", source.Name);
                    json.WriteBase64String("data", Encoding.UTF8.GetBytes(string.Concat(source.Lines)));
                    json.WriteString("language", "Dockerfile");
                    json.WriteEndObject();
                }
                CallJson.WriteRanges(json, "range", warning.Range);
            });
        }
    }

    private void WriteWarning(Action<Utf8JsonWriter> fields)
    {
        // Warnings belong to the step that reads the Dockerfile.
        var definition = new BuildStep(0, DefinitionName);
        if (!_isDefined) WriteStep(definition, Now(), Now(), false, null);
        _isDefined = true;
        WriteLine("warnings", json =>
        {
            json.WriteString("vertex", DigestOf(definition));
            json.WriteNumber("level", 1);
            fields(json);
        });
    }

    private void WriteStep(BuildStep step, string? started, string? completed, bool isCached, string? error) => WriteLine("vertexes", json =>
    {
        json.WriteString("digest", DigestOf(step));
        json.WriteString("name", step.Title);
        if (started is not null) json.WriteString("started", started);
        if (completed is not null) json.WriteString("completed", completed);
        if (isCached) json.WriteBoolean("cached", true);
        if (error is not null) json.WriteString("error", error);
    });

    private void WriteLine(string kind, Action<Utf8JsonWriter> fields)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteStartArray(kind);
            json.WriteStartObject();
            fields(json);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }
        output.Write(Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n");
        output.Flush();
    }

    private static string DigestOf(BuildStep step) =>
        Digest.Of(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{step.Number} {step.Title}"))).ToString();

    private string Now() => _clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);
}
