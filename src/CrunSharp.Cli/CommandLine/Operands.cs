using CrunSharp.Oci;

namespace CrunSharp.Cli.CommandLine;

/// <summary>What a command is asked to do something with.</summary>
internal static class Operands
{
    /// <summary>Does something with each; what fails is told and does not keep the others from being done.</summary>
    /// <param name="context">The command's world.</param>
    /// <param name="operands">The operands.</param>
    /// <param name="act">What to do.</param>
    /// <param name="isHarmless">Whether an error, which is told all the same, is no failure; null when each is one.</param>
    /// <returns>The exit code: 1 when one failed.</returns>
    public static int ForEach(CommandContext context, IReadOnlyList<string> operands, Action<string> act, Predicate<CrunException>? isHarmless = null)
    {
        var code = ExitCodes.Success;
        foreach (var operand in operands)
        {
            try
            {
                act(operand);
            }
            catch (CrunException error)
            {
                context.Out.Flush();
                context.Complain(error.Message);
                if (isHarmless?.Invoke(error) != true) code = ExitCodes.Failure;
            }
        }
        return code;
    }
}
