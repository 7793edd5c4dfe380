using System.Security.Cryptography;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Steps;

/// <summary>Writes what COPY selected into a new layer.</summary>
/// <param name="upper">The new layer's directory.</param>
/// <param name="lower">The layers beneath; null when there are none.</param>
/// <param name="rules">Owner and permissions.</param>
/// <param name="cancellationToken">Stops it.</param>
internal sealed class CopyWriter(SafeFileHandle upper, LayerView? lower, CopyRules rules, CancellationToken cancellationToken)
{
    private const int BufferSize = 256 * 1024;

    private readonly Dictionary<(ulong Device, ulong Inode), string> _linked = [];
    private readonly Dictionary<string, (ulong Device, ulong Inode)> _files = new(StringComparer.Ordinal);
    private byte[]? _buffer;

    /// <summary>Copies one source.</summary>
    /// <param name="tree">Where it comes from.</param>
    /// <param name="source">The source.</param>
    /// <param name="destination">The absolute destination as written, with its trailing slash.</param>
    /// <exception cref="CrunException">The destination is in the way, or the source changed since its key was made.</exception>
    public void Copy(SourceTree tree, CopySource source, string destination)
    {
        var target = Resolve(destination);
        if (source.IsDirectory)
        {
            if (target.Status is { Kind: not FileKind.Directory }) throw CrunException.Invalid($"cannot copy to non-directory: {target.Path}");
            using var to = TargetDirectory.OpenOrMake(upper, lower, target.Path, rules.Parents);
            using var from = tree.View.OpenDirectory(source.Node.Name.Length == 0 ? "/" : $"{source.Parent}/{source.Node.Name}");
            CopyChildren(tree, source.Node, from, to, target.Path);
            return;
        }
        var (folder, name) = Place(target, destination, source.TargetName);
        using var parent = TargetDirectory.OpenOrMake(upper, lower, folder, rules.Parents);
        using var sourceParent = tree.View.OpenDirectory(source.Parent);
        CopyOne(tree, source.Node, sourceParent, parent, name, $"{folder.TrimEnd('/')}/{name}");
    }

    /// <summary>Writes a file whose content is given: a heredoc.</summary>
    public void WriteFile(string name, ReadOnlySpan<byte> content, string destination)
    {
        var (folder, fileName) = Place(Resolve(destination), destination, name);
        using var parent = TargetDirectory.OpenOrMake(upper, lower, folder, rules.Parents);
        MakeRoom(parent, fileName);
        using (var file = parent.MakeFile(fileName)) RandomAccess.Write(file, content, 0);
        FileAt.SetOwner(parent.Upper, fileName, rules.Owner?.Uid ?? 0, rules.Owner?.Gid ?? 0);
        FileAt.SetMode(parent.Upper, fileName, rules.Mode?.Apply(0x1a4, isDirectory: false) ?? 0x1a4);
    }

    /// <summary>Resolves a path over what is beneath and what was written already.</summary>
    public ResolvedPath Resolve(string path) => Merged().Resolve(path);

    private LayerView Merged()
    {
        var own = new ViewLayer(upper, []);
        return lower is null ? LayerView.OfLayers([own]) : lower.Under(own);
    }

    // A file goes into a directory that exists or is meant by a trailing slash, and else becomes the destination.
    private static (string Folder, string Name) Place(in ResolvedPath target, string destination, string name) =>
        target.IsDirectory || destination.EndsWith('/') || target.Path.Length == 1
            ? target.Status is { Kind: not FileKind.Directory } ? throw CrunException.Invalid($"cannot copy to non-directory: {target.Path}") : (target.Path, name)
            : (target.Parent, target.Name);

    private void CopyChildren(SourceTree tree, CopyNode node, ViewDirectory from, TargetDirectory to, string path)
    {
        cancellationToken.ThrowIfCancellationRequested();
        foreach (var child in node.Children)
        {
            var childPath = $"{path.TrimEnd('/')}/{child.Name}";
            if (child.Status.Kind == FileKind.Directory) CopyDirectory(tree, child, from, to, childPath);
            else CopyOne(tree, child, from, to, child.Name, childPath);
        }
    }

    private void CopyDirectory(SourceTree tree, CopyNode node, ViewDirectory from, TargetDirectory to, string path)
    {
        var made = rules.Apply(node.Status);
        var there = to.Find(node.Name);
        if (there is { Kind: not FileKind.Directory }) throw CrunException.Invalid($"cannot copy to non-directory: {path}");
        using (var target = there is null ? to.Make(node.Name, made, null) : to.Enter(node.Name))
        using (var source = from.TryOpen(node.Name) ?? throw Changed(node.Name))
            CopyChildren(tree, node, source, target, path);
        // As BuildKit: a directory on the way to what was selected takes the source's mode and nothing else.
        if (node.IsWayOnly && there is not null) FileAt.SetMode(to.Upper, node.Name, node.Status.Mode);
        else Finish(node, to, node.Name, made);
    }

    private void CopyOne(SourceTree tree, CopyNode node, ViewDirectory from, TargetDirectory to, string name, string path)
    {
        MakeRoom(to, name);
        Forget(path);
        var status = node.Status;
        var made = rules.Apply(status);
        if (status.Links > 1 && _linked.TryGetValue((status.Device, status.Inode), out var first))
        {
            using var root = FileAt.Open(upper, ".", ViewDirectory.AsDirectory);
            using var folder = FileAt.OpenBeneath(root, "." + first[..(first.LastIndexOf('/') + 1)], ViewDirectory.AsDirectory);
            FileAt.Link(folder, PosixPath.Name(first), to.Upper, name);
            return;
        }
        switch (status.Kind)
        {
            case FileKind.Regular:
                CopyContent(tree, node, from, to, name);
                break;
            case FileKind.SymbolicLink:
                FileAt.MakeSymbolicLink(to.Upper, name, node.LinkTarget);
                break;
            default:
                FileAt.MakeNode(to.Upper, name, status.Kind, made.Mode, status.RdevMajor, status.RdevMinor);
                break;
        }
        Finish(node, to, name, made);
        if (status.Links > 1) Remember(path, (status.Device, status.Inode));
    }

    private void Remember(string path, (ulong Device, ulong Inode) file)
    {
        _linked[file] = path;
        _files[path] = file;
    }

    // Another source put a file at a path to which links might be made.
    private void Forget(string path)
    {
        if (_files.Remove(path, out var file)) _linked.Remove(file);
    }

    // Owner first, as that clears set-user-id bits and capabilities; time last.
    private static void Finish(CopyNode node, TargetDirectory to, string name, Ownership made)
    {
        FileAt.SetOwner(to.Upper, name, made.Uid, made.Gid);
        if (node.Status.Kind != FileKind.SymbolicLink) FileAt.SetMode(to.Upper, name, made.Mode);
        foreach (var (attribute, value) in node.Attributes) ExtendedAttributes.Set(to.Upper, name, attribute, value);
        FileAt.SetTime(to.Upper, name, node.Status.Modified);
    }

    private static void MakeRoom(TargetDirectory to, string name)
    {
        if (to.Find(name) is not { } there) return;
        if (there.Kind == FileKind.Directory) throw CrunException.Invalid($"cannot replace to directory {name} with file");
        to.Clear(name);
    }

    private void CopyContent(SourceTree tree, CopyNode node, ViewDirectory from, TargetDirectory to, string name)
    {
        if (from.Find(node.Name) is not { Status.Kind: FileKind.Regular } entry) throw Changed(node.Name);
        using var source = from.OpenFile(entry);
        using var target = to.MakeFile(name);
        // What goes into the layer must be what the key says, whoever writes to the context meanwhile: either nothing about
        // the file changed since it was hashed, long enough after its last change, or it is hashed once more.
        if (!tree.MayChange)
        {
            FileContent.Copy(source, target);
            return;
        }
        if (IsUnchanged() && FileContent.Copy(source, target) == node.Status.Size && IsUnchanged()) return;
        RandomAccess.SetLength(target, 0);
        if (CopyHashing(source, target) != node.Content) throw Changed(node.Name);

        bool IsUnchanged() => tree.Index!.TryGet(node.Path, FileAt.Status(source))?.Content == node.Content;
    }

    private Digest CopyHashing(SafeFileHandle source, SafeFileHandle target)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        _buffer ??= new byte[BufferSize];
        long offset = 0;
        while (RandomAccess.Read(source, _buffer, offset) is > 0 and var count)
        {
            cancellationToken.ThrowIfCancellationRequested();
            hash.AppendData(_buffer, 0, count);
            RandomAccess.Write(target, _buffer.AsSpan(0, count), offset);
            offset += count;
        }
        return Digest.FromHash(hash.GetHashAndReset());
    }

    private static CrunException Changed(string name) => CrunException.WrongState($"{name}: the file changed while the build read it");
}
