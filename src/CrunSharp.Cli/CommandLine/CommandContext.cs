using System.Text;
using CrunSharp.Oci;

namespace CrunSharp.Cli.CommandLine;

/// <summary>The world as a command sees it: its name, its streams, its clock, its environment.</summary>
internal sealed class CommandContext
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    private TextWriter? _out;
    private TextWriter? _error;

    /// <summary>The name that messages begin with: <c>crun-sharp</c> or <c>docker</c>.</summary>
    public required string Program { get; init; }

    /// <summary>The program and the verb as they were typed: <c>crun-sharp image ls</c>.</summary>
    public string Path { get; set; } = "";

    /// <summary>The verb as it was typed: <c>image ls</c>.</summary>
    public string Verb => Path.Length > Program.Length ? Path[(Program.Length + 1)..] : "";

    public GlobalOptions Global { get; } = new();

    /// <summary>Standard output, for text; flushed when the command ends.</summary>
    public TextWriter Out
    {
        get => LazyInitializer.EnsureInitialized(ref _out, static () => new StreamWriter(new StandardStream(1, endsQuietly: true), Utf8, 4096));
        init => _out = value;
    }

    /// <summary>Standard error, for messages.</summary>
    public TextWriter Error
    {
        get => LazyInitializer.EnsureInitialized(ref _error, static () => new StreamWriter(new StandardStream(2, endsQuietly: true), Utf8, 512) { AutoFlush = true });
        init => _error = value;
    }

    /// <summary>Opens standard output for bytes.</summary>
    public Func<Stream> OpenOutput { get; init; } = static () => new StandardStream(1);

    /// <summary>Opens standard input.</summary>
    public Func<Stream> OpenInput { get; init; } = static () => new StandardStream(0);

    /// <summary>Whether standard output is a terminal.</summary>
    public Func<bool> OutputIsTerminal { get; init; } = static () => !Console.IsOutputRedirected;

    /// <summary>Whether standard input is a terminal.</summary>
    public Func<bool> InputIsTerminal { get; init; } = static () => !Console.IsInputRedirected;

    /// <summary>A variable of the environment; null when it is not set.</summary>
    public Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    public TimeProvider Clock { get => field ?? TimeProvider.System; init; }

    /// <summary>Prints <c>program: message</c> to standard error.</summary>
    public void Complain(string message) => Error.WriteLine($"{Program}: {VisibleText.Of(message, hasLines: Global.Debug)}");

    /// <summary>Writes what is still to be written, as the last thing of all.</summary>
    /// <param name="code">The exit code so far.</param>
    /// <returns>The exit code.</returns>
    public int Finish(int code)
    {
        try
        {
            _out?.Flush();
            return code;
        }
        catch (CrunException error)
        {
            Complain(error.Message);
            return code == ExitCodes.Success ? ExitCodes.Failure : code;
        }
    }
}
