using System.Collections.Concurrent;
using CrunSharp.Build.Cache;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Outputs;
using CrunSharp.Build.Progress;
using CrunSharp.Build.Remote;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Contexts;

/// <summary>
/// Contexts that are not directories of the caller's: what comes through a pipe, from a git repository, or by HTTP. They lie
/// in drafts for the time of the build; what is in them is nobody's to trust.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="cache">The build cache.</param>
/// <param name="request">What is built.</param>
internal sealed class FetchedContexts(Store store, BuildCache cache, BuildRequest request) : IDisposable
{
    private const int MostSources = 64;

    private readonly ConcurrentBag<IDisposable> _owned = [];
    private readonly ConcurrentDictionary<string, Lazy<Task<string>>> _named = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, long> _times = new(StringComparer.Ordinal);
    private readonly Downloads _downloads = new(store, cache.Downloads) { MostBytes = request.MostFetchedBytes };
    private readonly GitSource _git = new(store) { MostBytes = request.MostFetchedBytes };

    /// <summary>When the build's own context was made: its commit, what its server says, or its newest file; null for a directory.</summary>
    public long? Time { get; private set; }

    /// <summary>The same of a named context, or of anything else that was fetched.</summary>
    /// <param name="path">Its directory.</param>
    public long? TimeOf(string path) => _times.TryGetValue(path, out var time) ? time : null;

    /// <summary>The request with the directory of its own context, and the Dockerfile that is in it.</summary>
    /// <param name="show">Shows that something is fetched, until the result is disposed.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">The context cannot be had, is too large or damaged, or has no Dockerfile.</exception>
    public async Task<BuildRequest> ResolveAsync(Func<string, IDisposable> show, CancellationToken cancellationToken)
    {
        if (request.PipedContext is { } input) return OfStream(input, "the build context", default, cancellationToken);
        if (request.RemoteContext is not { } text) return request;
        var address = ContextAddress.OfBuild(text);
        if (address.Kind == ContextKind.Git)
        {
            var path = await CheckoutAsync(address.Value, show, cancellationToken).ConfigureAwait(false);
            Time = TimeOf(path);
            return In(path, text);
        }
        if (address.Kind != ContextKind.Web) throw CrunException.Invalid($"{GoText.Quote(text)} is neither a git repository nor an http(s) URL");
        var (file, modified) = await DownloadAsync(address.Value, show, cancellationToken).ConfigureAwait(false);
        using (file) return OfStream(file, WebAddress.Redact(address.Value), modified, cancellationToken);
    }

    /// <summary>Fetches a named context, once.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="address">Where it is.</param>
    /// <param name="show">Shows that something is fetched, until the result is disposed.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>Its directory.</returns>
    /// <exception cref="CrunException">It cannot be had, or is too large or damaged.</exception>
    public Task<string> FetchAsync(string name, ContextAddress address, Func<string, IDisposable> show, CancellationToken cancellationToken) =>
        _named.GetOrAdd(name, _ => new(() => FetchNowAsync(address, show, cancellationToken))).Value;

    /// <summary>The directory of a named context that was fetched.</summary>
    public string PathOf(string name) => _named.TryGetValue(name, out var known) && known.Value is { IsCompletedSuccessfully: true, Result: var path }
        ? path : throw CrunException.WrongState($"the context {name} was not fetched");

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var owned in _owned) owned.Dispose();
        _downloads.Dispose();
    }

    private async Task<string> FetchNowAsync(ContextAddress address, Func<string, IDisposable> show, CancellationToken cancellationToken)
    {
        if (address.Kind == ContextKind.Git) return await CheckoutAsync(address.Value, show, cancellationToken).ConfigureAwait(false);
        if (_named.Count > MostSources) throw CrunException.Invalid($"there are more than {MostSources} contexts to fetch");
        var shown = WebAddress.Redact(address.Value);
        var (content, modified) = await DownloadAsync(address.Value, show, cancellationToken).ConfigureAwait(false);
        using var stream = ArchiveContext.Begin(content, out var isArchive);
        if (isArchive)
        {
            var files = Own(ArchiveContext.Unpack(store, stream, shown, request.MostFetchedBytes, cancellationToken));
            Note(files.Path, modified, files.Directory);
            return files.Path;
        }
        // As BuildKit: a file that is no archive lies in a directory by itself.
        var draft = Own(store.Layers.Begin());
        Note(draft.Path, modified, null);
        using var file = FileAt.Open(draft.Directory, WebAddress.NameOf(WebAddress.Parse(address.Value)), OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOFOLLOW, 0x180);
        await using var target = new FileStream(new SafeFileHandle(file.DangerousGetHandle(), ownsHandle: false), FileAccess.Write, 0);
        await stream.CopyToAsync(target, cancellationToken).ConfigureAwait(false);
        return draft.Path;
    }

    // What its server says goes before what an archive says.
    private void Note(string path, FileTime modified, SafeFileHandle? files)
    {
        if (modified.Seconds > 0) _times[path] = modified.Seconds;
        else if (files is not null && ArchiveContext.NewestOf(files) is { } newest) _times[path] = newest;
    }

    private async Task<(FileStream Content, FileTime Modified)> DownloadAsync(string address, Func<string, IDisposable> show, CancellationToken cancellationToken)
    {
        var download = await _downloads.GetAsync(WebAddress.Parse(address), null, () => show($"fetch {WebAddress.Redact(address)}"), cancellationToken).ConfigureAwait(false);
        return (new FileStream(FileAt.Open(download.Directory, download.Content.Hex, OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW), FileAccess.Read, 128 * 1024), download.Modified);
    }

    // git waits for a server: not on a thread of the pool.
    private Task<string> CheckoutAsync(string address, Func<string, IDisposable> show, CancellationToken cancellationToken) => Task.Factory.StartNew(() =>
    {
        var location = GitLocation.Parse(address);
        using var shown = show($"fetch {location.Shown}{(location.Ref.Length > 0 ? "#" + location.Ref : "")}");
        var keeps = location.KeepGitDirectory ?? (request.BuildArgs.TryGetValue("BUILDKIT_CONTEXT_KEEP_GIT_DIR", out var keep) && keep is "1" or "true");
        var checkout = Own(FetchingStep.Watch(shown, () => _git.Checkout(location, _git.Resolve(location, cancellationToken), keeps, cancellationToken)));
        var directory = LayerView.OfDirectory(checkout.Directory).Resolve(PosixPath.InRoot(location.Subdirectory));
        var path = checkout.Path + directory.Path.TrimEnd('/');
        _times[path] = checkout.Time.Seconds;
        return directory.IsDirectory ? path
            : throw CrunException.NotFound($"{GoText.Quote(location.Subdirectory)}: {(directory.Status is null ? "not found" : "not a directory")}", $"{location.Shown}: subdirectory");
    }, cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private BuildRequest OfStream(Stream input, string what, FileTime modified, CancellationToken cancellationToken)
    {
        var whole = ArchiveContext.Begin(input, out var isArchive);
        if (modified.Seconds > 0) Time = modified.Seconds;
        if (!isArchive) return request with { DockerfileContent = ArchiveContext.ReadText(whole) };
        var files = Own(ArchiveContext.Unpack(store, whole, what, request.MostFetchedBytes, cancellationToken));
        if (SourceDateEpoch.MayBeContext(request)) Time ??= ArchiveContext.NewestOf(files.Directory);
        return In(files.Path, "-");
    }

    private BuildRequest In(string directory, string name)
    {
        using var opened = FileAt.OpenDirectory(directory);
        return request with
        {
            ContextDirectory = directory,
            FetchedAs = name,
            DockerfileContent = request.DockerfileContent ?? ArchiveContext.ReadDockerfile(LayerView.OfDirectory(opened), request.DockerfilePath),
        };
    }

    private T Own<T>(T owned) where T : IDisposable
    {
        _owned.Add(owned);
        return owned;
    }
}
