using CrunSharp.Cli.CommandLine;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.General;

/// <summary><c>completion bash</c>: prints the script that completes command lines in bash.</summary>
internal sealed class CompletionCommand : Command
{
    public override string Synopsis => "bash";
    public override int LeastOperands => 1;
    public override int MostOperands => 1;
    public override bool NeedsRoot => false;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (operands[0] != "bash") throw CrunException.Unsupported($"there is no completion for {operands[0]}, only for bash");
        context.Out.Write(BashCompletion.Write());
        return ExitCodes.Success;
    }
}
