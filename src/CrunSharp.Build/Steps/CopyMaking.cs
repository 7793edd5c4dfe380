using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Build.Graph;
using CrunSharp.Build.Remote;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build.Steps;

/// <summary>Makes the steps of COPY and ADD.</summary>
/// <param name="downloads">Fetches files.</param>
/// <param name="git">Fetches repositories.</param>
/// <param name="show">Shows that something is fetched, until the result is disposed.</param>
internal sealed class CopyMaking(Downloads downloads, GitSource git, Func<string, IDisposable> show)
{
    /// <summary>Makes the step; what it takes is looked at, and fetched where its content has to be known.</summary>
    /// <param name="stage">The stage as it is before.</param>
    /// <param name="transfer">The instruction, its variables replaced.</param>
    /// <param name="getTree">Where its files are; asked only when it takes some.</param>
    /// <param name="view">The stage's files; null when it has none.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">A value is not allowed, or a source is not there.</exception>
    public async Task<CopyStep> MakeAsync(StageResult stage, TransferInstruction transfer, Func<Task<SourceTree>> getTree, LayerView? view, CancellationToken cancellationToken)
    {
        if (transfer.Sources.Count + transfer.Heredocs.Count > 1 && !transfer.Destination.EndsWith('/') && transfer.Destination is not ("." or ".."))
            throw CrunException.Invalid($"When using {transfer.Name} with more than one source file, the destination must be a directory and end with a /");
        // What lies on the host has owners that mean nothing in the image.
        var isOfHost = transfer is not CopyInstruction { From: not null } || (await getTree().ConfigureAwait(false)).View is { IsOverlay: false };
        (uint, uint)? owner = transfer.Owner is { } text ? OwnerOf(view, text) : isOfHost ? (0u, 0u) : null;
        var rules = new CopyRules(owner, transfer.Mode is { } mode ? ModeChange.Parse(mode) : null);
        var inputs = new List<ICopyInput>();
        Check(transfer);
        foreach (var source in transfer.Sources)
        {
            try
            {
                if (transfer is AddInstruction add && WebAddress.IsWeb(source)) inputs.Add(await FindAsync(add, source, cancellationToken).ConfigureAwait(false));
                else if (transfer is AddInstruction clone && GitLocation.IsGit(source)) inputs.Add(Find(clone, source, cancellationToken));
                else inputs.AddRange(Select(transfer, source, await getTree().ConfigureAwait(false), cancellationToken));
            }
            catch (CrunException error)
            {
                throw error.About(source);
            }
        }
        foreach (var (heredoc, body) in transfer.Heredocs.Zip(transfer.Bodies)) inputs.Add(new DocumentInput(heredoc.Name, body));
        return new CopyStep
        {
            History = HistoryOf(transfer),
            Op = transfer.Name,
            Inputs = inputs,
            Destination = DestinationOf(stage, transfer.Destination),
            Rules = rules,
            // As BuildKit: permissions that are changed make it an ordinary copy.
            IsLink = transfer is { Link: true, Mode: null },
        };
    }

    /// <summary>What the image's history says of an instruction.</summary>
    public static string HistoryOf(TransferInstruction transfer)
    {
        var flags = (transfer is CopyInstruction { Parents: true } ? " --parents" : "")
            + (transfer.Owner is { } owner ? $" --chown={owner}" : "") + (transfer.Mode is { } mode ? $" --chmod={mode}" : "");
        return $"{transfer.Name}{flags}{string.Concat(transfer.Sources.Select(static s => " " + WebAddress.Redact(s)))}{string.Concat(transfer.Heredocs.Select(static h => " <<" + h.Name))} {transfer.Destination} # buildkit";
    }

    // What can be said before anything is fetched.
    private static void Check(TransferInstruction transfer)
    {
        foreach (var source in transfer.Sources)
        {
            if (transfer is not CopyInstruction) continue;
            if (GitLocation.IsGit(source)) throw CrunException.Invalid("source can't be a git ref for COPY");
            if (WebAddress.IsWeb(source)) throw CrunException.Invalid("source can't be a URL for COPY");
        }
        if (transfer is not AddInstruction { Checksum: { Length: > 0 } checksum }) return;
        if (transfer.Sources.Count != 1) throw CrunException.Invalid("checksum can't be specified for multiple sources");
        if (GitLocation.IsGit(transfer.Sources[0])) GitLocation.CheckChecksum(checksum);
        else if (!WebAddress.IsWeb(transfer.Sources[0])) throw CrunException.Invalid("checksum requires HTTP(S) or Git sources");
        else if (!Digest.TryParse(checksum, out _)) throw CrunException.Invalid($"invalid checksum {GoText.Quote(checksum)}: not sha256: and 64 digits");
    }

    private Task<UrlInput> FindAsync(AddInstruction add, string source, CancellationToken cancellationToken) =>
        UrlInput.FindAsync(downloads, WebAddress.Parse(source), add.Checksum is { Length: > 0 } checksum ? Digest.Parse(checksum) : null,
            add.Unpack == true, show, cancellationToken);

    private GitInput Find(AddInstruction add, string source, CancellationToken cancellationToken)
    {
        var location = GitLocation.Parse(source);
        if (add.KeepGitDir is { } keep && location.KeepGitDirectory is { } asked && keep != asked) throw CrunException.Invalid("inconsistent keep-git-dir configuration");
        if (add.Checksum is { Length: > 0 } checksum)
        {
            if (location.Checksum is { } other && other != checksum) throw CrunException.Invalid($"checksum mismatch {GoText.Quote(checksum)} != {GoText.Quote(other)}");
            location = location with { Checksum = checksum };
        }
        DockerIgnore.FromPatterns(add.Exclude);
        var commit = git.Resolve(location, cancellationToken);
        return new GitInput(git, location, commit, location.KeepGitDirectory ?? add.KeepGitDir ?? false, add.Exclude, show);
    }

    private static IEnumerable<TreeInput> Select(TransferInstruction transfer, string source, SourceTree tree, CancellationToken cancellationToken)
    {
        var exclude = transfer.Exclude.Count == 0 ? DockerIgnore.None : DockerIgnore.FromPatterns(transfer.Exclude);
        var selected = transfer is CopyInstruction { Parents: true } ? tree.SelectWithParents(source, exclude, cancellationToken)
            : tree.Select(source, exclude, cancellationToken);
        var unpacks = transfer is AddInstruction add && add.Unpack != false;
        return selected.Select(one => new TreeInput(tree, one, unpacks && ArchiveUnpacker.IsArchive(tree, one)));
    }

    private static (uint, uint) OwnerOf(LayerView? view, string text)
    {
        try
        {
            return UserDatabase.Resolve(view, text);
        }
        catch (CrunException error)
        {
            throw error.About($"--chown={text}");
        }
    }

    private static string DestinationOf(StageResult stage, string written)
    {
        var destination = PosixPath.Join(stage.Image.WorkingDirectory, written);
        var isDirectory = written is "" or "." or ".." || written.EndsWith('/') || written.EndsWith("/.", StringComparison.Ordinal);
        return isDirectory && destination != "/" ? destination + "/" : destination;
    }
}
