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
    /// <exception cref="CrunException">A source without wildcards is not there, or is ignored.</exception>
    public List<CopySource> Select(string pattern, DockerIgnore exclude, CancellationToken cancellationToken)
    {
        var path = PosixPath.InRoot(pattern);
        var sources = new List<CopySource>();
        if (PathMatch.HasWildcards(path))
        {
            foreach (var match in Expand(path))
            {
                if (!IsIgnored(match) && !exclude.IsIgnored(PosixPath.Name(match)) && SelectOne(match, exclude, cancellationToken) is { } source)
                    sources.Add(source);
            }
            return sources;
        }
        if (IsIgnored(path)) throw NotFound(path);
        sources.Add(SelectOne(path, exclude, cancellationToken) ?? throw NotFound(path));
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
        foreach (var path in PathMatch.HasWildcards(top) ? Expand(top) : [top])
        {
            var resolved = View.Resolve(path);
            if (!PathMatch.HasWildcards(top) && !resolved.IsDirectory) throw NotFound(path);
            if (!resolved.IsDirectory || IsIgnored(resolved.Path)) continue;
            var source = SelectDirectory(resolved, PosixPath.Name(path), kept.Length == 0 ? null : match, exclude, cancellationToken);
            if (source.Node.Children.Count > 0) sources.Add(source);
        }
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
        return resolved.IsDirectory ? SelectDirectory(resolved, resolved.Name, null, exclude, cancellationToken)
            : throw CrunException.NotFound($"{GoText.Quote(path)}: {(resolved.Status is null ? "not found" : "not a directory")}");
    }

    /// <summary>What is at one path: no wildcards, the last link followed, hashes made.</summary>
    /// <exception cref="CrunException">Nothing is there, or it is ignored.</exception>
    public CopySource Get(string path, CancellationToken cancellationToken)
    {
        path = PosixPath.InRoot(path);
        if (IsIgnored(path)) throw NotFound(path);
        return SelectOne(path, DockerIgnore.None, cancellationToken) ?? throw NotFound(path);
    }

    private bool IsIgnored(string path) => path.Length > 1 && Ignore.IsIgnored(path[1..]) && !Ignore.MayHoldIncluded(path[1..]);

    private CopySource? SelectOne(string path, DockerIgnore exclude, CancellationToken cancellationToken)
    {
        var resolved = View.Resolve(path);
        if (resolved.Status is null || IsIgnored(resolved.Path)) return null;
        var name = PosixPath.Name(path);
        if (resolved.IsDirectory)
        {
            var source = SelectDirectory(resolved, name, null, exclude, cancellationToken);
            return source.Node.Children.Count == 0 && resolved.Path.Length > 1 && Ignore.IsIgnored(resolved.Path[1..]) ? null : source;
        }
        if (Ignore.IsIgnored(resolved.Path[1..])) return null;
        using var parent = View.OpenDirectory(resolved.Parent);
        if (parent.Find(resolved.Name) is not { } entry) return null;
        var scope = new Scope(this, null, exclude, cancellationToken);
        var file = scope.Describe(entry, resolved.Path[1..]);
        scope.HashAll();
        return new CopySource(file, resolved.Parent, name);
    }

    private CopySource SelectDirectory(in ResolvedPath resolved, string name, PathMatch? include, DockerIgnore exclude, CancellationToken cancellationToken)
    {
        using var directory = View.OpenDirectory(resolved.Path);
        var node = new CopyNode { Name = resolved.Name, Status = resolved.Status!.Value };
        var scope = new Scope(this, include, exclude, cancellationToken);
        scope.AddChildren(node, directory, resolved.Path[1..], "", include is null, 0);
        scope.HashAll();
        return new CopySource(node, resolved.Parent, name);
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

    // The walk through one source.
    private sealed class Scope(SourceTree tree, PathMatch? include, DockerIgnore exclude, CancellationToken cancellationToken)
    {
        private readonly List<CopyNode> _unread = [];

        public void AddChildren(CopyNode node, ViewDirectory directory, string path, string below, bool isSelected, int depth)
        {
            if (depth > MostDepth) throw CrunException.Invalid($"/{path}: directories are nested more than {MostDepth} deep");
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var name in directory.Names())
            {
                var childPath = path.Length == 0 ? name : $"{path}/{name}";
                var childBelow = below.Length == 0 ? name : $"{below}/{name}";
                if (directory.Find(name) is not { } entry || entry.Status.Kind is FileKind.Socket or FileKind.Unknown) continue;
                var selected = isSelected || include!.IsMatch(childBelow);
                var ignored = tree.Ignore.IsIgnored(childPath) || exclude.IsIgnored(childBelow);
                if (entry.Status.Kind != FileKind.Directory)
                {
                    if (selected && !ignored) node.Children.Add(Describe(entry, childPath));
                    continue;
                }
                if (ignored && !tree.Ignore.MayHoldIncluded(childPath) && !exclude.MayHoldIncluded(childBelow)) continue;
                if (!selected && !include!.MayMatchBelow(childBelow)) continue;
                if (directory.TryOpen(name) is not { } opened) continue;
                using (opened)
                {
                    var child = new CopyNode { Name = name, Status = entry.Status, Attributes = FileAttributes.Read(entry.Holder, name), IsWayOnly = !selected };
                    AddChildren(child, opened, childPath, childBelow, selected, depth + 1);
                    // An ignored directory is there only for what a "!" pattern brought back in it, one on the way for what was selected.
                    if ((selected && !ignored) || child.Children.Count > 0) node.Children.Add(child);
                }
            }
        }

        public CopyNode Describe(in ViewEntry entry, string path)
        {
            if (entry.Status.IsWhiteout)
                throw CrunException.Invalid($"/{path}: a character device 0:0 is overlayfs's mark of a removed file and cannot be copied");
            var known = entry.Status.Kind == FileKind.Regular ? tree.Index?.TryGet(path, entry.Status) : null;
            var node = new CopyNode
            {
                Name = entry.Name,
                Path = path,
                Status = entry.Status,
                LinkTarget = entry.Status.Kind == FileKind.SymbolicLink ? FileAt.ReadSymbolicLink(entry.Holder, entry.Name) : "",
                Attributes = known is { HasAttributes: false } ? [] : FileAttributes.Read(entry.Holder, entry.Name),
            };
            if (entry.Status.Kind != FileKind.Regular || tree.Index is null) return node;
            if (known is { } file) node.Content = file.Content;
            else _unread.Add(node);
            return node;
        }

        // Files of which nothing is known are read side by side: hashing is what a first COPY spends its time on.
        public void HashAll()
        {
            var options = new ParallelOptions { CancellationToken = cancellationToken, MaxDegreeOfParallelism = Environment.ProcessorCount };
            if (_unread.Count > 1) Try(() => Parallel.ForEach(_unread, options, Hash));
            else _unread.ForEach(Hash);
        }

        private void Hash(CopyNode unread)
        {
            using var parent = tree.View.OpenDirectory(new ResolvedPath("/" + unread.Path, null).Parent);
            if (parent.Find(unread.Name) is not { Status.Kind: FileKind.Regular } entry)
                throw CrunException.WrongState($"/{unread.Path}: the file changed while the build read it");
            using var file = parent.OpenFile(entry);
            unread.Content = tree.Index!.Hash(unread.Path, file);
        }

        private static void Try(Action parallel)
        {
            try
            {
                parallel();
            }
            catch (AggregateException errors)
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(errors.InnerExceptions[0]);
            }
        }
    }
}
