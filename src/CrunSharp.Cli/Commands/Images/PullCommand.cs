using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Options;
using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;
using CrunSharp.Registry;

namespace CrunSharp.Cli.Commands.Images;

/// <summary><c>pull</c>: brings an image from a registry into the store.</summary>
internal sealed class PullCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<PullCommand>("all-tags", 'a', "Pull all tags of the repository", static (o, v) => o._all = v),
        new Flag<PullCommand>("disable-content-trust", '\0', "Ignored", static (_, _) => { }) { Hidden = true },
        new Value<PullCommand>("platform", '\0', "string", "The platform to pull the image for (os[/architecture[/variant]])", static (o, v) => o._platform = v == "" ? null : ValueSyntax.Platform(v)),
        new Flag<PullCommand>("quiet", 'q', "Print the image's name only", static (o, v) => o._quiet = v),
        RegistryAccess.TlsOption<PullCommand>(static (o, v) => o._verifyTls = v),
    ];

    private bool _all;
    private bool _quiet;
    private bool _verifyTls = true;
    private string? _platform;

    public override string Synopsis => "[OPTIONS] NAME[:TAG|@DIGEST]";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;
    public override int MostOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var name = ImageReference.Parse(operands[0]);
        var isBare = !operands[0].Contains('@', StringComparison.Ordinal) && operands[0].LastIndexOf(':') <= operands[0].LastIndexOf('/');
        if (_all && !isBare) throw CrunException.Invalid("tag can't be used with --all-tags/-a");
        using var cancel = new CancellationTokenSource();
        using var signals = AttachedSession.Stop(cancel);
        try
        {
            if (isBare && !_all && !_quiet) context.Out.WriteLine($"Using default tag: {name.Tag}");
            PullAsync(context, name, cancel.Token).GetAwaiter().GetResult();
            context.Out.WriteLine(_all ? $"{name.Host}/{name.Path}" : name.ToString());
            return ExitCodes.Success;
        }
        catch (OperationCanceledException)
        {
            context.Out.Flush();
            context.Complain("the pull was interrupted");
            return ImageFetch.Interrupted;
        }
    }

    private async Task PullAsync(CommandContext context, ImageReference name, CancellationToken cancellationToken)
    {
        var options = RegistryAccess.OptionsOf(context, _verifyTls);
        using var store = StoreAccess.Open(context);
        using var client = new RegistryClient(name.Host, options);
        using var output = PullOutput.For(context, _quiet, toErrors: false);
        var pull = new ImagePull(store, client, options, output);
        var platform = ImageFetch.PlatformOf(context, _platform);
        if (!_all)
        {
            var result = await pull.RunAsync(name, platform, cancellationToken).ConfigureAwait(false);
            output.Dispose();
            if (!_quiet) ImageFetch.Conclude(context.Out, name, result);
            return;
        }
        var isNewer = false;
        foreach (var tag in await pull.TagsAsync(name, cancellationToken).ConfigureAwait(false))
        {
            var result = await pull.RunAsync(ImageReference.Parse($"{name.Host}/{name.Path}:{tag}"), platform, cancellationToken).ConfigureAwait(false);
            output.Dispose();
            if (!_quiet) context.Out.WriteLine($"Digest: {result.Digest}");
            isNewer |= result.IsNewer;
        }
        if (!_quiet) context.Out.WriteLine($"Status: {(isNewer ? "Downloaded newer image" : "Image is up to date")} for {name.FamiliarName}");
    }
}
