using CrunSharp.Storage;

namespace CrunSharp.Build.Steps;

/// <summary>
/// Files that can be copied in any order, side by side, and what has to be done when they are there, in its order: times of
/// directories, which additions change, and the closing of their handles.
/// </summary>
/// <param name="copy">Copies one; by several threads at once.</param>
internal sealed class CopyQueue(Action<QueuedFile> copy) : IDisposable
{
    // Enough that starting threads does not matter; few enough that as many directories can be open.
    private const int MostFiles = 512;
    private const int MostOpen = 32;
    private const int Few = 16;

    private readonly List<QueuedFile> _files = [];
    private readonly List<Action> _after = [];
    private readonly List<IDisposable> _open = [];

    /// <summary>Adds a file.</summary>
    public void Add(in QueuedFile file)
    {
        _files.Add(file);
        if (_files.Count >= MostFiles) Flush();
    }

    /// <summary>Adds what is done after all files that were added before.</summary>
    /// <param name="finish">What.</param>
    /// <param name="opened">What is closed before it, in this order.</param>
    public void After(Action finish, params ReadOnlySpan<IDisposable> opened)
    {
        _open.AddRange(opened);
        foreach (var one in opened) _after.Add(one.Dispose);
        _after.Add(finish);
        if (_open.Count >= MostOpen) Flush();
    }

    /// <summary>Does all that was added.</summary>
    public void Flush()
    {
        AllCores.For(_files.Count, i => copy(_files[i]), Few);
        _files.Clear();
        foreach (var finish in _after) finish();
        _after.Clear();
        _open.Clear();
    }

    /// <summary>Closes what is open still, after a failure.</summary>
    public void Dispose()
    {
        foreach (var one in _open) one.Dispose();
        _open.Clear();
    }
}

/// <summary>A file to be copied.</summary>
/// <param name="Node">The file.</param>
/// <param name="From">Where it is.</param>
/// <param name="To">Where it goes.</param>
/// <param name="Name">Its name there.</param>
/// <param name="Made">Owner and permissions there.</param>
internal readonly record struct QueuedFile(CopyNode Node, ViewDirectory From, TargetDirectory To, string Name, Ownership Made);
