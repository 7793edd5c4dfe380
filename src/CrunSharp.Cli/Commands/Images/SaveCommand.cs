using CrunSharp.Cli.CommandLine;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary><c>save</c>: writes images to an archive.</summary>
internal sealed class SaveCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<SaveCommand>("format", '\0', "string", "docker, or oci for an OCI layout", static (o, v) => o.SetFormat(v)) { Default = "\"docker\"" },
        new Value<SaveCommand>("output", 'o', "string", "The file; standard output without it", static (o, v) => o._output = v),
        ImagePlatform.Option<SaveCommand>("The platform that images must be for", static (o, v) => o._platform = v),
    ];

    private bool _oci;
    private string? _output;
    private Platform? _platform;

    public override string Synopsis => "[OPTIONS] IMAGE [IMAGE...]";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        OutputFile.Check(context, _output);
        using var store = StoreAccess.Open(context);
        var images = Find(store, operands);
        if (_platform is { } wanted) images = images.ConvertAll(named => Only(named, wanted));
        OutputFile.Write(context, _output, output => Write(store, images, output));
        return ExitCodes.Success;
    }

    private static NamedImage Only(NamedImage named, Platform wanted) => new(
        ImagePlatform.Choose([named.Image, .. named.Others], wanted) ?? ImagePlatform.Check(named.Image, named.Names.Count > 0 ? named.Names[0].Familiar : named.Image.Id.Short, wanted), named.Names);

    private void Write(Store store, IReadOnlyList<NamedImage> images, Stream output)
    {
        if (_oci) OciLayout.Save(store, images, output);
        else DockerArchive.Save(store, images, output);
    }

    private static List<NamedImage> Find(Store store, IReadOnlyList<string> operands)
    {
        var images = new List<NamedImage>();
        foreach (var operand in operands)
        {
            foreach (var named in Find(store, operand).SelectMany(named => WithOthers(store, named)))
            {
                var same = images.FindIndex(i => i.Image.Id == named.Image.Id && Ids(i).SequenceEqual(Ids(named)));
                if (same < 0) images.Add(named);
                else images[same] = images[same] with { Names = [.. images[same].Names.Union(named.Names)] };
            }
        }
        return images;
    }

    private static IEnumerable<Digest> Ids(NamedImage named) => named.Others.Select(static other => other.Id);

    // Of two names of an image, one may stand for other platforms as well.
    private static IEnumerable<NamedImage> WithOthers(Store store, NamedImage named)
    {
        if (named.Names.Count == 0) return [named];
        return named.Names.Select(name => new NamedImage(named.Image, [name]) { Others = [.. store.Images.ResolveAll(name).Skip(1)] });
    }

    // A repository without a tag stands for all of its tags, an id for the image without names.
    private static IEnumerable<NamedImage> Find(Store store, string operand)
    {
        var known = ImageReference.TryParse(operand, out var name);
        if (known && IsRepository(operand))
        {
            var tagged = new List<NamedImage>();
            foreach (var each in store.Images.List())
            {
                var names = each.Names.Where(n => n.Tag is not null && n.Host == name.Host && n.Path == name.Path).ToList();
                if (names.Count > 0) tagged.Add(new NamedImage(each, names));
            }
            if (tagged.Count > 0) return tagged;
        }
        var image = store.Images.Resolve(operand);
        return [new NamedImage(image, known && image.Names.Contains(name) ? [name] : [])];
    }

    private static bool IsRepository(string operand) =>
        !operand.Contains('@', StringComparison.Ordinal) && operand.LastIndexOf(':') <= operand.LastIndexOf('/');

    private void SetFormat(string text) => _oci = text switch
    {
        "docker" => false,
        "oci" => true,
        _ => throw CrunException.Invalid("must be one of docker, oci"),
    };
}
