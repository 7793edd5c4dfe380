using System.Buffers;
using System.Security.Cryptography;
using CrunSharp.Build.Cache;
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
    private const int BufferSize = 128 * 1024;

    private readonly Dictionary<(ulong Device, ulong Inode), string> _linked = [];
    private readonly Dictionary<string, (ulong Device, ulong Inode)> _files = new(StringComparer.Ordinal);

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
            using var queue = new CopyQueue(file => CopyFile(tree, file));
            CopyChildren(tree, source.Node, from, to, target.Path.TrimEnd('/'), queue);
            queue.Flush();
            return;
        }
        var (folder, name) = Place(target, destination, source.TargetName);
        using var parent = TargetDirectory.OpenOrMake(upper, lower, folder, rules.Parents);
        using var sourceParent = tree.View.OpenDirectory(source.Parent);
        using var alone = new CopyQueue(file => CopyFile(tree, file));
        CopyOne(tree, source.Node, sourceParent, parent, name, folder.TrimEnd('/'), alone);
        alone.Flush();
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

    // The path has no slash at its end.
    private void CopyChildren(SourceTree tree, CopyNode node, ViewDirectory from, TargetDirectory to, string path, CopyQueue queue)
    {
        foreach (var child in node.Children())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var name = child.Name;
            if (child.Status.Kind == FileKind.Directory) CopyDirectory(tree, child, name, from, to, path, queue);
            else CopyOne(tree, child, from, to, name, path, queue);
        }
    }

    private void CopyDirectory(SourceTree tree, CopyNode node, string name, ViewDirectory from, TargetDirectory to, string path, CopyQueue queue)
    {
        var made = rules.Apply(node.Status);
        var there = to.Find(name);
        if (there is { Kind: not FileKind.Directory }) throw CrunException.Invalid($"cannot copy to non-directory: {path}/{name}");
        var target = there is null ? to.Make(name, made, null) : to.Enter(name);
        ViewDirectory? source = null;
        try
        {
            source = from.TryOpen(name) ?? throw Changed(name);
            CopyChildren(tree, node, source, target, $"{path}/{name}", queue);
        }
        catch
        {
            source?.Dispose();
            target.Dispose();
            throw;
        }
        queue.After(() =>
        {
            // As BuildKit: a directory on the way to what was selected takes the source's mode and nothing else.
            if (node.IsWayOnly && there is not null) FileAt.SetMode(to.Upper, name, node.Status.Mode);
            else Finish(node, to, name, made);
        }, source, target);
    }

    private void CopyOne(SourceTree tree, CopyNode node, ViewDirectory from, TargetDirectory to, string name, string path, CopyQueue queue)
    {
        MakeRoom(to, name);
        // Only links need its path.
        if (_files.Count > 0) Forget($"{path}/{name}");
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
            case FileKind.Regular when status.Links > 1:
                CopyFile(tree, new QueuedFile(node, from, to, name, made));
                break;
            case FileKind.Regular:
                queue.Add(new QueuedFile(node, from, to, name, made));
                return;
            case FileKind.SymbolicLink:
                FileAt.MakeSymbolicLink(to.Upper, name, node.LinkTarget);
                Finish(node, to, name, made);
                break;
            default:
                FileAt.MakeNode(to.Upper, name, status.Kind, made.Mode, status.RdevMajor, status.RdevMinor);
                Finish(node, to, name, made);
                break;
        }
        if (status.Links > 1) Remember($"{path}/{name}", (status.Device, status.Inode));
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
        if (to.IsEmpty || to.Find(name) is not { } there) return;
        if (there.Kind == FileKind.Directory) throw CrunException.Invalid($"cannot replace to directory {name} with file");
        to.Clear(name);
    }

    // By several threads at once.
    private void CopyFile(SourceTree tree, QueuedFile file)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var (node, from, to, name, made) = file;
        using var source = from.TryOpenFile(node.Name, out var status) ?? throw Changed(node.Name);
        using var target = to.MakeFile(name);
        CopyContent(tree, node, source, status, target);
        // Owner first, as that clears set-user-id bits and capabilities; time last.
        OpenFile.SetOwner(target, made.Uid, made.Gid);
        OpenFile.SetMode(target, made.Mode);
        foreach (var (attribute, value) in node.Attributes) ExtendedAttributes.Set(to.Upper, name, attribute, value);
        OpenFile.SetTime(target, node.Status.Modified);
    }

    // What goes into the layer must be what the key says, whoever writes to the context meanwhile: either nothing about
    // the file changed since it was hashed, long enough after its last change, or it is hashed once more.
    private void CopyContent(SourceTree tree, CopyNode node, SafeFileHandle source, in FileStatus status, SafeFileHandle target)
    {
        if (!tree.MayChange)
        {
            FileContent.Copy(source, target);
            return;
        }
        if (tree.Index!.TryGet(node.Path, status)?.Content == node.Content && FileContent.Copy(source, target) == node.Status.Size
            && ContextIndex.IsSame(status, FileAt.Status(source))) return;
        OpenFile.SetSize(target, 0);
        if (CopyHashing(source, target) != node.Content) throw Changed(node.Name);
    }

    private ContentHash CopyHashing(SafeFileHandle source, SafeFileHandle target)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            long offset = 0;
            while (OpenFile.ReadAt(source, buffer, offset) is > 0 and var count)
            {
                cancellationToken.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, count);
                OpenFile.WriteAt(target, buffer.AsSpan(0, count), offset);
                offset += count;
            }
            return ContentHash.Read(hash.GetHashAndReset());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static CrunException Changed(string name) => CrunException.WrongState($"{name}: the file changed while the build read it");
}
