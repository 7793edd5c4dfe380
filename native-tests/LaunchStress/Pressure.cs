namespace CrunSharp.LaunchStress;

/// <summary>Threads that allocate without pause, and threads that come and go.</summary>
internal sealed class Pressure
{
    private const int Allocators = 4;

    private readonly List<Thread> _threads = [];
    private readonly int[] _collectionsAtBegin = [GC.CollectionCount(0), GC.CollectionCount(2)];
    private volatile bool _isOver;
    private long _allocated;
    private long _spawned;

    public static Pressure Begin()
    {
        var pressure = new Pressure();
        for (var i = 0; i < Allocators; i++) pressure.Add(pressure.Allocate);
        pressure.Add(pressure.Spawn);
        return pressure;
    }

    public void End()
    {
        _isOver = true;
        foreach (var thread in _threads) thread.Join();
    }

    public override string ToString() =>
        $"meanwhile {_allocated >> 20} MiB were allocated, {GC.CollectionCount(0) - _collectionsAtBegin[0]} collections"
        + $" ({GC.CollectionCount(2) - _collectionsAtBegin[1]} full), {_spawned} threads came and went";

    private void Add(ThreadStart body)
    {
        var thread = new Thread(body) { IsBackground = true };
        thread.Start();
        _threads.Add(thread);
    }

    // Small and large objects, a tree that lives for a while, finalizers.
    private void Allocate()
    {
        var kept = new object?[512];
        long bytes = 0;
        for (uint i = 0; !_isOver; i++)
        {
            var size = i % 1024 == 0 ? 200_000 : 16 + (int)(i % 1500);
            kept[i % kept.Length] = i % 64 == 0 ? new Finalized(new byte[size]) : new byte[size];
            bytes += size;
        }
        Interlocked.Add(ref _allocated, bytes);
    }

    private void Spawn()
    {
        while (!_isOver)
        {
            var thread = new Thread(static () => GC.KeepAlive(new byte[4096]), 256 * 1024);
            thread.Start();
            thread.Join();
            if (++_spawned % 64 == 0) GC.Collect();
        }
    }

    private sealed class Finalized(byte[] content)
    {
        ~Finalized() => GC.KeepAlive(content);
    }
}
