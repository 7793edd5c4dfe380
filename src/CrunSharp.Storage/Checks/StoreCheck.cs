using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>
/// Compares a store with what it says of itself: content and layers with their digests, images with what they are made of,
/// names with images; and finds what nobody needs. It may run beside anything else.
/// </summary>
/// <remarks>
/// A repair makes a layer anew from its blob where there is one, and else removes what is damaged and what is of no use without
/// it. It takes the lock of what it changes, so that what another process uses stays as it is; so do layers of containers.
/// </remarks>
public static class StoreCheck
{
    /// <summary>Checks a store.</summary>
    /// <exception cref="CrunException">The store cannot be read, or the disk is full.</exception>
    public static CheckReport Run(Store store, CheckOptions options)
    {
        var run = new CheckRun(store, options);
        // In this order, since each relies on those before.
        LeftoverCheck.Run(run);
        var contents = new BlobCheck(run).Run();
        var layers = new LayerCheck(run).Run();
        var (images, names) = new ImageCheck(run).Run();
        FindMissing(run);
        FindUnused(run);
        return new CheckReport(run.Findings, images, names, layers, contents, run.Done);
    }

    // Containers whose layers are gone; images are reported by their own check.
    private static void FindMissing(CheckRun run)
    {
        var seen = new HashSet<string>();
        foreach (var use in run.Options.Uses())
        {
            if (use.IsNeeded && !run.Store.Layers.Exists(use.DiffId) && seen.Add(use.User))
                run.Found(FindingKind.Container, use.User, $"layer {use.DiffId} is not in the store", static () => Mending.Failed("can only be removed"));
        }
    }

    private static void FindUnused(CheckRun run)
    {
        // What is damaged and still there may need what seems to be of no use.
        if (run.Findings.Any(static f => !f.IsMended && f.Kind is FindingKind.Layer or FindingKind.Image)) return;
        var unused = GarbageCollector.Run(run.Store, () => run.Options.Uses().Select(static u => u.DiffId), run.Options.Repair);
        foreach (var (what, digests) in ((string, IReadOnlyList<Digest>)[])[("layer", unused.Layers), ("content", unused.Contents)])
        {
            foreach (var digest in digests)
                run.Found(FindingKind.Unused, digest.ToString(), $"{what} that nothing refers to", static () => Mending.Succeeded("removed"));
        }
    }
}

/// <summary>What became of a repair.</summary>
internal readonly record struct Mending(bool IsDone, string Text)
{
    public static Mending Succeeded(string text) => new(true, text);

    public static Mending Failed(string text) => new(false, text);

    public static Mending InUse { get; } = new(false, "in use by another process: try again later");
}

/// <summary>A check that is going on.</summary>
internal sealed class CheckRun(Store store, CheckOptions options)
{
    private const long ProgressInterval = 100; // ms
    private readonly Lock _lock = new();
    private readonly List<Finding> _findings = [];
    private long _done;
    private long _total;
    private long _next;

    public Store Store => store;

    public CheckOptions Options => options;

    public IReadOnlyList<Finding> Findings => _findings;

    /// <summary>Content that is damaged, whether it was removed or not.</summary>
    public HashSet<Digest> DamagedBlobs { get; } = [];

    public long Done => Interlocked.Read(ref _done);

    /// <summary>All cores, largest first, so that no core has the largest alone at the end.</summary>
    public static void ForEach(IEnumerable<(Digest Digest, long Size)> items, Action<Digest> check)
    {
        var sorted = items.OrderByDescending(static i => i.Size).ToList();
        AllCores.For(sorted.Count, i => check(sorted[i].Digest), few: 2);
    }

    public void Expect(long bytes) => Interlocked.Add(ref _total, bytes);

    public void Read(long bytes)
    {
        Interlocked.Add(ref _done, bytes);
        if (options.Progress is null || Environment.TickCount64 < Interlocked.Read(ref _next)) return;
        lock (_lock)
        {
            if (Environment.TickCount64 < _next) return;
            options.Progress(Done, Math.Max(Done, Interlocked.Read(ref _total)));
            _next = Environment.TickCount64 + ProgressInterval;
        }
    }

    /// <summary>Notes a finding, and mends it if that was asked for.</summary>
    public void Found(FindingKind kind, string name, string problem, Func<Mending> repair)
    {
        var finding = new Finding(kind, name, problem);
        if (options.Repair)
        {
            try
            {
                var (done, text) = repair();
                finding = finding with { IsMended = done, Repair = text };
            }
            catch (CrunException error)
            {
                finding = finding with { Repair = error.Message };
            }
        }
        lock (_findings) _findings.Add(finding);
    }
}
