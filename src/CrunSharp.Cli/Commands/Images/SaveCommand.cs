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
        if (_output is null && context.OutputIsTerminal())
            throw CrunException.Invalid("cowardly refusing to save to a terminal: use the -o option or redirect");
        OutputFile.Check(_output);
        using var store = StoreAccess.Open(context);
        var images = Find(store, operands);
        foreach (var (image, names) in images) ImagePlatform.Check(image, names.Count > 0 ? names[0].Familiar : image.Id.Short, _platform);
        OutputFile.Write(context, _output, output => Write(store, images, output));
        return ExitCodes.Success;
    }

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
            foreach (var (image, names) in Find(store, operand))
            {
                var same = images.FindIndex(i => i.Image.Id == image.Id);
                if (same < 0) images.Add(new NamedImage(image, names));
                else images[same] = images[same] with { Names = [.. images[same].Names.Union(names)] };
            }
        }
        return images;
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
