using System.Runtime.InteropServices;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Commands.Registries;
using CrunSharp.Cli.Options;
using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary><c>push</c>: sends an image to the registry that its name says.</summary>
internal sealed class PushCommand : Command
{
    private static readonly Option[] Table =
    [
        new Flag<PushCommand>("all-tags", 'a', "Push all tags of the repository", static (o, v) => o._all = v),
        new Value<PushCommand>("compression-format", '\0', "string", "Compress layers with gzip or zstd; as they are without it", static (o, v) => o._format = FormatOf(v)),
        new Value<PushCommand>("compression-level", '\0', "int", "0 to 9 for gzip, 1 to 22 for zstd", static (o, v) => o._level = Numbers.Whole32(v)),
        new Flag<PushCommand>("disable-content-trust", '\0', "Accepted; images are not signed", static (_, _) => { }) { Hidden = true },
        ImagePlatform.Option<PushCommand>("Push the image for this platform alone", static (o, v) => o._platform = v),
        new Flag<PushCommand>("quiet", 'q', "Only print the image's name", static (o, v) => o._quiet = v),
        RegistryAccess.TlsOption<PushCommand>(static (o, v) => o._verifyTls = v),
    ];

    private bool _all;
    private CompressionKind? _format;
    private int? _level;
    private Platform? _platform;
    private bool _quiet;
    private bool _verifyTls = true;

    public override string Synopsis => "[OPTIONS] NAME[:TAG]";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;
    public override int MostOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var name = ImageReference.Parse(operands[0]);
        if (name.Digest is not null) throw CrunException.Invalid("cannot push a digest reference");
        var hasTag = operands[0].LastIndexOf(':') > operands[0].LastIndexOf('/');
        if (_all && hasTag) throw CrunException.Invalid("tag can't be used with --all-tags/-a");
        LayerCompression? compression = _format is null && _level is null ? null : new LayerCompression(_format ?? CompressionKind.Gzip, _level).Checked();
        if (!_all && !hasTag && !_quiet) context.Out.WriteLine($"Using default tag: {name.Tag}");
        using var store = StoreAccess.Open(context);
        using var cancel = new CancellationTokenSource();
        using var signals = AttachedSession.Stop(cancel);
        try
        {
            PushAsync(context, store, name, compression, cancel.Token).GetAwaiter().GetResult();
            return ExitCodes.Success;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            context.Complain("the push was interrupted");
            return ImageFetch.Interrupted;
        }
    }

    public override string? HintFor(CommandContext context, IReadOnlyList<string> operands, CrunException error) =>
        error.Kind == ErrorKind.Denied && ImageReference.TryParse(operands[0], out var name)
            ? $"Log in first: {context.Program} login{(name.Host == RegistryHost.Docker ? "" : " " + name.Host)}" : null;

    private async Task PushAsync(CommandContext context, Store store, ImageReference name, LayerCompression? compression, CancellationToken cancellationToken)
    {
        if (!_quiet) context.Out.WriteLine($"The push refers to repository [{name.Host}/{name.Path}]");
        context.Out.Flush();
        var images = Find(store, name);
        using var client = RegistryAccess.Open(context, name.Host, _verifyTls);
        foreach (var (image, tagged) in images)
        {
            var all = store.Images.ResolveAll(tagged);
            if (_platform is not null) all = [ImagePlatform.Choose(all, _platform) ?? ImagePlatform.Check(image, tagged.Familiar, _platform)];
            Descriptor manifest;
            using (var output = PushOutput.For(context, _quiet)) manifest = await new ImagePush(store, client, output).RunAllAsync(all, tagged, compression, cancellationToken);
            if (!_quiet) context.Out.WriteLine($"{tagged.Tag}: digest: {manifest.Digest} size: {manifest.Size}");
            context.Out.Flush();
        }
        if (_quiet) context.Out.WriteLine(_all ? $"{name.Host}/{name.Path}" : name.ToString());
    }

    private List<(Image Image, ImageReference Name)> Find(Store store, ImageReference name)
    {
        if (!_all && store.Images.TryResolve(name) is { } image) return [(image, name)];
        var tagged = new List<(Image Image, ImageReference Name)>();
        foreach (var each in store.Images.List())
        {
            foreach (var other in each.Names)
            {
                if (other.Host == name.Host && other.Path == name.Path && other is { Tag: not null, Digest: null }) tagged.Add((each, other));
            }
        }
        if (tagged.Count == 0) throw CrunException.NotFound($"An image does not exist locally with the tag: {name.FamiliarName}");
        if (!_all) throw CrunException.NotFound($"tag does not exist: {name.Familiar}");
        CollectionsMarshal.AsSpan(tagged).Sort(static (a, b) => string.CompareOrdinal(a.Name.Tag, b.Name.Tag));
        return tagged;
    }

    private static CompressionKind? FormatOf(string text) => text switch
    {
        "" => null,
        "gzip" => CompressionKind.Gzip,
        "zstd" => CompressionKind.Zstd,
        _ => throw CrunException.Invalid("must be one of gzip, zstd"),
    };
}
