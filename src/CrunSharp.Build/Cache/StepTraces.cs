using System.Buffers;
using System.Text;
using System.Text.Json;
using CrunSharp.Build.Graph;
using CrunSharp.Build.Progress;
using CrunSharp.Build.Steps;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Build.Cache;

/// <summary>
/// Remembers what the steps of a build's stages were made of, so that the next build of the same Dockerfile can say why it
/// does one again: a file for each stage, written when a step of it was done.
/// </summary>
/// <param name="store">The store's folder.</param>
/// <param name="request">The build.</param>
/// <param name="progress">Is told the reasons, if they are wanted.</param>
internal sealed class StepTraces(string store, BuildRequest request, IBuildProgress progress)
{
    /// <summary>The folder's name in that of the cache.</summary>
    public const string FolderName = "steps";

    private const int MostBytes = 64 * 1024 * 1024;
    private const int MostFiles = 50_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<StageNode, List<Seen>> _stages = [];

    /// <summary>Takes a step that was done, found, or failed.</summary>
    /// <param name="stage">Its stage.</param>
    /// <param name="title">The instruction.</param>
    /// <param name="step">The step.</param>
    /// <param name="parent">The layers that it stands on.</param>
    /// <param name="shown">The step as it is shown; null when it was found.</param>
    /// <param name="order">Why it was done in any case; null when it was looked for.</param>
    public void Note(StageNode stage, string title, LayerStep step, Task<IReadOnlyList<Digest>> parent, BuildStep? shown, string? order)
    {
        lock (_lock)
        {
            if (!_stages.TryGetValue(stage, out var seen)) _stages[stage] = seen = [];
            seen.Add(new Seen(title, step, parent, shown, order));
        }
    }

    /// <summary>Tells the reasons, and remembers the steps.</summary>
    /// <param name="isComplete">Whether all steps were done; if not, what an earlier build left stays.</param>
    public async Task EndAsync(bool isComplete)
    {
        foreach (var (stage, seen) in _stages)
        {
            if (seen.TrueForAll(static step => step.Shown is null) || (!request.Explain && !isComplete)) continue;
            var earlier = request.Explain ? Load(stage) : [];
            var traces = new List<StepTrace>(seen.Count);
            foreach (var step in seen)
            {
                traces.Add(await step.TraceAsync().ConfigureAwait(false));
                if (request.Explain && step.Shown is { } shown) progress.Explained(shown, step.Order ?? traces[^1].Explain(earlier, traces.Count - 1));
            }
            if (isComplete) Save(stage, traces);
        }
    }

    private string NameOf(StageNode stage) => Digest.Of(Encoding.UTF8.GetBytes(
        $"{request.ContextDirectory ?? "-"}\n{request.DockerfilePath}\n{stage.Platform}\n{stage.Name}")).Hex;

    private List<StepTrace> Load(StageNode stage)
    {
        var traces = new List<StepTrace>();
        try
        {
            if (AtomicFile.TryRead(null, Path.Combine(CacheFolder.PathOf(store), FolderName, NameOf(stage)), MostBytes) is not { } bytes) return traces;
            using var json = JsonDocument.Parse(bytes);
            foreach (var step in json.RootElement.GetProperty("steps").EnumerateArray())
                traces.Add(new StepTrace(step.GetProperty("title").GetString()!, step.GetProperty("parent").GetString()!, MapOf(step, "parts"), MapOf(step, "files")));
        }
        catch (Exception error) when (error is CrunException or JsonException or InvalidOperationException or KeyNotFoundException)
        {
            // What cannot be read is not known.
            traces.Clear();
        }
        return traces;
    }

    private static Dictionary<string, string> MapOf(JsonElement step, string name) =>
        step.GetProperty(name).EnumerateObject().GroupBy(static field => field.Name).ToDictionary(static field => field.Key, static field => field.Last().Value.GetString()!);

    // It is a help only: what cannot be written is no reason to fail.
    private void Save(StageNode stage, List<StepTrace> traces)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartArray("steps");
            foreach (var trace in traces)
            {
                json.WriteStartObject();
                json.WriteString("title", trace.Title);
                json.WriteString("parent", trace.Parent);
                WriteMap(json, "parts", trace.Parts);
                WriteMap(json, "files", trace.Files);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        try
        {
            var folder = Path.Combine(CacheFolder.PathOf(store), FolderName);
            FileAt.MakeDirectories(folder, 0x1c0);
            AtomicFile.Write(null, Path.Combine(folder, NameOf(stage)), buffer.WrittenSpan);
        }
        catch (CrunException)
        {
        }
    }

    private static void WriteMap(Utf8JsonWriter json, string name, IReadOnlyDictionary<string, string> map)
    {
        json.WriteStartObject(name);
        foreach (var (key, value) in map) json.WriteString(key, value);
        json.WriteEndObject();
    }

    private sealed record Seen(string Title, LayerStep Step, Task<IReadOnlyList<Digest>> Parent, BuildStep? Shown, string? Order)
    {
        public async Task<StepTrace> TraceAsync()
        {
            await ((Task)Parent).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var parent = Parent.IsCompletedSuccessfully && !Step.IsIndependent ? Digest.Of(Encoding.UTF8.GetBytes(string.Join(' ', await Parent.ConfigureAwait(false)))).ToString() : "";
            var files = new Dictionary<string, string>(StringComparer.Ordinal);
            // A list of hundreds of thousands would be most of a build's memory.
            if (Step.Files <= MostFiles) Step.AddFiles(files);
            return new StepTrace(Title, parent, Step.Key.Parts, files);
        }
    }
}
