using System.Runtime.InteropServices;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Storage.Tar;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>
/// Writes a directory that was an overlay's upper layer as a layer's tar: a pure function of the directory. A directory
/// comes before what is in it, names in the order of their bytes; overlayfs's marks become whiteouts.
/// </summary>
internal class LayerTar
{
    private protected const int MostDepth = 4096;
    private const long Part = 8 * 1024 * 1024; // of a file that is sent to the disk while it is read
    private readonly TarWriter _writer;
    private readonly Dictionary<(ulong Device, ulong Inode), string> _linked = [];

    private readonly long _most;
    private bool _isNew;

    private protected LayerTar(Stream output, long most) => (_writer, _most) = (new TarWriter(output), most);

    /// <summary>How many entries there are, whiteouts included.</summary>
    public long Entries { get; private set; }

    /// <summary>How many bytes the files have.</summary>
    public long Bytes { get; private set; }

    /// <summary>How many bytes the tar has.</summary>
    public long Length => _writer.Length;

    /// <summary>The latest time that an entry may have; null for any.</summary>
    private protected FileTime? Latest { get; init; }

    /// <summary>Writes the tar of a directory.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="output">Where to.</param>
    /// <param name="most">How many bytes the tar may have; a hole of terabytes is not read to find out that it has more.</param>
    /// <exception cref="CrunException">The directory has something that no layer can say, or changes meanwhile.</exception>
    /// <param name="latest">The latest time that an entry may have; null for any.</param>
    public static LayerTar Write(SafeFileHandle directory, Stream output, long most = long.MaxValue, FileTime? latest = null)
    {
        var tar = new LayerTar(output, most) { Latest = latest };
        tar.WriteAll(directory);
        return tar;
    }

    /// <summary>Writes the tar of a directory that was just filled: large files are sent to the disk meanwhile.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="output">Where to.</param>
    /// <exception cref="CrunException">The directory has something that no layer can say, or changes meanwhile.</exception>
    public static LayerTar WriteNew(SafeFileHandle directory, Stream output)
    {
        var tar = new LayerTar(output, long.MaxValue) { _isNew = true };
        tar.WriteAll(directory);
        return tar;
    }

    /// <summary>How many names a directory has, how many directories that hide what is beneath them, and how many bytes its files, without reading them.</summary>
    public static (long Names, long Opaque, long Bytes) Count(SafeFileHandle directory)
    {
        var linked = new HashSet<(ulong Device, ulong Inode)>();
        long names = 0, opaque = 0, bytes = 0;
        var directories = new Stack<string>(["."]);
        while (directories.TryPop(out var next))
        {
            using var current = FileAt.OpenBeneath(directory, next, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
            foreach (var name in FileAt.List(current))
            {
                var status = FileAt.Status(current, name);
                if (status.Kind == FileKind.Socket) continue;
                names++;
                if (status.Kind == FileKind.Directory)
                {
                    directories.Push($"{next}/{name}");
                    if (ExtendedAttributes.Get(current, name, Whiteouts.OpaqueAttribute) is [(byte)'y']) opaque++;
                }
                else if (status.Kind == FileKind.Regular && (status.Links == 1 || linked.Add((status.Device, status.Inode)))) bytes += status.Size;
            }
        }
        return (names, opaque, bytes);
    }

    private void WriteAll(SafeFileHandle directory)
    {
        using (var own = FileAt.Open(directory, ".", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY)) WriteDirectory(own, "", 0);
        Finish();
    }

    private void WriteDirectory(SafeFileHandle directory, string path, int depth)
    {
        if (depth > MostDepth) throw Refused(path, $"directories are nested more than {MostDepth} deep");
        var names = FileAt.ListOnce(directory);
        CollectionsMarshal.AsSpan(names).Sort(NameOrder.Instance);
        foreach (var name in names)
        {
            var status = FileAt.Status(directory, name);
            var inside = path.Length == 0 ? name : $"{path}/{name}";
            if (status.Kind == FileKind.Socket) continue;
            Entries++;
            if (status.IsWhiteout)
            {
                WriteWhiteout(path, Whiteouts.Prefix + name);
                continue;
            }
            if (name.StartsWith(Whiteouts.Prefix, StringComparison.Ordinal))
                throw Refused(inside, "a name that begins with .wh. cannot be in a layer");
            if (status.Kind == FileKind.Directory) WriteSubdirectory(directory, name, inside, status, depth);
            else WriteOther(directory, name, inside, status);
        }
    }

    /// <summary>Ends the tar.</summary>
    private protected void Finish() => _writer.Finish();

    /// <summary>Writes a directory's entry, without what is in it.</summary>
    private protected void WriteDirectoryEntry(SafeFileHandle own, string path, in FileStatus status) =>
        _writer.Begin(Describe(path, TarKind.Directory, status) with { Attributes = Read(ExtendedAttributes.List(own), path, a => ExtendedAttributes.Get(own, a)) });

    /// <summary>Writes what is no directory.</summary>
    private protected void WriteOther(SafeFileHandle directory, string name, string path, in FileStatus status)
    {
        if (status.Links > 1 && !_linked.TryAdd((status.Device, status.Inode), path))
            _writer.Begin(Describe(path, TarKind.HardLink, status) with { Target = _linked[(status.Device, status.Inode)] });
        else if (status.Kind == FileKind.Regular) WriteFile(directory, name, path, status);
        else WriteSpecial(directory, name, path, status);
    }

    private void WriteSubdirectory(SafeFileHandle directory, string name, string path, in FileStatus status, int depth)
    {
        using var own = FileAt.Open(directory, name, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW);
        var attributes = ExtendedAttributes.List(own);
        _writer.Begin(Describe(path, TarKind.Directory, status) with { Attributes = Read(attributes, path, a => ExtendedAttributes.Get(own, a)) });
        if (attributes.Contains(Whiteouts.OpaqueAttribute) && ExtendedAttributes.Get(own, Whiteouts.OpaqueAttribute) is [(byte)'y'])
            WriteWhiteout(path, Whiteouts.OpaqueName);
        WriteDirectory(own, path, depth + 1);
    }

    private void WriteFile(SafeFileHandle directory, string name, string path, in FileStatus status)
    {
        using var file = FileAt.Open(directory, name, OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK);
        var attributes = ExtendedAttributes.List(file);
        _writer.Begin(Describe(path, TarKind.File, status) with
        {
            Size = status.Size,
            Attributes = Read(attributes, path, a => ExtendedAttributes.Get(file, a)),
        });
        if (status.Size > _most - _writer.Length) throw Refused(path, $"the tar has more than {_most} bytes");
        Bytes += status.Size;
        var started = _isNew && status.Size >= Part ? 0 : long.MaxValue;
        for (var left = status.Size; left > 0;)
        {
            if (status.Size - left >= started)
            {
                OpenFile.StartSync(file, started, Part);
                started += Part;
            }
            var count = OpenFile.Read(file, _writer.Room());
            if (count == 0) throw Refused(path, "the file became shorter while it was read");
            _writer.Advance(count);
            left -= count;
        }
    }

    private void WriteSpecial(SafeFileHandle directory, string name, string path, in FileStatus status)
    {
        var kind = status.Kind switch
        {
            FileKind.SymbolicLink => TarKind.SymbolicLink,
            FileKind.CharacterDevice => TarKind.CharacterDevice,
            FileKind.BlockDevice => TarKind.BlockDevice,
            FileKind.Fifo => TarKind.Fifo,
            _ => throw Refused(path, "this kind of file cannot be in a layer"),
        };
        var entry = Describe(path, kind, status) with
        {
            DeviceMajor = status.RdevMajor,
            DeviceMinor = status.RdevMinor,
            Attributes = Read(ExtendedAttributes.List(directory, name), path, a => ExtendedAttributes.Get(directory, name, a)),
        };
        if (kind == TarKind.SymbolicLink) entry = entry with { Mode = 0x1ff, Target = FileAt.ReadSymbolicLink(directory, name) };
        _writer.Begin(entry);
    }

    private void WriteWhiteout(string path, string name) =>
        _writer.Begin(new TarEntry { Name = path.Length == 0 ? name : $"{path}/{name}", Kind = TarKind.File });

    private TarEntry Describe(string path, TarKind kind, in FileStatus status) => new()
    {
        Name = path,
        Kind = kind,
        Mode = status.Mode,
        Uid = status.Uid,
        Gid = status.Gid,
        Modified = Latest is { } latest && (status.Modified.Seconds, status.Modified.Nanoseconds).CompareTo((latest.Seconds, latest.Nanoseconds)) > 0 ? latest : status.Modified,
    };

    private static List<TarAttribute> Read(IReadOnlyList<string> names, string path, Func<string, byte[]?> get)
    {
        var attributes = new List<TarAttribute>();
        foreach (var name in names)
        {
            if (name is "trusted.overlay.redirect" or "trusted.overlay.metacopy")
                throw Refused(path, $"the attribute {name} says that the content is elsewhere");
            if (AttributeRules.IsCarried(name) && get(name) is { } value) attributes.Add(new TarAttribute(name, value));
        }
        return attributes;
    }

    private protected static CrunException Refused(string path, string reason) => CrunException.Invalid($"/{path}: {reason}", "write layer");
}
