namespace CrunSharp.Cli.CommandLine;

/// <summary>How a mistake on the command line is reported.</summary>
internal enum UsageMistake
{
    /// <summary>An option that is unknown, lacks its value or has a bad one: exit code 125.</summary>
    Syntax,

    /// <summary>Too few or too many operands: exit code 1.</summary>
    Operands,

    /// <summary>Values that cannot be understood or do not go together: exit code 125.</summary>
    Values,
}

/// <summary>The command line was not understood; the message says why, and the caller adds the usage line.</summary>
internal sealed class UsageException(UsageMistake mistake, string message) : Exception(message)
{
    public UsageMistake Mistake { get; } = mistake;

    public static UsageException Syntax(string message) => new(UsageMistake.Syntax, message);

    public static UsageException Values(string message) => new(UsageMistake.Values, message);
}
