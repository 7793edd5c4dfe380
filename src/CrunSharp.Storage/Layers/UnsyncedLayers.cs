using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>The layers that were added and that a power cut could still tear.</summary>
internal sealed class UnsyncedLayers
{
    private const long LeastEarly = 8 * 1024 * 1024;
    private const long MostEarly = 256 * 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly List<Digest> _layers = [];
    private long _unwritten;
    private Task _writing = Task.CompletedTask;

    /// <summary>Adds a layer.</summary>
    /// <param name="diffId">Its digest.</param>
    /// <param name="size">How many bytes it has, roughly.</param>
    public void Add(Digest diffId, long size)
    {
        lock (_lock)
        {
            _layers.Add(diffId);
            _unwritten += size;
        }
    }

    /// <summary>Begins to sync in the background, if it is worth it; see <see cref="Store.BeginSync"/>.</summary>
    public void BeginSync(Action sync)
    {
        lock (_lock)
        {
            if (_unwritten is < LeastEarly or > MostEarly || !_writing.IsCompleted) return;
            _unwritten = 0;
            // A thread of its own, as it does nothing but wait. What fails here fails again where it matters.
            _writing = Task.Factory.StartNew(sync, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
    }

    /// <summary>Takes all layers, for somebody who syncs them now.</summary>
    public IReadOnlyList<Digest> TakeAll()
    {
        lock (_lock)
        {
            Digest[] all = [.. _layers];
            _layers.Clear();
            _unwritten = 0;
            return all;
        }
    }
}
