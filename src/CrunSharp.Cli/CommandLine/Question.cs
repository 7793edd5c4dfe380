using System.Text;

namespace CrunSharp.Cli.CommandLine;

/// <summary>Asks before something is removed.</summary>
internal static class Question
{
    private const int MostBytes = 100;

    /// <summary>Whether the answer on standard input is yes; its end is a no.</summary>
    public static bool Ask(CommandContext context, string warning)
    {
        context.Out.Write($"WARNING! {warning}\nAre you sure you want to continue? [y/N] ");
        context.Out.Flush();
        var answer = new StringBuilder();
        using var input = context.OpenInput();
        while (answer.Length < MostBytes && input.ReadByte() is >= 0 and not '\n' and var letter) answer.Append((char)letter);
        return answer.ToString().Trim() is "y" or "Y";
    }
}
