using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>
/// A layer that is being made. <see cref="Path"/> is an empty directory, to be filled or to be an overlay's upper one;
/// <see cref="LayerStore.Commit"/> turns it into a layer. Disposing removes what was not committed.
/// </summary>
public sealed class LayerDraft : IDisposable
{
    internal const string LayerName = "layer";
    private readonly Draft _draft;
    private readonly string _path;

    internal LayerDraft(Draft draft, LayerLimits limits)
    {
        Limits = limits;
        _draft = draft;
        _path = draft.Path;
        FileAt.MakeDirectory(draft.Handle, LayerName, 0x1c0);
        FileAt.MakeDirectory(draft.Handle, $"{LayerName}/diff", 0x1ed);
        FileAt.MakeDirectory(draft.Handle, "work", 0x1c0);
        FileAt.MakeDirectory(draft.Handle, "implied", 0x1ed);
        Directory = FileAt.Open(draft.Handle, $"{LayerName}/diff", OpenFlags.O_PATH | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW);
    }

    /// <summary>The directory that becomes the layer: an overlay's upper directory.</summary>
    public string Path => $"{_path}/{LayerName}/diff";

    /// <summary>An empty directory on the same file system, for an overlay's work directory.</summary>
    public string WorkPath => $"{_path}/work";

    /// <summary>An empty directory on the same file system, for <see cref="ImpliedDirectories"/>.</summary>
    public string ImpliedPath => $"{_path}/implied";

    /// <summary>The directory, opened with O_PATH. It stays the same one, and stays there, when the draft is committed.</summary>
    public SafeFileHandle Directory { get; }

    /// <summary>How much may be unpacked into it.</summary>
    public LayerLimits Limits { get; }

    internal SafeFileHandle DraftHandle => _draft.Handle;

    /// <summary>Removes what was not committed.</summary>
    public void Dispose()
    {
        Directory.Dispose();
        _draft.Dispose();
    }
}
