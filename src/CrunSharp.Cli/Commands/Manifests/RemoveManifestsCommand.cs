using CrunSharp.Cli.CommandLine;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Manifests;

/// <summary><c>manifest rm</c>: forgets lists that were put together here.</summary>
internal sealed class RemoveManifestsCommand : Command
{
    public override string Synopsis => "MANIFEST_LIST [MANIFEST_LIST...]";
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var lists = new LocalLists(context);
        var code = ExitCodes.Success;
        foreach (var operand in operands)
        {
            var name = ImageReference.Parse(operand);
            if (lists.Remove(name)) continue;
            context.Complain($"No such manifest: {name.Familiar}");
            code = ExitCodes.Failure;
        }
        return code;
    }
}
