using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>
/// What this process needs to stay, held by shared locks until the store is closed. Who removes takes the lock alone,
/// so that nothing goes away between its making (or finding) and the image or container that refers to it.
/// </summary>
internal sealed class Pins : IDisposable
{
    // What a process has open besides, and how many pins may come until it is looked at again.
    private const int OtherFiles = 768;
    private const int Interval = 128;
    private readonly Dictionary<(SafeFileHandle Directory, string Name), FileLock> _held = [];

    /// <summary>Pins what has this name; false when it does not exist.</summary>
    public bool TryPin(SafeFileHandle directory, string name)
    {
        lock (_held)
        {
            if (_held.ContainsKey((directory, name))) return true;
        }
        if (FileLock.TryExisting(directory, name, shared: true, wait: true) is not { } held) return false;
        Add(directory, name, held);
        return true;
    }

    /// <summary>Keeps a lock that was taken already.</summary>
    public void Add(SafeFileHandle directory, string name, FileLock held)
    {
        lock (_held)
        {
            if (!_held.TryAdd((directory, name), held)) held.Dispose();
            else if (_held.Count % Interval == 0) ResourceLimits.NeedOpenFiles(_held.Count + OtherFiles); // an image may have a thousand layers
        }
    }

    /// <summary>Gives a pin up, for one who is about to remove.</summary>
    public void Release(SafeFileHandle directory, string name)
    {
        lock (_held)
        {
            if (_held.Remove((directory, name), out var held)) held.Dispose();
        }
    }

    public void Dispose()
    {
        lock (_held)
        {
            foreach (var held in _held.Values) held.Dispose();
            _held.Clear();
        }
    }
}
