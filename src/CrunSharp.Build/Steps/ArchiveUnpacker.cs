using CrunSharp.Build.Dockerfile;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Storage;
using CrunSharp.Storage.Tar;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Steps;

/// <summary>
/// Unpacks a local archive for ADD into a new layer over others. Each entry's directory is resolved over the stack, links
/// included, with the image's root as <c>/</c>.
/// </summary>
internal sealed class ArchiveUnpacker(CopyWriter writer, SafeFileHandle upper, LayerView? lower, CopyRules rules)
{
    /// <summary>How much may be unpacked.</summary>
    public LayerLimits Limits { get; init; } = LayerLimits.Default;

    /// <summary>Whether a file is a tar, compressed or not: its first entry can be read.</summary>
    public static bool IsArchive(SourceTree tree, CopySource source)
    {
        if (source.Node.Status is not { Kind: FileKind.Regular, Size: >= 24 }) return false;
        try
        {
            using var stream = Compression.Open(OpenFile(tree, source));
            return new TarReader(stream).Next() is not null;
        }
        catch (CrunException error) when (error.Kind is ErrorKind.Integrity or ErrorKind.InvalidInput)
        {
            return false;
        }
    }

    /// <summary>Unpacks an archive of a context or another stage.</summary>
    /// <exception cref="CrunException">The archive is damaged or too large, or its entries do not fit the image.</exception>
    public void Unpack(SourceTree tree, CopySource source, string destination, CancellationToken cancellationToken)
    {
        using var stream = OpenFile(tree, source);
        Unpack(stream, source.TargetName, destination, cancellationToken);
    }

    /// <summary>Unpacks.</summary>
    /// <param name="archive">A tar, compressed or not.</param>
    /// <param name="archiveName">What errors call it.</param>
    /// <param name="destination">The absolute path of the directory that it is unpacked into.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">The archive is damaged or too large, or its entries do not fit the image.</exception>
    public void Unpack(Stream archive, string archiveName, string destination, CancellationToken cancellationToken)
    {
        var target = writer.Resolve(destination);
        if (target.Status is { Kind: not FileKind.Directory }) throw CrunException.Invalid($"cannot copy to non-directory: {target.Path}");
        TargetDirectory.OpenOrMake(upper, lower, target.Path, rules.Parents).Dispose();
        var directories = new List<(string Path, FileTime Modified)>();
        try
        {
            using var decoded = Limits.Within(upper).Decode(archive);
            AddAll(new TarReader(decoded), target.Path, directories, cancellationToken);
        }
        catch (CrunException error)
        {
            throw error.Within($"unpack {archiveName}");
        }
        // A directory's time is that of the archive although things were put into it afterwards.
        foreach (var (path, modified) in directories)
        {
            using var parent = TargetDirectory.OpenOrMake(upper, lower, writer.Resolve(Parent(path)).Path, Ownership.Root);
            if (parent.Find(PosixPath.Name(path)) is { Kind: FileKind.Directory }) FileAt.SetTime(parent.Upper, PosixPath.Name(path), modified);
        }
    }

    private void AddAll(TarReader reader, string root, List<(string Path, FileTime Modified)> directories, CancellationToken cancellationToken)
    {
        var (entries, bytes) = (0L, 0L);
        while (reader.Next() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Limits.CheckEntries(++entries);
            Limits.CheckBytes(bytes, entry.Size);
            bytes += entry.Size;
            try
            {
                Add(reader, entry, root, directories);
            }
            catch (CrunException error)
            {
                throw error.Within($"entry {GoText.Quote(entry.Name)}");
            }
        }
    }

    private static FileStream OpenFile(SourceTree tree, CopySource source)
    {
        using var parent = tree.View.OpenDirectory(source.Parent);
        if (parent.Find(source.Node.Name) is not { Status.Kind: FileKind.Regular } entry) throw CrunException.WrongState($"{source.TargetName}: the file changed while the build read it");
        return new FileStream(parent.OpenFile(entry), FileAccess.Read, 128 * 1024);
    }

    private void Add(TarReader reader, TarEntry entry, string root, List<(string, FileTime)> directories)
    {
        // "..", as everywhere, stops at the root of the archive.
        var inside = PosixPath.InRoot(entry.Name);
        if (inside == "/") return;
        var path = root.TrimEnd('/') + inside;
        var name = PosixPath.Name(path);
        var folder = writer.Resolve(Parent(path));
        if (folder.Status is { Kind: not FileKind.Directory }) throw CrunException.Invalid($"cannot unpack into non-directory: {folder.Path}");
        using var parent = TargetDirectory.OpenOrMake(upper, lower, folder.Path, Ownership.Root);
        var there = parent.Find(name);
        if (entry.Kind == TarKind.Directory)
        {
            if (there is { Kind: not FileKind.Directory }) parent.Clear(name);
            (there is { Kind: FileKind.Directory } ? parent.Enter(name) : parent.Make(name, Ownership.Root, null)).Dispose();
            directories.Add((path, entry.Modified));
        }
        else
        {
            if (there is not null) parent.Clear(name);
            if (entry.Kind == TarKind.HardLink)
            {
                Link(entry, root, parent, name);
                return;
            }
            Make(reader, entry, parent, name);
        }
        // As BuildKit: --chown and --chmod are not for what is in an archive.
        FileAt.SetOwner(parent.Upper, name, entry.Uid, entry.Gid);
        if (entry.Kind != TarKind.SymbolicLink) FileAt.SetMode(parent.Upper, name, entry.Mode);
        foreach (var attribute in entry.Attributes)
            if (FileAttributes.IsCarried(attribute.Name)) ExtendedAttributes.Set(parent.Upper, name, attribute.Name, attribute.Value.Span);
        if (entry.Kind != TarKind.Directory) FileAt.SetTime(parent.Upper, name, entry.Modified);
    }

    private void Make(TarReader reader, TarEntry entry, TargetDirectory parent, string name)
    {
        switch (entry.Kind)
        {
            case TarKind.File:
                using (var file = parent.MakeFile(name)) Write(reader, entry, file);
                break;
            case TarKind.SymbolicLink:
                FileAt.MakeSymbolicLink(parent.Upper, name, entry.Target);
                break;
            case TarKind.CharacterDevice when entry is { DeviceMajor: 0, DeviceMinor: 0 }:
                throw CrunException.Integrity("a character device 0:0 is overlayfs's mark of a removed file");
            default:
                var kind = entry.Kind switch
                {
                    TarKind.CharacterDevice => FileKind.CharacterDevice,
                    TarKind.BlockDevice => FileKind.BlockDevice,
                    _ => FileKind.Fifo,
                };
                FileAt.MakeNode(parent.Upper, name, kind, entry.Mode, entry.DeviceMajor, entry.DeviceMinor);
                break;
        }
    }

    // The pieces that the reader gives do not end where a sparse file's parts do.
    private static void Write(TarReader reader, TarEntry entry, SafeFileHandle file)
    {
        ReadOnlySpan<byte> rest = default;
        foreach (var part in entry.Sparse ?? [new SparsePart(0, entry.Size)])
        {
            for (long done = 0; done < part.Length;)
            {
                if (rest.IsEmpty) rest = reader.ReadContent();
                if (rest.IsEmpty) throw CrunException.Integrity("the content is shorter than its size");
                var count = (int)Math.Min(rest.Length, part.Length - done);
                RandomAccess.Write(file, rest[..count], part.Offset + done);
                rest = rest[count..];
                done += count;
            }
        }
        if (entry.Sparse is not null) RandomAccess.SetLength(file, entry.Size);
    }

    // Only to a file that this archive put there: one of the layers beneath would have to be copied up first.
    private void Link(TarEntry entry, string root, TargetDirectory parent, string name)
    {
        var target = root.TrimEnd('/') + PosixPath.InRoot(entry.Target);
        var folder = writer.Resolve(Parent(target));
        using var from = TargetDirectory.OpenOrMake(upper, lower, folder.Path, Ownership.Root);
        if (FileAt.TryStatus(from.Upper, PosixPath.Name(target)) is not { Kind: not FileKind.Directory })
            throw CrunException.Integrity($"hard link to {GoText.Quote(entry.Target)}, which the archive does not have before it");
        FileAt.Link(from.Upper, PosixPath.Name(target), parent.Upper, name);
    }

    private static string Parent(string path) => path[..Math.Max(path.LastIndexOf('/'), 1)];
}
