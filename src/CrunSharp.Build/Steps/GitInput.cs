using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Graph;
using CrunSharp.Build.Remote;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build.Steps;

/// <summary>
/// The files of a commit, which are fetched only when the step has to be done: a commit's id says what it has, wherever the
/// repository is.
/// </summary>
/// <param name="Source">Fetches it.</param>
/// <param name="Location">Where it is.</param>
/// <param name="Commit">The commit.</param>
/// <param name="KeepsGitDirectory">Whether <c>.git</c> stays.</param>
/// <param name="Exclude">The patterns of what is left out.</param>
/// <param name="Show">Shows that it is fetched, until the result is disposed.</param>
internal sealed record GitInput(GitSource Source, GitLocation Location, GitCommit Commit, bool KeepsGitDirectory, IReadOnlyList<string> Exclude, Func<string, IDisposable> Show) : ICopyInput
{
    private bool IsWhole => PosixPath.InRoot(Location.Subdirectory) == "/";

    public void AppendTo(KeyHash hash, CopyRules rules)
    {
        hash.Append("git");
        hash.Append(Commit.Commit);
        hash.Append(PosixPath.InRoot(Location.Subdirectory));
        hash.Append(Location.Submodules ? 1 : 0);
        hash.Append(GoText.Quote(Exclude));
        if (!KeepsGitDirectory || !IsWhole) return;
        // What .git says of where it came from.
        hash.Append($"{Location.Shown} {Commit.Ref} {Commit.Tag}");
    }

    public Task WriteAsync(CopyTarget target, CancellationToken cancellationToken)
    {
        using var shown = Show($"git {Location.Shown}#{Commit.Ref ?? Commit.Commit}");
        using var checkout = Source.Checkout(Location, Commit, KeepsGitDirectory && IsWhole, cancellationToken);
        var tree = new SourceTree(LayerView.OfDirectory(checkout.Directory), DockerIgnore.None, Index: null, MayChange: false);
        CopySource content;
        try
        {
            content = tree.SelectContent(Location.Subdirectory, DockerIgnore.FromPatterns(Exclude), cancellationToken);
        }
        catch (CrunException error)
        {
            throw error.Within($"{Location.Shown}: subdirectory");
        }
        target.Writer.Copy(tree, content, target.Destination);
        return Task.CompletedTask;
    }
}
