namespace CrunSharp.Registry;

/// <summary>Ends what waits for the other side when nothing moved for too long.</summary>
internal sealed class Watchdog : IDisposable
{
    private readonly CancellationTokenSource _source;
    private readonly CancellationTokenRegistration _registration;
    private readonly CancellationToken _callers;
    private readonly TimeSpan _limit;

    /// <summary>A watchdog that sleeps until it is fed for the first time.</summary>
    public Watchdog(TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        (_limit, _callers) = (limit, cancellationToken);
        _source = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _registration = cancellationToken.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), _source);
    }

    /// <summary>For what waits.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Whether it was time that ended the wait, and not the caller.</summary>
    public bool Barked => _source.IsCancellationRequested && !_callers.IsCancellationRequested;

    /// <summary>Something moved: the time begins anew.</summary>
    public void Feed() => _source.CancelAfter(_limit);

    /// <summary>From here on another time counts.</summary>
    public void Feed(TimeSpan limit) => _source.CancelAfter(limit);

    /// <summary>Nobody waits.</summary>
    public void Sleep() => _source.CancelAfter(Timeout.InfiniteTimeSpan);

    /// <summary>The error for a wait that this ended.</summary>
    public TimeoutException Stalled() => new($"nothing was received for {_limit.TotalSeconds:0.#} s");

    public void Dispose()
    {
        _registration.Dispose();
        _source.Dispose();
    }
}
