using CrunSharp.Cli.CommandLine;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Cli.Commands.Manifests;

/// <summary><c>manifest annotate</c>: says for which platform an image of a list is.</summary>
internal sealed class AnnotateManifestCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<AnnotateManifestCommand>("arch", '\0', "string", "The architecture", static (o, v) => o.Set(p => p with { Architecture = v })),
        new Value<AnnotateManifestCommand>("os", '\0', "string", "The operating system", static (o, v) => o.Set(p => p with { Os = v })),
        new Value<AnnotateManifestCommand>("os-features", '\0', "strings", "What the operating system must have", static (o, v) => o.Set(p => p with { OsFeatures = v.Split(',') })),
        new Value<AnnotateManifestCommand>("os-version", '\0', "string", "The operating system's version", static (o, v) => o.Set(p => p with { OsVersion = v })),
        new Value<AnnotateManifestCommand>("variant", '\0', "string", "The architecture's variant", static (o, v) => o.Set(p => p with { Variant = v })),
    ];

    private Func<Platform, Platform> _change = static platform => platform;

    public override string Synopsis => "[OPTIONS] MANIFEST_LIST MANIFEST";
    public override Option[] Options => Table;
    public override int LeastOperands => 2;
    public override int MostOperands => 2;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var (name, source) = (ImageReference.Parse(operands[0]), ImageReference.Parse(operands[1]));
        var lists = new LocalLists(context);
        var list = lists.Find(name);
        var entries = list.Manifests.ToList();
        var at = entries.FindIndex(entry => LocalLists.SourceOf(entry) == source);
        if (at < 0) throw CrunException.NotFound($"manifest for image {source.Familiar} does not exist in {name.Familiar}");
        entries[at] = entries[at] with { Platform = _change(entries[at].Platform ?? Platform.Host) };
        lists.Write(name, list with { Manifests = entries });
        return ExitCodes.Success;
    }

    private void Set(Func<Platform, Platform> change)
    {
        var before = _change;
        _change = platform => change(before(platform));
    }
}
