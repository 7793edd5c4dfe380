using System.Net;

namespace CrunSharp.Registry;

/// <summary>When a request is made once more, and after how long.</summary>
internal sealed class Retry(TimeProvider time, int mostAttempts)
{
    /// <summary>The longest that a server may make us wait.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    public TimeProvider Time => time;

    /// <summary>Whether an answer says that another attempt may succeed.</summary>
    public static bool IsTransient(HttpStatusCode status) =>
        status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests || ((int)status >= 500 && status != HttpStatusCode.NotImplemented);

    /// <summary>How many attempts there are in all after a failure.</summary>
    /// <remarks>Where nobody listens, or a name is unknown, people wait for the answer, and the resolver has tried several times itself.</remarks>
    public int Attempts(Exception error) => Math.Min(mostAttempts, Faults.IsUnknownName(error) ? 2 : Faults.IsNobodyThere(error) ? 3 : mostAttempts);

    /// <summary>Waits before the next attempt; false when there is none.</summary>
    /// <param name="attempt">The number of the attempt that failed, from 1.</param>
    /// <param name="response">The answer that says to try again later.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<bool> WaitAsync(int attempt, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (attempt >= mostAttempts) return false;
        var wait = response.Headers.RetryAfter switch
        {
            { Delta: { } delta } => delta,
            { Date: { } date } => date - time.GetUtcNow(),
            _ => Backoff(attempt),
        };
        if (wait > LongestWait) return false;
        await Task.Delay(wait < TimeSpan.Zero ? TimeSpan.Zero : wait, time, cancellationToken);
        return true;
    }

    /// <summary>Waits before the next attempt; false when there is none.</summary>
    public async Task<bool> WaitAsync(int attempt, Exception error, CancellationToken cancellationToken)
    {
        if (attempt >= Attempts(error)) return false;
        await Task.Delay(Backoff(attempt), time, cancellationToken);
        return true;
    }

    // Half a second, doubled each time, and of that a random part, so that many do not come back together.
    private static TimeSpan Backoff(int attempt) =>
        TimeSpan.FromMilliseconds(Random.Shared.Next(50, 500 << Math.Min(attempt - 1, 6)));
}
