using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Builds;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Registry;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>How commands bring images into the store.</summary>
internal static class ImageFetch
{
    /// <summary>The exit code of a command that Ctrl-C ended, as shells have it.</summary>
    public const int Interrupted = 130;

    /// <summary>Pulls an image that <c>run</c>, <c>create</c> or <c>build</c> needs; all output goes to standard error.</summary>
    /// <exception cref="CrunException">It cannot be had, or somebody interrupted it.</exception>
    public static void Need(CommandContext context, Store store, ImageReference name, string? platform, bool quiet)
    {
        using var cancel = new CancellationTokenSource();
        using var signals = AttachedSession.Stop(cancel);
        try
        {
            NeedAsync(context, store, name, platform, quiet, cancel.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            throw new CrunException(ErrorKind.System, "interrupted", $"pull {name.Familiar}");
        }
    }

    /// <inheritdoc cref="Need"/>
    public static async Task NeedAsync(CommandContext context, Store store, ImageReference name, string? platform, bool quiet, CancellationToken cancellationToken)
    {
        var options = RegistryAccess.OptionsOf(context);
        using var client = new RegistryClient(name.Host, options);
        PullResult result;
        using (var output = PullOutput.For(context, quiet, toErrors: true))
            result = await new ImagePull(store, client, options, output).RunAsync(name, PlatformOf(context, platform), cancellationToken).ConfigureAwait(false);
        if (!quiet) Conclude(context.Error, name, result);
    }

    /// <summary>Pulls an image that a build needs. One for another platform than this host's leaves the name to this host's.</summary>
    /// <param name="context">The command.</param>
    /// <param name="store">The store.</param>
    /// <param name="name">The image.</param>
    /// <param name="platform">What it is for; null for this host.</param>
    /// <param name="quiet">Whether nothing is shown.</param>
    /// <param name="progress">Hears of it instead of whoever looks at standard error.</param>
    /// <param name="log">Gets the lines that a pipe would.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">It cannot be had.</exception>
    public static async Task<Image> ForBuildAsync(CommandContext context, Store store, ImageReference name, Platform? platform, bool quiet, IPullProgress? progress, TextWriter log, CancellationToken cancellationToken)
    {
        var options = RegistryAccess.OptionsOf(context);
        using var client = new RegistryClient(name.Host, options);
        var isForeign = platform is not null && !PlatformChoice.IsFor(platform, Platform.Host);
        PullResult result;
        using (var output = PullOutput.For(context, quiet, toErrors: true))
            result = await new ImagePull(store, client, options, new PullTwice(progress ?? output, new PullOutput(log, log))).RunAsync(name, platform, cancellationToken, leavesName: isForeign).ConfigureAwait(false);
        if (!quiet) Conclude(context.Error, name, result);
        Conclude(log, name, result);
        return result.Image;
    }

    /// <summary>The platform of an option, or of <c>$DOCKER_DEFAULT_PLATFORM</c>; null for this host's.</summary>
    /// <exception cref="CrunException">It is no platform.</exception>
    public static Platform? PlatformOf(CommandContext context, string? option) =>
        (string.IsNullOrEmpty(option) ? context.Variable("DOCKER_DEFAULT_PLATFORM") : option) is { Length: > 0 } text ? PlatformChoice.Parse(text) : null;

    /// <summary>Writes the two lines that a pull ends with.</summary>
    public static void Conclude(TextWriter output, ImageReference name, PullResult result)
    {
        output.WriteLine($"Digest: {result.Digest}");
        output.WriteLine($"Status: {(result.IsNewer ? "Downloaded newer image" : "Image is up to date")} for {name.Familiar}");
    }
}
