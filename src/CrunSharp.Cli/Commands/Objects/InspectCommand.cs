using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Commands.Networks;
using CrunSharp.Cli.Commands.Volumes;
using CrunSharp.Cli.Output;
using CrunSharp.Cli.Templates;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Objects;

/// <summary><c>inspect</c>: shows all that is known of objects of any kind; the first kind that has the name wins.</summary>
internal sealed class InspectCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<InspectCommand>("format", 'f', "string", "json, or a Go template", static (o, v) => o._format = v),
        new Value<InspectCommand>("type", '\0', "string", "Only objects of this kind", static (o, v) => o.SetType(v)) { Late = true },
    ];

    // The kinds in the order in which a name is looked for; each gives null for a name that it does not have.
    private static readonly (string Type, Func<CommandContext, string, DomObject?> TryFind)[] Kinds =
    [
        ("container", TryFindContainer),
        ("image", TryFindImage),
        ("network", NetworkDocument.TryFind),
        ("volume", VolumeDocument.TryFind),
    ];

    private string? _format;
    private readonly string? _only;
    private string? _type;

    /// <summary>Makes the command.</summary>
    /// <param name="only">The only kind that is looked at; null for all.</param>
    public InspectCommand(string? only = null) => _only = _type = only;

    public override string Synopsis => _only is null ? "[OPTIONS] NAME|ID [NAME|ID...]" : $"[OPTIONS] {_only.ToUpperInvariant()} [{_only.ToUpperInvariant()}...]";
    public override Option[] Options => _only is null ? Table : [Table[0]];
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands) =>
        InspectFormat.WriteEach(context, operands, _format, name => Find(context, name));

    private DomObject Find(CommandContext context, string name)
    {
        foreach (var (type, tryFind) in Kinds)
        {
            if ((_type is null || _type == type) && tryFind(context, name) is { } found) return found;
        }
        throw CrunException.NotFound($"No such {_type ?? "object"}: {(_type == "image" && ImageReference.TryParse(name, out var image) ? image.Familiar : name)}");
    }

    private static DomObject? TryFindContainer(CommandContext context, string name) =>
        EngineAccess.Open(context).Containers.TryFind(name) is { } container ? ContainerDocument.Of(container) : null;

    private static DomObject? TryFindImage(CommandContext context, string name)
    {
        using var store = StoreAccess.Open(context);
        return store.Images.TryResolve(name) is { } image ? ImageDocument.Of(image) : null;
    }

    private void SetType(string type) => _type = Array.Exists(Kinds, kind => kind.Type == type)
        ? type
        : throw CrunException.Invalid($"\"{type}\" is not a valid value for --type");
}
