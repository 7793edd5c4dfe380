using System.Globalization;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Remote;

/// <summary>What of a repository is wanted, found.</summary>
/// <param name="Commit">The commit's id.</param>
/// <param name="Ref">The whole name of the branch or tag that it was found by; null when the commit itself was named.</param>
/// <param name="Tag">The id of the annotated tag that leads to it; null when there is none.</param>
internal sealed record GitCommit(string Commit, string? Ref, string? Tag);

/// <summary>Gets repositories for ADD and contexts.</summary>
/// <param name="store">Where a repository is for the time of the step.</param>
internal sealed class GitSource(Store store)
{
    private const string TreeName = "tree";
    private const int MostDepth = 1024;

    private GitProgram? _git;

    /// <summary>The most room that a repository and its files may take on the disk, in bytes.</summary>
    public long MostBytes { get; init; } = 64L << 30;

    private GitProgram Git => _git ??= GitProgram.Find();

    /// <summary>Finds the commit: asks the repository, unless the address has its whole id.</summary>
    /// <exception cref="CrunException">The repository cannot be asked, or has no such branch or tag, or another commit than it should.</exception>
    public GitCommit Resolve(GitLocation location, CancellationToken cancellationToken)
    {
        var found = GitLocation.IsCommit(location.Ref) ? new GitCommit(location.Ref, null, null) : Ask(location, cancellationToken);
        if (location.Checksum is { } checksum && !found.Commit.StartsWith(checksum, StringComparison.OrdinalIgnoreCase)
            && found.Tag?.StartsWith(checksum, StringComparison.OrdinalIgnoreCase) != true)
            throw CrunException.Integrity($"expected checksum to match {checksum}, got {found.Commit}{(found.Tag is null ? "" : $" or {found.Tag}")}", location.Shown);
        return found;
    }

    /// <summary>Fetches the files of a commit.</summary>
    /// <returns>A draft: its directory has the files in <c>tree</c>. To be disposed.</returns>
    /// <exception cref="CrunException">The commit cannot be had.</exception>
    public GitCheckout Checkout(GitLocation location, GitCommit commit, bool keepGitDirectory, CancellationToken cancellationToken)
    {
        var draft = store.Layers.Begin();
        try
        {
            FileAt.MakeDirectory(draft.Directory, TreeName);
            var tree = $"{draft.Path}/{TreeName}";
            Action watch = () => CheckSize(location, draft);
            Fetch(location, commit, tree, watch, cancellationToken);
            Run(location, tree, ["checkout", "-q", "--force", "--detach", commit.Commit], cancellationToken, watch);
            if (location.Submodules) UpdateSubmodules(location, tree, watch, cancellationToken);
            CheckSize(location, draft);
            var seconds = Run(location, tree, ["show", "-s", "--format=%ct", commit.Commit], cancellationToken).Trim();
            var time = new FileTime(long.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out var committed) ? committed : 0, 0);

            using (var directory = FileAt.Open(draft.Directory, TreeName, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW))
            {
                if (keepGitDirectory) CleanGitDirectory(location, tree, directory, cancellationToken);
                Normalize(directory, keepGitDirectory, time, 0);
            }
            FileAt.SetTime(draft.Directory, TreeName, time);
            return new GitCheckout(draft, FileAt.Open(draft.Directory, TreeName, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW), tree) { Time = time };
        }
        catch
        {
            draft.Dispose();
            throw;
        }
    }

    // A repository may be small on the wire and large here.
    private void CheckSize(GitLocation location, LayerDraft draft)
    {
        if (DiskUsage.Of(null, draft.Path) > MostBytes) throw CrunException.Integrity($"the repository takes more than {MostBytes} bytes", $"git fetch {location.Shown}");
    }

    // A branch wins over a tag of the same name, as in git checkout.
    private GitCommit Ask(GitLocation location, CancellationToken cancellationToken)
    {
        var name = location.Ref.Length == 0 ? "HEAD" : location.Ref;
        var output = Git.Run($"git ls-remote {location.Shown}", "/", ["ls-remote", "--symref", "--", location.Remote, name, name + "^{}"], cancellationToken);
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        string? head = null;
        foreach (var line in output.Split('\n'))
        {
            var tab = line.IndexOf('\t', StringComparison.Ordinal);
            if (tab < 0) continue;
            var (id, full) = (line[..tab], line[(tab + 1)..]);
            if (GitLocation.IsCommit(id)) found.TryAdd(full, id);
            else if (full == "HEAD" && id.StartsWith("ref: refs/heads/", StringComparison.Ordinal)) head = id[5..];
        }
        if (name == "HEAD" && found.TryGetValue("HEAD", out var checkedOut)) return new GitCommit(checkedOut, head, null);
        foreach (var full in (string[])[name.StartsWith("refs/", StringComparison.Ordinal) ? name : "refs/" + name, $"refs/heads/{name}", $"refs/tags/{name}"])
        {
            if (!found.TryGetValue(full, out var id)) continue;
            return found.TryGetValue(full + "^{}", out var target) ? new GitCommit(target, full, id) : new GitCommit(id, full, null);
        }
        throw CrunException.NotFound($"repository does not contain ref {(location.Ref.Length == 0 ? "HEAD" : location.Ref)}", location.Shown);
    }

    // As little as the server gives; servers that give no single commits have to give all.
    private void Fetch(GitLocation location, GitCommit commit, string tree, Action watch, CancellationToken cancellationToken)
    {
        var format = commit.Commit.Length == 64 ? new[] { "init", "-q", "--template=", "--object-format=sha256", "." } : ["init", "-q", "--template=", "."];
        Run(location, tree, format, cancellationToken);
        Run(location, tree, ["config", "remote.origin.url", location.Remote], cancellationToken);
        var wanted = commit.Ref is { } name ? $"+{name}:{LocalNameOf(name)}" : commit.Commit;
        List<string[]> ways =
        [
            ["fetch", "-q", "-u", "--depth=1", "--no-tags", "--no-recurse-submodules", "origin", wanted],
            ["fetch", "-q", "-u", "--no-tags", "--no-recurse-submodules", "origin", wanted],
            ["fetch", "-q", "-u", "--tags", "--no-recurse-submodules", "origin", "+refs/heads/*:refs/remotes/origin/*"],
        ];
        foreach (var way in ways)
        {
            var (status, output) = Git.TryRun(tree, way, cancellationToken, watch);
            if (status == 0 && Git.TryRun(tree, ["cat-file", "-e", commit.Commit + "^{commit}"], cancellationToken).Status == 0) return;
            var isLast = way == ways[^1];
            if (status != 0 && (isLast || !MayGoAnotherWay(output)))
                throw new CrunException(ErrorKind.Network, GitProgram.ReasonOf(output, status), $"git fetch {location.Shown}");
            if (isLast) throw CrunException.NotFound($"repository does not contain commit {commit.Commit}", location.Shown);
        }
    }

    // For "git describe" and the like, branches and tags have their own names.
    private static string LocalNameOf(string full) =>
        full.StartsWith("refs/heads/", StringComparison.Ordinal) || full.StartsWith("refs/tags/", StringComparison.Ordinal) ? full : "refs/remotes/origin/fetched";

    private static bool MayGoAnotherWay(string output) =>
        output.Contains("shallow", StringComparison.Ordinal) || output.Contains("depth", StringComparison.Ordinal)
        || output.Contains("not our ref", StringComparison.Ordinal) || output.Contains("unadvertised object", StringComparison.Ordinal)
        || output.Contains("couldn't find remote ref", StringComparison.Ordinal);

    private void UpdateSubmodules(GitLocation location, string tree, Action watch, CancellationToken cancellationToken)
    {
        if (FileAt.TryStatus(null, $"{tree}/.gitmodules") is null) return;
        string[] update = ["submodule", "-q", "update", "--init", "--checkout", "--force", "--recursive", "--depth=1"];
        var (status, output) = Git.TryRun(tree, update, cancellationToken, watch);
        if (status == 0) return;
        if (MayGoAnotherWay(output)) (status, output) = Git.TryRun(tree, update[..^1], cancellationToken, watch);
        if (status != 0) throw new CrunException(ErrorKind.Network, GitProgram.ReasonOf(output, status), $"update submodules of {location.Shown}");
    }

    // What says when and how it came here is not part of it, and no password stays.
    private void CleanGitDirectory(GitLocation location, string tree, SafeFileHandle directory, CancellationToken cancellationToken)
    {
        Run(location, tree, ["config", "remote.origin.url", location.Shown], cancellationToken);
        foreach (var name in (string[])["FETCH_HEAD", "ORIG_HEAD", "logs"]) FileAt.RemoveTree(directory, $".git/{name}");
    }

    // 644 or 755 whatever the umask, and the commit's time; of git's own files nothing stays unless it is wanted.
    private static void Normalize(SafeFileHandle directory, bool keepsGit, FileTime time, int depth)
    {
        if (depth > MostDepth) throw CrunException.Invalid($"directories are nested more than {MostDepth} deep", "check out");
        foreach (var name in FileAt.List(directory))
        {
            if (name == ".git" && !keepsGit)
            {
                FileAt.RemoveTree(directory, name);
                continue;
            }
            var status = FileAt.Status(directory, name);
            if (status.Kind == FileKind.Directory)
            {
                using var inner = FileAt.Open(directory, name, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW);
                Normalize(inner, keepsGit, time, depth + 1);
            }
            if (status.Kind != FileKind.SymbolicLink) FileAt.SetMode(directory, name, status.Kind == FileKind.Directory || (status.Mode & 0x40) != 0 ? 0x1edu : 0x1a4u);
            FileAt.SetTime(directory, name, time);
        }
    }

    private string Run(GitLocation location, string tree, IReadOnlyList<string> arguments, CancellationToken cancellationToken, Action? watch = null) =>
        Git.Run($"git {arguments[0]} {location.Shown}", tree, arguments, cancellationToken, watch);
}

/// <summary>The files of a commit.</summary>
/// <param name="draft">What they are in.</param>
/// <param name="directory">Their directory.</param>
/// <param name="path">Its path.</param>
internal sealed class GitCheckout(LayerDraft draft, SafeFileHandle directory, string path) : IDisposable
{
    /// <summary>Their directory's path.</summary>
    public string Path => path;

    /// <summary>When the commit was made.</summary>
    public FileTime Time { get; init; }

    /// <summary>Their directory.</summary>
    public SafeFileHandle Directory => directory;

    public void Dispose()
    {
        directory.Dispose();
        draft.Dispose();
    }
}
