using CrunSharp.Build.Cache;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build.Steps;

/// <summary>What COPY takes files from: the context, a stage or an image.</summary>
/// <param name="View">The files.</param>
/// <param name="Ignore">What of it is not to be seen.</param>
/// <param name="Index">What is known of the files' content; null where the content is not to be looked at.</param>
/// <param name="MayChange">Whether others may change it during the build, as a context.</param>
internal sealed record SourceTree(LayerView View, DockerIgnore Ignore, ContextIndex? Index, bool MayChange)
{
    private const int MostDepth = 1024;

    /// <summary>Selects what a COPY copies: wildcards expanded, the last link of each source followed, hashes made.</summary>
    /// <param name="pattern">A source as written; <c>..</c> stops at the root.</param>
    /// <param name="exclude">What is left out, by paths within a source.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">A source without wildcards, or what a link leads to, is not there, or is ignored.</exception>
    public List<CopySource> Select(string pattern, DockerIgnore exclude, CancellationToken cancellationToken)
    {
        var path = PosixPath.InRoot(pattern);
        var sources = new List<CopySource>();
        var scope = new Scope(this, null, exclude, cancellationToken);
        if (PathMatch.HasWildcards(path))
        {
            foreach (var match in Expand(path))
            {
                if (IsIgnored(match) || exclude.IsIgnored(PosixPath.Name(match))) continue;
                if (SelectOne(match, scope) is { } source) sources.Add(source);
                // As the other builders: a link to nowhere is not left out in silence.
                else if (View.Resolve(match, followLast: false).Status is { Kind: FileKind.SymbolicLink }) throw NotFound(match);
            }
        }
        else
        {
            if (IsIgnored(path)) throw NotFound(path);
            sources.Add(SelectOne(path, scope) ?? throw NotFound(path));
        }
        scope.HashAll();
        return sources;
    }

    /// <summary>Selects what a COPY with <c>--parents</c> copies: directories of which only what matches is there.</summary>
    /// <param name="pattern">A source as written; before its first <c>/./</c> are the directories that are not kept.</param>
    /// <param name="exclude">What is left out, by paths below those directories.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">A source without wildcards is not there, or is ignored.</exception>
    public List<CopySource> SelectWithParents(string pattern, DockerIgnore exclude, CancellationToken cancellationToken)
    {
        var pivot = pattern.IndexOf("/./", StringComparison.Ordinal);
        var top = pivot < 0 ? "/" : PosixPath.InRoot(pattern[..pivot]);
        var kept = PosixPath.InRoot(pivot < 0 ? pattern : pattern[(pivot + 3)..])[1..];
        var match = PathMatch.TryParseIgnore(kept) ?? throw CrunException.Invalid($"syntax error in pattern {GoText.Quote(pattern)}");
        var isExact = !PathMatch.HasWildcards(top) && !PathMatch.HasWildcards(kept);
        var whole = PosixPath.Clean($"{top}/{kept}");
        if (isExact && (IsIgnored(whole) || View.Resolve(whole, followLast: false).Status is null)) throw NotFound(whole);

        var sources = new List<CopySource>();
        var scope = new Scope(this, kept.Length == 0 ? null : match, exclude, cancellationToken);
        foreach (var path in PathMatch.HasWildcards(top) ? Expand(top) : [top])
        {
            var resolved = View.Resolve(path);
            if (!PathMatch.HasWildcards(top) && !resolved.IsDirectory) throw NotFound(path);
            if (!resolved.IsDirectory || IsIgnored(resolved.Path)) continue;
            var source = SelectDirectory(resolved, PosixPath.Name(path), scope);
            if (source.Node.HasChildren) sources.Add(source);
        }
        scope.HashAll();
        if (isExact && sources.Count == 0 && kept.Length > 0 && exclude.IsEmpty)
            throw CrunException.Invalid($"{GoText.Quote(whole)}: with --parents it must not be reached through a symbolic link");
        return sources;
    }

    /// <summary>Selects what is in a directory.</summary>
    /// <param name="path">The directory; <c>..</c> stops at the root, links are followed.</param>
    /// <param name="exclude">What is left out, by paths within it.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">It is no directory.</exception>
    public CopySource SelectContent(string path, DockerIgnore exclude, CancellationToken cancellationToken)
    {
        var resolved = View.Resolve(PosixPath.InRoot(path));
        if (!resolved.IsDirectory) throw CrunException.NotFound($"{GoText.Quote(path)}: {(resolved.Status is null ? "not found" : "not a directory")}");
        var scope = new Scope(this, null, exclude, cancellationToken);
        var source = SelectDirectory(resolved, resolved.Name, scope);
        scope.HashAll();
        return source;
    }

    /// <summary>What is at one path: no wildcards, the last link followed, hashes made.</summary>
    /// <exception cref="CrunException">Nothing is there, or it is ignored.</exception>
    public CopySource Get(string path, CancellationToken cancellationToken)
    {
        path = PosixPath.InRoot(path);
        if (IsIgnored(path)) throw NotFound(path);
        var scope = new Scope(this, null, DockerIgnore.None, cancellationToken);
        var source = SelectOne(path, scope) ?? throw NotFound(path);
        scope.HashAll();
        return source;
    }

    private bool IsIgnored(string path) => path.Length > 1 && Ignore.IsIgnored(path[1..]) && !Ignore.MayHoldIncluded(path[1..]);

    private CopySource? SelectOne(string path, Scope scope)
    {
        var resolved = View.Resolve(path);
        if (resolved.Status is null || IsIgnored(resolved.Path)) return null;
        var name = PosixPath.Name(path);
        if (resolved.IsDirectory)
        {
            var source = SelectDirectory(resolved, name, scope);
            return !source.Node.HasChildren && resolved.Path.Length > 1 && Ignore.IsIgnored(resolved.Path[1..]) ? null : source;
        }
        if (Ignore.IsIgnored(resolved.Path[1..])) return null;
        using var parent = View.OpenDirectory(resolved.Parent);
        if (parent.Find(resolved.Name) is not { } entry) return null;
        return new CopySource(scope.AddFile(entry, resolved.Parent[1..], PathKey.Of(resolved.Parent[1..])), resolved.Parent, name);
    }

    private CopySource SelectDirectory(in ResolvedPath resolved, string name, Scope scope)
    {
        using var directory = View.OpenDirectory(resolved.Path);
        return new CopySource(scope.AddDirectory(directory, resolved), resolved.Parent, name);
    }

    // The paths that match, component by component, in the order of their bytes.
    private List<string> Expand(string path)
    {
        var components = PosixPath.Components(path);
        var fixedPart = components.TakeWhile(static c => !PathMatch.HasWildcards(c)).Select(Unescape).ToList();
        var matches = new List<string> { "/" + string.Join('/', fixedPart) };
        // As BuildKit: links before the first wildcard are followed, those behind it are not.
        var follow = true;
        foreach (var component in components.Skip(fixedPart.Count))
        {
            var match = PathMatch.TryParse(component) ?? throw CrunException.Invalid($"syntax error in pattern {GoText.Quote(path)}");
            var next = new List<string>();
            foreach (var parent in matches)
            {
                var resolved = View.Resolve(parent, follow);
                if (!resolved.IsDirectory) continue;
                using var directory = View.OpenDirectory(resolved.Path);
                foreach (var name in directory.Names())
                    if (match.IsMatch(name)) next.Add(parent == "/" ? "/" + name : $"{parent}/{name}");
            }
            (matches, follow) = (next, false);
        }
        return matches;
    }

    private static string Unescape(string component) => component.Replace("\\", "", StringComparison.Ordinal);

    // The path itself may be ignored, or what a link in it leads to.
    private CrunException NotFound(string path)
    {
        foreach (var way in (string[])[path, View.Resolve(path).Path])
        {
            if (way.Length > 1 && Ignore.IgnoredByLine(way[1..]) is { } line)
                return CrunException.NotFound($"{GoText.Quote(path)}: not found (excluded by {Ignore.Name}, line {line}: {GoText.Quote(Ignore.IgnoredByPattern(way[1..])!)})");
        }
        return CrunException.NotFound($"{GoText.Quote(path)}: not found{Near(path)}");
    }

    // Another name in the same directory that is nearly the same.
    private string Near(string path)
    {
        try
        {
            var parent = View.Resolve(path[..Math.Max(path.LastIndexOf('/'), 1)]);
            if (!parent.IsDirectory) return "";
            using var directory = View.OpenDirectory(parent.Path);
            return Suggestion.For(PosixPath.Name(path), directory.Names().Where(static name => name.Length < 64));
        }
        catch (CrunException)
        {
            return "";
        }
    }

    // A directory that the walk comes by. One that is not wanted itself is there only for what is in it: an ignored one for what
    // a "!" pattern brought back, one on the way for what was selected.
    private readonly record struct Subdirectory(ViewEntry Entry, string Path, PathKey Key, string Below, bool IsSelected, bool IsWanted);

    // The walk through what one pattern selects, or through a part of it beside others.
    private sealed class Scope(SourceTree tree, PathMatch? include, DockerIgnore exclude, CancellationToken cancellationToken)
    {
        private const int HashedTogether = 64;
        private const int LeastAtOnce = 2000; // files, for which other threads are worth their start
        private const int MostDepthAtOnce = 3;

        private readonly CopyTree _nodes = new();
        private readonly List<(CopyNode File, string Directory)> _unread = [];
        private readonly bool _takesAll = include is null && exclude.IsEmpty && tree.Ignore.IsEmpty;
        private readonly bool _isLarge = tree.Index?.Count >= LeastAtOnce;

        public CopyNode AddDirectory(ViewDirectory directory, in ResolvedPath resolved)
        {
            var path = resolved.Path[1..];
            var node = _nodes.Add(resolved.Name, default, resolved.Status!.Value, "", []);
            AddChildren(directory, path, PathKey.Of(path), "", include is null, 0);
            _nodes.End(node);
            return node;
        }

        public CopyNode AddFile(in ViewEntry entry, string directory, PathKey key)
        {
            if (entry.Status.IsWhiteout)
                throw CrunException.Invalid($"/{Below(directory, entry.Name)}: a character device 0:0 is overlayfs's mark of a removed file and cannot be copied");
            var path = key.Below(entry.Name);
            var isRegular = entry.Status.Kind == FileKind.Regular;
            var known = isRegular ? tree.Index?.TryGet(path, entry.Status) : null;
            var node = _nodes.Add(entry.Name, path, entry.Status,
                entry.Status.Kind == FileKind.SymbolicLink ? FileAt.ReadSymbolicLink(entry.Holder, entry.Name) : "",
                known is { HasAttributes: false } ? [] : FileAttributes.Read(entry.Holder, entry.Name));
            if (known is { } file) node.Content = file.Content;
            else if (isRegular && tree.Index is not null) _unread.Add((node, directory));
            return node;
        }

        // Files of which nothing is known are read side by side: hashing is what a first COPY spends its time on.
        public void HashAll()
        {
            if (_unread.Count == 0) return;
            tree.Index!.Expect(_unread.Count);
            AllCores.For((_unread.Count + HashedTogether - 1) / HashedTogether, part => Hash(part * HashedTogether, Math.Min(_unread.Count, (part + 1) * HashedTogether)), few: 2);
            _unread.Clear();
        }

        private void AddChildren(ViewDirectory directory, string path, PathKey key, string below, bool isSelected, int depth)
        {
            if (depth > MostDepth) throw CrunException.Invalid($"/{path}: directories are nested more than {MostDepth} deep");
            cancellationToken.ThrowIfCancellationRequested();
            var parts = _isLarge && depth < MostDepthAtOnce ? new List<(Scope Scope, Subdirectory? Directory)>() : null;
            foreach (var name in directory.Names())
            {
                if (directory.Find(name) is not { } entry || entry.Status.Kind is FileKind.Socket or FileKind.Unknown) continue;
                var isDirectory = entry.Status.Kind == FileKind.Directory;
                if (_takesAll && !isDirectory)
                {
                    FilesOf(parts).AddFile(entry, path, key);
                    continue;
                }
                var childPath = Below(path, name);
                var childBelow = Below(below, name);
                var selected = isSelected || include!.IsMatch(childBelow);
                var ignored = tree.Ignore.IsIgnored(childPath) || exclude.IsIgnored(childBelow);
                if (!isDirectory)
                {
                    if (selected && !ignored) FilesOf(parts).AddFile(entry, path, key);
                    continue;
                }
                if (ignored && !tree.Ignore.MayHoldIncluded(childPath) && !exclude.MayHoldIncluded(childBelow)) continue;
                if (!selected && !include!.MayMatchBelow(childBelow)) continue;
                var child = new Subdirectory(entry, childPath, key.Below(name), childBelow, selected, selected && !ignored);
                if (parts is null) AddSubdirectory(directory, child, depth);
                else parts.Add((NewPart(), child));
            }
            if (parts is null) return;
            AllCores.For(parts.Count, i =>
            {
                if (parts[i].Directory is { } child) parts[i].Scope.AddSubdirectory(directory, child, depth);
            }, few: 2);
            foreach (var (part, _) in parts) Append(part);
        }

        // The part that files go to: the last one, if it is of files.
        private Scope FilesOf(List<(Scope Scope, Subdirectory? Directory)>? parts)
        {
            if (parts is null) return this;
            if (parts.Count == 0 || parts[^1].Directory is not null) parts.Add((NewPart(), null));
            return parts[^1].Scope;
        }

        private Scope NewPart() => new(tree, include, exclude, cancellationToken);

        private void Append(Scope part)
        {
            var moved = _nodes.Append(part._nodes);
            foreach (var (file, directory) in part._unread) _unread.Add((new CopyNode(_nodes, file.Row + moved), directory));
        }

        private void AddSubdirectory(ViewDirectory directory, in Subdirectory child, int depth)
        {
            if (directory.TryOpen(child.Entry.Name) is not { } opened) return;
            using (opened)
            {
                var node = _nodes.Add(child.Entry.Name, default, child.Entry.Status, "", opened.Only is { } only ? FileAttributes.Read(only) : FileAttributes.Read(child.Entry.Holder, child.Entry.Name), isWayOnly: !child.IsSelected);
                AddChildren(opened, child.Path, child.Key, child.Below, child.IsSelected, depth + 1);
                _nodes.End(node);
                if (!child.IsWanted && !node.HasChildren) _nodes.Remove(node);
            }
        }

        private static string Below(string directory, string name) => directory.Length == 0 ? name : $"{directory}/{name}";

        // Those that follow each other are mostly in the same directory.
        private void Hash(int begin, int end)
        {
            ViewDirectory? parent = null;
            try
            {
                for (var i = begin; i < end; i++)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    var (node, directory) = _unread[i];
                    if (i == begin || !ReferenceEquals(directory, _unread[i - 1].Directory))
                    {
                        parent?.Dispose();
                        parent = tree.View.OpenDirectory("/" + directory);
                    }
                    var name = node.Name;
                    using var file = parent!.TryOpenFile(name, out _) ?? throw CrunException.WrongState($"/{Below(directory, name)}: the file changed while the build read it");
                    node.Content = tree.Index!.Hash(node.Path, name, file);
                }
            }
            finally
            {
                parent?.Dispose();
            }
        }
    }
}
