using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Storage.Tar;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>How a tar becomes files.</summary>
public sealed record ExtractOptions
{
    /// <summary>Whether names that begin with <c>.wh.</c> are whiteouts, as in a layer, and not files.</summary>
    public bool Whiteouts { get; init; } = true;

    /// <summary>The owner of all entries; null for the tar's.</summary>
    public (uint Uid, uint Gid)? Owner { get; init; }

    /// <summary>How much may be unpacked.</summary>
    public LayerLimits Limits { get; init; } = LayerLimits.Default;
}

/// <summary>
/// Puts the entries of a tar into a directory, and nothing anywhere else: every path is resolved by the kernel within the
/// directory, names are checked, whiteouts become overlayfs's, marks of overlayfs in the tar are dropped.
/// </summary>
public sealed class LayerExtractor : IDisposable
{
    private readonly SafeFileHandle _root;
    private readonly ExtractOptions _options;
    private readonly EntryPaths _paths;
    private readonly Dictionary<string, FileTime> _directoryTimes = [];
    private readonly (uint Uid, uint Gid) _self = OpenFile.CreationOwner;

    /// <summary>Starts to unpack into a directory; its handle stays the caller's.</summary>
    public LayerExtractor(SafeFileHandle root, ExtractOptions? options = null)
    {
        (_root, _options) = (root, options ?? new ExtractOptions());
        _paths = new EntryPaths(root);
    }

    /// <summary>How many entries there were.</summary>
    public long Entries { get; private set; }

    /// <summary>How many bytes the files have, holes included.</summary>
    public long Bytes { get; private set; }

    /// <summary>Directories that were made because something is in them, without an entry that says how they are.</summary>
    public IReadOnlyList<string> Implied => _paths.Implied;

    /// <summary>Whether the layer hides all that is beneath it.</summary>
    public bool HidesAll { get; private set; }

    /// <summary>Unpacks all that is left of a tar.</summary>
    /// <exception cref="CrunException">The tar is damaged, hostile or too large; the text names the entry.</exception>
    public void Extract(TarReader reader)
    {
        while (reader.Next() is { } entry) Add(entry, reader);
        Finish();
    }

    /// <summary>Makes one entry, with its content from the reader that gave it.</summary>
    /// <exception cref="CrunException">The entry is refused; the text names it.</exception>
    public void Add(TarEntry entry, TarReader reader)
    {
        try
        {
            _paths.NextEntry();
            Entries++;
            _options.Limits.CheckEntries(Entries);
            AddEntry(_options.Owner is { } owner ? entry with { Uid = owner.Uid, Gid = owner.Gid } : entry, reader);
        }
        catch (CrunException error)
        {
            throw error.Within($"unpack \"{entry.Name}\"");
        }
    }

    /// <summary>Sets the times of directories, now that nothing is put into them any more.</summary>
    public void Finish()
    {
        foreach (var (path, time) in _directoryTimes)
        {
            _paths.NextEntry();
            if (path.Length == 0)
            {
                FileAt.SetTime(_root, ".", time);
                continue;
            }
            var (directory, name) = EntryPaths.Split(path);
            if (_paths.TryOpen(directory, out _) is { } parent && FileAt.TryStatus(parent.Handle, name) is { Kind: FileKind.Directory })
                FileAt.SetTime(parent.Handle, name, time);
        }
        _directoryTimes.Clear();
    }

    /// <inheritdoc/>
    public void Dispose() => _paths.Dispose();

    private void AddEntry(TarEntry entry, TarReader reader)
    {
        var path = EntryPaths.Clean(entry.Name);
        if (path.Length == 0)
        {
            if (entry.Kind != TarKind.Directory || entry.Name.Length == 0) throw CrunException.Integrity("the name is empty");
            DescribeRoot(entry);
            return;
        }
        var (directory, name) = EntryPaths.Split(path);
        var whiteout = _options.Whiteouts ? ReadWhiteout(directory, ref name) : WhiteoutKind.None;
        if (whiteout == WhiteoutKind.Ignored) return;
        var parent = _paths.OpenOrMake(directory, made => _directoryTimes[made] = entry.Modified);
        if (whiteout == WhiteoutKind.Opaque) MakeOpaque(parent, directory);
        else if (whiteout == WhiteoutKind.Name) MakeWhiteout(parent, name);
        else if (entry.Kind == TarKind.Directory) MakeDirectory(parent, name, path, entry);
        else if (entry.Kind == TarKind.File) MakeFile(parent, name, entry, reader);
        else if (entry.Kind == TarKind.HardLink) MakeHardLink(parent, name, entry);
        else MakeSpecial(parent, name, entry);
    }

    private static WhiteoutKind ReadWhiteout(string directory, ref string name)
    {
        if (directory.Contains(Whiteouts.Prefix, StringComparison.Ordinal))
        {
            foreach (var part in directory.Split('/'))
            {
                var hidden = part;
                var kind = Whiteouts.Read(ref hidden);
                if (kind == WhiteoutKind.Ignored) return kind;
                if (kind != WhiteoutKind.None) throw CrunException.Integrity("a whiteout has something in it");
            }
        }
        return Whiteouts.Read(ref name);
    }

    private void DescribeRoot(TarEntry entry)
    {
        FileAt.SetOwner(_root, ".", entry.Uid, entry.Gid);
        FileAt.SetMode(_root, ".", entry.Mode);
        SetAttributes(entry, _root, ".");
        _directoryTimes[""] = entry.Modified;
    }

    private void MakeOpaque(EntryParent parent, string path)
    {
        if (path.Length == 0) HidesAll = true;
        else ExtendedAttributes.Set(parent.Handle, Whiteouts.OpaqueAttribute, "y"u8);
    }

    private static void MakeWhiteout(EntryParent parent, string name)
    {
        // What the layer itself has under this name stays: a whiteout speaks of the layers beneath.
        var there = FileAt.TryStatus(parent.Handle, name);
        if (there is null) FileAt.MakeNode(parent.Handle, name, FileKind.CharacterDevice, 0);
        else if (there.Value.Kind == FileKind.Directory) ExtendedAttributes.Set(parent.Handle, name, Whiteouts.OpaqueAttribute, "y"u8);
    }

    private void MakeDirectory(EntryParent parent, string name, string path, TarEntry entry)
    {
        if (!FileAt.TryMakeDirectory(parent.Handle, name, entry.Mode, out var errno))
        {
            if (errno != Errno.EEXIST) throw CrunException.Integrity($"cannot make the directory: {errno.Describe()}");
            var there = FileAt.Status(parent.Handle, name);
            if (there.Kind != FileKind.Directory)
            {
                Replace(parent, name);
                FileAt.MakeDirectory(parent.Handle, name, entry.Mode);
                if (there.IsWhiteout) ExtendedAttributes.Set(parent.Handle, name, Whiteouts.OpaqueAttribute, "y"u8);
            }
            FileAt.SetOwner(parent.Handle, name, entry.Uid, entry.Gid);
            FileAt.SetMode(parent.Handle, name, entry.Mode);
        }
        else if (NeedsOwner(parent, entry))
        {
            FileAt.SetOwner(parent.Handle, name, entry.Uid, entry.Gid);
        }
        SetAttributes(entry, parent.Handle, name);
        _directoryTimes[path] = entry.Modified;
    }

    private void MakeFile(EntryParent parent, string name, TarEntry entry, TarReader reader)
    {
        _options.Limits.CheckBytes(Bytes, entry.Size);
        Bytes += entry.Size;
        using var file = Create(parent, name, entry.Mode & 0x1ff);
        WriteContent(file, entry, reader);
        var needsOwner = NeedsOwner(parent, entry);
        if (needsOwner) OpenFile.SetOwner(file, entry.Uid, entry.Gid);
        if ((entry.Mode & (0xe00 | OpenFile.CreationMask)) != 0) OpenFile.SetMode(file, entry.Mode);
        foreach (var attribute in entry.Attributes)
        {
            if (IsWanted(attribute)) Try(attribute, () => ExtendedAttributes.Set(file, attribute.Name, attribute.Value.Span));
        }
        OpenFile.SetTime(file, entry.Modified);
    }

    private SafeFileHandle Create(EntryParent parent, string name, uint mode)
    {
        const OpenFlags flags = OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOFOLLOW;
        if (FileAt.TryOpen(parent.Handle, name, flags, out var errno, mode) is { } made) return made;
        if (errno == Errno.EEXIST) Replace(parent, name);
        return FileAt.Open(parent.Handle, name, flags, mode);
    }

    private static void WriteContent(SafeFileHandle file, TarEntry entry, TarReader reader)
    {
        if (entry.Sparse is null)
        {
            for (long at = 0; at < entry.Size;)
            {
                var content = reader.ReadContent();
                OpenFile.WriteAt(file, content, at);
                at += content.Length;
            }
            return;
        }
        ReadOnlySpan<byte> rest = default;
        foreach (var part in entry.Sparse)
        {
            for (long done = 0; done < part.Length;)
            {
                if (rest.IsEmpty) rest = reader.ReadContent();
                var count = (int)Math.Min(rest.Length, part.Length - done);
                OpenFile.WriteAt(file, rest[..count], part.Offset + done);
                rest = rest[count..];
                done += count;
            }
        }
        OpenFile.SetSize(file, entry.Size);
    }

    private void MakeHardLink(EntryParent parent, string name, TarEntry entry)
    {
        var (directory, target) = EntryPaths.Split(EntryPaths.Clean(entry.Target));
        var from = target.Length == 0 ? null : _paths.TryOpen(directory, out _);
        var there = from is null ? null : FileAt.TryStatus(from.Handle, target);
        if (there is not { } status || status.Kind == FileKind.Directory || status.IsWhiteout)
            throw CrunException.Integrity($"it is a hard link to \"{entry.Target}\", which is no file of the layer before it");
        if (FileAt.TryStatus(parent.Handle, name) is { } old)
        {
            if ((old.Device, old.Inode) == (status.Device, status.Inode)) return;
            Replace(parent, name);
        }
        FileAt.Link(from!.Handle, target, parent.Handle, name);
    }

    private void MakeSpecial(EntryParent parent, string name, TarEntry entry)
    {
        if (FileAt.TryStatus(parent.Handle, name) is not null) Replace(parent, name);
        if (entry.Kind == TarKind.SymbolicLink)
        {
            if (entry.Target.Length is 0 or > 4095) throw CrunException.Integrity("a symbolic link's target is empty or too long");
            FileAt.MakeSymbolicLink(parent.Handle, name, entry.Target);
        }
        else
        {
            var kind = entry.Kind switch
            {
                TarKind.CharacterDevice => FileKind.CharacterDevice,
                TarKind.BlockDevice => FileKind.BlockDevice,
                _ => FileKind.Fifo,
            };
            if (kind == FileKind.CharacterDevice && (entry.DeviceMajor, entry.DeviceMinor) == (0, 0))
                throw CrunException.Integrity("a character device 0:0 would hide a file");
            FileAt.MakeNode(parent.Handle, name, kind, entry.Mode, entry.DeviceMajor, entry.DeviceMinor);
        }
        if (NeedsOwner(parent, entry))
        {
            FileAt.SetOwner(parent.Handle, name, entry.Uid, entry.Gid);
            if (entry.Kind != TarKind.SymbolicLink && (entry.Mode & 0xe00) != 0) FileAt.SetMode(parent.Handle, name, entry.Mode);
        }
        SetAttributes(entry, parent.Handle, name);
        FileAt.SetTime(parent.Handle, name, entry.Modified);
    }

    // The last entry of a name wins.
    private void Replace(EntryParent parent, string name)
    {
        var there = FileAt.Status(parent.Handle, name);
        if (there.Kind == FileKind.Directory) FileAt.RemoveTree(parent.Handle, name);
        else FileAt.Remove(parent.Handle, name);
        if (there.Kind is FileKind.Directory or FileKind.SymbolicLink) _paths.Forget();
    }

    private bool NeedsOwner(EntryParent parent, TarEntry entry) => parent.GivesGroup || (entry.Uid, entry.Gid) != _self;

    private static void SetAttributes(TarEntry entry, SafeFileHandle directory, string name)
    {
        foreach (var attribute in entry.Attributes)
        {
            if (IsWanted(attribute)) Try(attribute, () => ExtendedAttributes.Set(directory, name, attribute.Name, attribute.Value.Span));
        }
    }

    private static bool IsWanted(in TarAttribute attribute) =>
        AttributeRules.IsCarried(attribute.Name) && (AttributeRules.IsValid(attribute.Name, attribute.Value.Span)
            ? true : throw CrunException.Integrity($"the value of {attribute.Name} is malformed"));

    // A file system without an attribute's kind (such as ACLs) holds the file all the same; a capability must not get lost.
    private static void Try(in TarAttribute attribute, Action set)
    {
        try
        {
            set();
        }
        catch (CrunException error) when (error.Errno == Errno.EOPNOTSUPP && attribute.Name != "security.capability")
        {
        }
    }
}
