using CrunSharp.Build.Cache;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Oci;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Steps;

/// <summary>A mount of a RUN with the files that it shows.</summary>
/// <param name="Mount">The mount, its target absolute.</param>
/// <param name="Tree">Where its files come from; null when it has none.</param>
/// <param name="Files">Those files; null when it has none.</param>
internal sealed record RunMountSource(RunMount Mount, SourceTree? Tree, CopySource? Files)
{
    /// <summary>Where it is, absolute.</summary>
    public required string Target { get; init; }

    /// <summary>What of it belongs to the step's key: of secrets and agents, that they are there.</summary>
    public string Key => string.Join(' ', Mount.Type, GoText.Quote(Target), GoText.Quote(Mount.Source ?? ""), GoText.Quote(Mount.Id ?? ""), Mount.ReadOnly,
        Mount is { Type: RunMountType.Tmpfs, Mode: { } mode } ? $"{Mount.Size}/{mode}" : Mount.Size, Mount.Variable, Files is null ? "" : CopyStep.DigestOf(Files, Rules).ToString());

    /// <summary>The id of its cache.</summary>
    /// <param name="prefix">What goes before all of them.</param>
    public string CacheId(string prefix) => prefix + (Mount.Id ?? PosixPath.InRoot(Target));

    /// <summary>Owners as COPY would make them: those of a context are root's.</summary>
    public CopyRules Rules => new(Tree is { View.IsOverlay: false } ? (0u, 0u) : null, null);
}

/// <summary>
/// What is mounted while a RUN runs. What is bound are directories and files that are there for this command alone: a copy of
/// what is taken from a context, or the layers of a stage or image with a directory of their own on top.
/// </summary>
/// <param name="store">Where what is only for this command lies.</param>
/// <param name="caches">The caches.</param>
/// <param name="fill">Fills a cache that is made, if it knows it.</param>
internal sealed class StepMounts(Store store, CacheMounts caches, Func<string, SafeFileHandle, CancellationToken, bool>? fill = null) : IDisposable
{
    private readonly List<IDisposable> _owned = [];
    private readonly Dictionary<string, CacheMount> _caches = new(StringComparer.Ordinal);

    /// <summary>The mounts, for <see cref="StepSpec.Mounts"/>.</summary>
    public List<StepMount> Mounts { get; } = [];

    /// <summary>Opens a cache, unless it is open: a step that mounts one twice does not wait for itself.</summary>
    /// <param name="source">The mount.</param>
    /// <param name="id">Its id.</param>
    /// <param name="cancellationToken">Ends the wait for who has it.</param>
    /// <exception cref="CrunException">It cannot be made.</exception>
    public async Task OpenCacheAsync(RunMountSource source, string id, CancellationToken cancellationToken)
    {
        if (_caches.ContainsKey(id)) return;
        var mount = source.Mount;
        _caches[id] = Own(await caches.OpenAsync(id, mount.Sharing, directory =>
        {
            if (fill?.Invoke(id, directory, cancellationToken) != true && source.Files is { } files)
            {
                if (!files.IsDirectory) throw CrunException.Invalid($"{mount.Source}: a cache mount starts from a directory");
                new CopyWriter(directory, null, source.Rules, cancellationToken).Copy(source.Tree!, files, "/");
            }
            FileAt.SetOwner(directory, ".", mount.Uid, mount.Gid);
            FileAt.SetMode(directory, ".", mount.Mode ?? 0x1ed);
        }, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Makes what a mount shows.</summary>
    /// <param name="source">The mount; a cache is open.</param>
    /// <param name="cacheId">The id of its cache.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">It cannot be.</exception>
    public void Add(RunMountSource source, string cacheId, CancellationToken cancellationToken)
    {
        var (mount, target) = (source.Mount, source.Target);
        switch (mount.Type)
        {
            case RunMountType.Bind:
                Mounts.Add(new StepMount { Target = target, Source = Files(source, cancellationToken), ReadOnly = mount.ReadOnly ?? true });
                break;
            case RunMountType.Cache:
                Mounts.Add(new StepMount { Target = target, Source = _caches[cacheId].Directory, ReadOnly = mount.ReadOnly ?? false });
                break;
            case RunMountType.Tmpfs:
                Mounts.Add(new StepMount { Target = target, TmpfsSize = mount.Size, TmpfsMode = mount.Mode ?? 0x3ff, ReadOnly = mount.ReadOnly ?? false });
                break;
        }
    }

    /// <summary>Opens a directory or file of the host.</summary>
    /// <exception cref="CrunException">It is not there.</exception>
    public void AddVolume(StepVolume volume) => Mounts.Add(new StepMount { Target = volume.Target, Source = Own(FileAt.Open(null, volume.Source, OpenFlags.O_PATH)), ReadOnly = volume.ReadOnly });

    /// <summary>Makes a socket that leads to the caller's SSH agent.</summary>
    /// <param name="target">Where it is in the step.</param>
    /// <param name="agent">The agent's socket.</param>
    /// <param name="mode">Its permissions.</param>
    /// <param name="uid">Its owner.</param>
    /// <param name="gid">Its group.</param>
    /// <exception cref="CrunException">It cannot be made.</exception>
    public void AddAgent(string target, string agent, uint mode, uint uid, uint gid)
    {
        const string name = "agent";
        var draft = Own(store.Layers.Begin());
        using var directory = FileAt.OpenDirectory(draft.WorkPath);
        Own(AgentSocket.Listen(directory, name, agent));
        FileAt.SetOwner(directory, name, uid, gid);
        FileAt.SetMode(directory, name, mode);
        Mounts.Add(new StepMount { Target = target, Source = Own(FileAt.Open(directory, name, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW)) });
    }

    /// <summary>Lets go of all; what was only for this command is removed.</summary>
    public void Dispose()
    {
        for (var i = _owned.Count - 1; i >= 0; i--) _owned[i].Dispose();
    }

    private SafeFileHandle Files(RunMountSource source, CancellationToken cancellationToken)
    {
        var draft = Own(store.Layers.Begin());
        var files = source.Files!;
        if (source.Tree!.View is { IsOverlay: true } layers && DetachedMount.CanBeCopied) return Own(Overlaid(layers, files, draft));
        new CopyWriter(draft.Directory, null, source.Rules, cancellationToken).Copy(source.Tree, files, files.IsDirectory ? "/files/" : "/file");
        return Own(FileAt.Open(draft.Directory, files.IsDirectory ? "files" : "file", OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW));
    }

    // The mount is there as long as it is open.
    private SafeFileHandle Overlaid(LayerView view, CopySource files, LayerDraft draft)
    {
        List<ViewLayer> layers = [.. view.Layers.Reverse()];
        var lowers = layers.ConvertAll(static layer => layer.Directory);
        using var implied = FileAt.OpenDirectory(draft.ImpliedPath);
        using var upper = FileAt.OpenDirectory(draft.Path);
        using var work = FileAt.OpenDirectory(draft.WorkPath);
        if (ImpliedDirectories.AreIn(layers))
        {
            ImpliedDirectories.Write(layers, implied);
            lowers.Add(implied);
        }
        var root = Own(DetachedMount.Overlay(lowers, upper, work, isVolatile: true));
        return FileAt.OpenInRoot(root, $"{files.Parent}/{files.Node.Name}", OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW);
    }

    private T Own<T>(T owned) where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }
}
