using System.Diagnostics;
using CrunSharp.Oci;
using CrunSharp.Runtime.Init;
using CrunSharp.Runtime.Lifecycle;

namespace CrunSharp.LaunchStress;

/// <summary>A thread that starts containers one after the other.</summary>
internal sealed class Starter(TestBed bed, int first, int count)
{
    /// <summary>What a start and its container may take; thousands of times what they take on an idle machine.</summary>
    private static readonly TimeSpan s_limitForOne = TimeSpan.FromSeconds(30);

    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private volatile string _doing = "nothing yet";
    private long _since;
    private string? _failure;
    private Thread? _thread;

    /// <summary>The longest that a container took from before its start to its end.</summary>
    public TimeSpan Slowest { get; private set; }

    public void Start()
    {
        _thread = new Thread(Work) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Waits; what is wrong, or null.</summary>
    public string? WaitUntilDone(TimeSpan limit)
    {
        for (var watch = Stopwatch.StartNew(); !_thread!.Join(100);)
        {
            if (watch.Elapsed > limit) return $"not done in time: {_doing}";
            var since = TimeSpan.FromTicks(Interlocked.Read(ref _since));
            if (_watch.Elapsed - since > s_limitForOne) return $"hangs: {_doing}";
        }
        return _failure;
    }

    private void Work()
    {
        try
        {
            for (var i = first; i < first + count; i++)
            {
                var begun = _watch.Elapsed;
                Interlocked.Exchange(ref _since, begun.Ticks);
                RunOne(i);
                if (_watch.Elapsed - begun is var taken && taken > Slowest) Slowest = taken;
            }
        }
        catch (CrunException error)
        {
            _failure = $"{_doing}: {error}";
        }
    }

    private void RunOne(int number)
    {
        _doing = $"making the root of container {number}";
        using var cgroup = bed.MakeCgroup(number);
        using (var root = bed.MakeRoot(number))
        {
            _doing = $"beginning container {number}";
            using var launch = Launch.Begin(TestBed.SpecOf(number), root, new LaunchOptions { Cgroup = cgroup?.Directory }, bed.Input);
            _doing = $"starting container {number}";
            launch.Start();
            _doing = $"waiting for container {number}";
            using var process = launch.Process;
            var status = process.Reap();
            if (status.Code != 0) throw CrunException.WrongState($"container {number} ended with {status}");
        }
        var written = File.ReadAllText($"{bed.Containers}/{number}/upper/written");
        if (written != $"{number}\n") throw CrunException.WrongState($"container {number} wrote {written}");
        _doing = $"removing container {number}";
        cgroup?.Remove();
        bed.RemoveDirectories(number);
    }
}
