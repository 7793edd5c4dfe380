using CrunSharp.Build.Dockerfile;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Steps;

/// <summary>Owner and permissions of what is made.</summary>
/// <param name="Uid">The owner.</param>
/// <param name="Gid">The group.</param>
/// <param name="Mode">The permissions.</param>
internal readonly record struct Ownership(uint Uid, uint Gid, uint Mode)
{
    public static Ownership Root { get; } = new(0, 0, 0x1ed);
}

/// <summary>
/// A directory of a new layer, with what the layers beneath have at its path: what is made here is what overlayfs would
/// leave in its upper directory.
/// </summary>
internal sealed class TargetDirectory : IDisposable
{
    private readonly SafeFileHandle _upper;
    private readonly ViewDirectory? _lower;
    private readonly FileTime? _timeAtEnd;

    private TargetDirectory(SafeFileHandle upper, ViewDirectory? lower, FileTime? timeAtEnd) =>
        (_upper, _lower, _timeAtEnd) = (upper, lower, timeAtEnd);

    /// <summary>The directory of the new layer itself.</summary>
    public SafeFileHandle Upper => _upper;

    /// <summary>Whether it was made for what is put into it, so that no name in it is taken yet.</summary>
    public bool IsEmpty { get; private init; }

    /// <summary>Opens a directory of a new layer by its resolved path; components that are missing are made.</summary>
    /// <param name="upper">The new layer's directory.</param>
    /// <param name="lower">The layers beneath; null when there are none.</param>
    /// <param name="resolved">The path that <see cref="LayerView.Resolve"/> gave.</param>
    /// <param name="made">Owner and permissions of directories that are made.</param>
    /// <exception cref="CrunException">Something else is in the way.</exception>
    public static TargetDirectory OpenOrMake(SafeFileHandle upper, LayerView? lower, string resolved, Ownership made)
    {
        var directory = new TargetDirectory(FileAt.Open(upper, ".", ViewDirectory.AsDirectory), lower?.OpenRoot(), null);
        foreach (var name in PosixPath.Components(resolved))
        {
            using var parent = directory;
            directory = parent.Find(name) is null ? parent.Make(name, made, null) : parent.Enter(name);
        }
        return directory;
    }

    /// <summary>What a name is; null when there is none.</summary>
    public FileStatus? Find(string name) =>
        FileAt.TryStatus(_upper, name) is { } own ? own.IsWhiteout ? null : own : _lower?.Find(name)?.Status;

    /// <summary>Opens a directory that exists here or beneath.</summary>
    /// <exception cref="CrunException">The name is no directory.</exception>
    public TargetDirectory Enter(string name)
    {
        var own = FileAt.TryStatus(_upper, name);
        if (own is { Kind: not FileKind.Directory }) throw NotADirectory(name);
        if (own is not null)
        {
            var isOpaque = ExtendedAttributes.Get(_upper, name, ViewDirectory.OpaqueAttribute) is [(byte)'y'];
            return new TargetDirectory(FileAt.Open(_upper, name, ViewDirectory.AsDirectory), isOpaque ? null : _lower?.TryOpen(name), own.Value.Modified);
        }
        if (_lower?.Find(name) is not { Status.Kind: FileKind.Directory } beneath) throw NotADirectory(name);
        MakeHere(name, new Ownership(beneath.Status.Uid, beneath.Status.Gid, beneath.Status.Mode));
        FileAttributes.Copy(beneath.Holder, name, _upper, name);
        return new TargetDirectory(FileAt.Open(_upper, name, ViewDirectory.AsDirectory), _lower.TryOpen(name), beneath.Status.Modified);
    }

    /// <summary>Makes a directory where there is none; what is beneath a name that was taken here stays hidden.</summary>
    /// <param name="name">The name.</param>
    /// <param name="made">Owner and permissions.</param>
    /// <param name="modified">Its time in the end; null for that of its making.</param>
    public TargetDirectory Make(string name, Ownership made, FileTime? modified)
    {
        var hides = _lower?.Find(name) is { Status.Kind: FileKind.Directory };
        MakeHere(name, made);
        if (hides) ExtendedAttributes.Set(_upper, name, ViewDirectory.OpaqueAttribute, "y"u8);
        return new TargetDirectory(FileAt.Open(_upper, name, ViewDirectory.AsDirectory), null, modified) { IsEmpty = true };
    }

    /// <summary>Takes away what was made here under a name, so that something else can be made.</summary>
    public void Clear(string name) => FileAt.RemoveTree(_upper, name);

    /// <summary>Makes an empty file, open for writing.</summary>
    public SafeFileHandle MakeFile(string name) =>
        FileAt.Open(_upper, name, OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOFOLLOW, 0x180);

    /// <summary>Closes the directory and sets its time, which additions have changed.</summary>
    public void Dispose()
    {
        if (_timeAtEnd is { } time && !_upper.IsClosed) FileAt.SetTime(_upper, ".", time);
        _upper.Dispose();
        _lower?.Dispose();
    }

    private void MakeHere(string name, Ownership made)
    {
        FileAt.MakeDirectory(_upper, name, 0x1c0);
        FileAt.SetOwner(_upper, name, made.Uid, made.Gid);
        FileAt.SetMode(_upper, name, made.Mode);
    }

    private static CrunException NotADirectory(string name) => CrunException.Invalid($"cannot copy to non-directory: {name}");
}
