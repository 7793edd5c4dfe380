namespace CrunSharp.Registry.Tests;

/// <summary>Time in which waits between attempts are over at once, and are written down; the time without progress is real.</summary>
internal sealed class QuickTime : TimeProvider
{
    private TimeSpan _passed;

    /// <summary>The time without progress, which is not shortened.</summary>
    public static TimeSpan Stall { get; } = TimeSpan.FromSeconds(29.5);

    public List<TimeSpan> Waits { get; } = [];

    public void Advance(TimeSpan time) => _passed += time;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _passed;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var isWait = dueTime != Timeout.InfiniteTimeSpan && dueTime != Stall;
        if (isWait) Waits.Add(dueTime);
        return System.CreateTimer(callback, state, isWait ? TimeSpan.Zero : dueTime, period);
    }
}
