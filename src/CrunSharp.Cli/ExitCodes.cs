using CrunSharp.Cli.CommandLine;
using CrunSharp.Oci;

namespace CrunSharp.Cli;

/// <summary>Exit codes, those of docker.</summary>
internal static class ExitCodes
{
    public const int Success = 0;

    /// <summary>The command failed.</summary>
    public const int Failure = 1;

    /// <summary>The command line was wrong, or <c>run</c> and <c>create</c> failed before the container's program ran.</summary>
    public const int Engine = 125;

    /// <summary>The container's program cannot be executed.</summary>
    public const int NotExecutable = 126;

    /// <summary>The container's program does not exist.</summary>
    public const int NotFound = 127;

    public static int Of(CrunException error, Command command) => error.Kind switch
    {
        ErrorKind.CommandNotFound => NotFound,
        ErrorKind.CommandNotExecutable => NotExecutable,
        _ => command.FailureCode,
    };

    public static int Of(UsageException error) => error.Mistake == UsageMistake.Operands ? Failure : Engine;
}
