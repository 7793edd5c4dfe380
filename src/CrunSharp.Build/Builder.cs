using CrunSharp.Build.Cache;
using CrunSharp.Build.Contexts;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Linting;
using CrunSharp.Build.Outputs;
using CrunSharp.Build.Progress;
using CrunSharp.Build.Steps;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Storage;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build;

/// <summary>Builds images from Dockerfiles, into a store.</summary>
/// <param name="store">Where images and layers are.</param>
/// <param name="clock">The time.</param>
public sealed class Builder(Store store, TimeProvider? clock = null)
{
    private const OpenFlags ForReading = OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK | OpenFlags.O_NOCTTY;
    internal static readonly string[] DefaultNames = ["Dockerfile", "dockerfile", "Containerfile"];

    /// <summary>Builds an image.</summary>
    /// <param name="request">What to build.</param>
    /// <param name="runner">Runs the commands of RUN.</param>
    /// <param name="progress">Is told what happens.</param>
    /// <param name="cancellationToken">Stops the build: the running command is killed, and nothing is left of its step.</param>
    /// <exception cref="CrunException">
    /// The Dockerfile is wrong (<see cref="DockerfileError.ExcerptOf"/> has the lines), a step failed, or an image is missing.
    /// </exception>
    public async Task<BuildResult> BuildAsync(BuildRequest request, IStepRunner runner, IBuildProgress progress, CancellationToken cancellationToken)
    {
        Exporter.Check(request);
        using var cache = BuildCache.Open(store.Root);
        var shown = new StepNumbers(progress);
        using var contexts = new FetchedContexts(store, cache, request);
        request = await contexts.ResolveAsync(shown.Fetching, cancellationToken).ConfigureAwait(false);
        var linter = new Linter(progress.Lint);
        var (file, arguments) = DockerfileCheck.Read(ReadDockerfile(request), request, linter);
        request = await new EpochSource(file, contexts, shown.Fetching).ResolveAsync(request, arguments, cancellationToken).ConfigureAwait(false);
        arguments = DockerfileCheck.ArgumentsOf(file, request);
        Exporter.CheckTime(request);
        await using var build = new BuildRun(store, cache, request, file, arguments, linter, runner, progress, clock ?? TimeProvider.System, contexts, shown);
        return await build.RunAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Looks at a Dockerfile as a build would that has the same request, without building.</summary>
    /// <param name="request">What a build would be asked for.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">There is no Dockerfile. What is wrong with it is part of the result.</exception>
    public CheckResult Lint(BuildRequest request, CancellationToken cancellationToken)
    {
        return InContext(request, resolved => DockerfileCheck.Run(store, ReadDockerfile(resolved), resolved, clock ?? TimeProvider.System), cancellationToken);
    }

    /// <summary>What a build may be given.</summary>
    /// <param name="request">What a build would be asked for.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">There is no Dockerfile, or it is wrong.</exception>
    public Outline Describe(BuildRequest request, CancellationToken cancellationToken)
    {
        return InContext(request, static resolved => Outline.Of(ReadDockerfile(resolved), resolved), cancellationToken);
    }

    /// <summary>Reads and checks the Dockerfile of a request, without building.</summary>
    /// <param name="request">What a build would be asked for.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">It is not there, or is wrong.</exception>
    public ParsedDockerfile Check(BuildRequest request, CancellationToken cancellationToken)
    {
        return InContext(request, static resolved => Parser.Parse(ReadDockerfile(resolved)), cancellationToken);
    }

    // A context that comes from elsewhere is fetched for that.
    private T InContext<T>(BuildRequest request, Func<BuildRequest, T> look, CancellationToken cancellationToken)
    {
        if (request.PipedContext is null && request.RemoteContext is null) return look(request);
        using var cache = BuildCache.Open(store.Root);
        using var contexts = new FetchedContexts(store, cache, request);
        return look(contexts.ResolveAsync(new StepNumbers(new QuietProgress()).Fetching, cancellationToken).GetAwaiter().GetResult());
    }

    private static DockerfileSource ReadDockerfile(BuildRequest request)
    {
        if (request.DockerfileContent is { } content) return new DockerfileSource("Dockerfile", content.Span);
        if (request.DockerfilePath is { } path) return Read(path) ?? throw CrunException.NotFound($"{path}: no such file", "read Dockerfile");
        if (request.ContextDirectory is not { } context) throw CrunException.Invalid("there is neither a Dockerfile nor a context");
        foreach (var name in DefaultNames)
            if (ReadWithin(context, name) is { } source) return source;
        throw CrunException.NotFound($"no Dockerfile in {context}", "read Dockerfile");
    }

    // A link that leads out of the context would show lines of the host's files in errors. As for BuildKit, the context is its root.
    private static DockerfileSource? ReadWithin(string context, string name)
    {
        using var directory = FileAt.TryOpen(null, context, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
        if (directory is null || FileAt.TryStatus(directory, name) is not { } status) return null;
        var path = Path.Combine(context, name);
        if (status.Kind != FileKind.SymbolicLink) return Read(path);
        using var file = FileAt.TryOpenInRoot(directory, name, ForReading, out _)
            ?? throw CrunException.Invalid($"{path}: a link that leads out of the context: name the file with -f", "read Dockerfile");
        return Read(file, path);
    }

    private static DockerfileSource? Read(string path)
    {
        using var file = FileAt.TryOpen(null, path, ForReading, out var errno);
        if (file is null)
        {
            if (errno is Errno.ENOENT or Errno.ENOTDIR) return null;
            FileAt.Open(null, path, OpenFlags.O_RDONLY).Dispose();
            return null;
        }
        return Read(file, path);
    }

    private static DockerfileSource Read(SafeFileHandle file, string path)
    {
        if (FileAt.Status(file).Kind != FileKind.Regular) throw CrunException.Invalid($"{path}: not a regular file", "read Dockerfile");
        var bytes = OpenFile.ReadAll(file, DockerfileSource.MostBytes, out var size)
            ?? throw CrunException.Invalid($"the Dockerfile has {size} bytes, more than {DockerfileSource.MostBytes}", path);
        return new DockerfileSource(Path.GetFileName(path), bytes);
    }
}
