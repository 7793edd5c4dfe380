using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>Does many things of a kind at once; few, one after the other, for which no thread is started.</summary>
public static class AllCores
{
    private const int Few = 64;

    /// <summary>Calls <paramref name="act"/> with each number below <paramref name="count"/>, the small ones first.</summary>
    /// <param name="count">How many there are.</param>
    /// <param name="act">What to do.</param>
    /// <param name="few">For how many no thread is started.</param>
    /// <exception cref="CrunException">The first of the errors.</exception>
    public static void For(int count, Action<int> act, int few = Few)
    {
        if (count < few)
        {
            for (var i = 0; i < count; i++) act(i);
            return;
        }
        var next = -1;
        try
        {
            var cores = Environment.ProcessorCount;
            Parallel.For(0, cores, new ParallelOptions { MaxDegreeOfParallelism = cores }, _ =>
            {
                while (Interlocked.Increment(ref next) is var i && i < count) act(i);
            });
        }
        catch (AggregateException several)
        {
            throw several.InnerExceptions.FirstOrDefault(static e => e is CrunException)
                ?? several.InnerExceptions.FirstOrDefault(static e => e is OperationCanceledException) ?? several;
        }
    }
}
