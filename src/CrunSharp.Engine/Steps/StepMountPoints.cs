using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Engine.Steps;

/// <summary>
/// What only stands below a step's mounts, such as <c>/etc/hosts</c> where the image has none: no change that the step made.
/// It is removed after the step, and directories that it was made in have the time that they had before: else no
/// layer would ever be made again as it was.
/// </summary>
internal sealed class StepMountPoints
{
    private readonly SafeFileHandle _upper;
    private readonly IReadOnlyList<string> _paths;
    private readonly Dictionary<string, (FileTime Made, FileTime Before)> _parents = new(StringComparer.Ordinal);

    /// <summary>Notes times, before the step's command begins.</summary>
    /// <param name="step">The step.</param>
    /// <param name="paths">What was made in its root directory, the outer ones first.</param>
    public StepMountPoints(StepContainerSpec step, IReadOnlyList<string> paths)
    {
        (_upper, _paths) = (step.Upper, [.. paths.Select(static path => path.TrimStart('/'))]);
        var lowers = LayerView.OfLayers([.. step.Lowers.Reverse()]);
        foreach (var parent in _paths.Select(ParentOf).Distinct())
        {
            using var directory = TryOpen(parent);
            if (directory is null || lowers.Resolve("/" + parent, followLast: false) is not { IsDirectory: true, Status: { } before }) continue;
            _parents[parent] = (FileAt.Status(directory).Modified, before.Modified);
        }
    }

    /// <summary>Removes them. One that was replaced, or has got a content, is the step's own: it stays. Nothing is followed.</summary>
    public void Remove()
    {
        // A directory in which the step made or removed something keeps the time of that.
        var times = new Dictionary<string, FileTime>(StringComparer.Ordinal);
        foreach (var (parent, (made, before)) in _parents)
        {
            using var directory = TryOpen(parent);
            if (directory is not null && FileAt.Status(directory).Modified is var now) times[parent] = now == made ? before : now;
        }
        for (var i = _paths.Count - 1; i >= 0; i--)
        {
            using var parent = TryOpen(ParentOf(_paths[i]));
            if (parent is null) continue;
            var name = _paths[i][(_paths[i].LastIndexOf('/') + 1)..];
            if (FileAt.TryStatus(parent, name) is not { } status) continue;
            if (status is { Kind: FileKind.Regular, Size: 0 }) FileAt.Remove(parent, name);
            else if (status.Kind == FileKind.Directory) FileAt.TryRemoveEmptyDirectory(parent, name);
        }
        foreach (var (parent, time) in times)
        {
            using var directory = TryOpen(parent);
            if (directory is not null) OpenFile.SetTime(directory, time);
        }
    }

    private static string ParentOf(string path) => path[..Math.Max(path.LastIndexOf('/'), 0)];

    private SafeFileHandle? TryOpen(string path) => path.Length == 0
        ? FileAt.Open(_upper, ".", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY)
        : FileAt.TryOpenBeneath(_upper, path, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
}
