using CrunSharp.Cli.CommandLine;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Images;

/// <summary><c>tag</c>: gives an image a further name.</summary>
internal sealed class TagCommand : Command
{
    public override string Synopsis => "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]";
    public override int LeastOperands => 2;
    public override int MostOperands => 2;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var name = ImageReference.Parse(operands[1]);
        if (name.Digest is not null) throw CrunException.Invalid("refusing to create a tag with a digest reference");
        using var store = StoreAccess.Open(context);
        var image = store.Images.Resolve(operands[0]);
        store.Images.Tag(image.Id, name, [.. store.Images.ResolveAll(operands[0]).Skip(1).Select(static other => other.Id)]);
        return ExitCodes.Success;
    }
}
