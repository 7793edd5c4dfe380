using System.Runtime.InteropServices;
using System.Text;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Terminals;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Registries;

/// <summary>Asks for a line.</summary>
internal static class Prompt
{
    private const int MostBytes = 4096;

    /// <summary>The answer, without the end of its line.</summary>
    public static string Ask(CommandContext context, Stream input, string question)
    {
        context.Out.Write(question);
        context.Out.Flush();
        var answer = new List<byte>();
        while (input.ReadByte() is >= 0 and not '\n' and var letter)
        {
            if (answer.Count == MostBytes) throw CrunException.Invalid($"the answer has more than {MostBytes} bytes");
            answer.Add((byte)letter);
        }
        var text = Encoding.UTF8.GetString([.. answer]);
        return text.EndsWith('\r') ? text[..^1] : text;
    }

    /// <summary>The answer, which the terminal does not show while it is typed.</summary>
    public static string AskHidden(CommandContext context, Stream input, string question)
    {
        using var hidden = Terminal.HideInput(FileDescriptor.Standard(0));
        // Whoever leaves in the middle gets a terminal back that shows what is typed; the signal then ends us.
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => hidden?.Dispose());
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, _ => hidden?.Dispose());
        return Ask(context, input, question);
    }
}
