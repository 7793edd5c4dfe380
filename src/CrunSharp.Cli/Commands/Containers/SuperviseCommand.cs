using CrunSharp.Engine;
using CrunSharp.Engine.Supervision;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary>What this program does beside a running container; started by <c>run</c> and <c>start</c>, never typed.</summary>
internal static class SuperviseCommand
{
    /// <summary>Whether these words start it.</summary>
    public static bool IsMeant(string[] arguments) => arguments.Length == 4 && arguments[0] == ContainerEngine.SuperviseCommand;

    /// <summary>Supervises: root directory, run directory, descriptor of who asks.</summary>
    public static int Run(string[] arguments) => int.TryParse(arguments[3], out var descriptor) && descriptor > 2
        ? Supervisor.Run(new EnginePaths { Root = arguments[1], RunRoot = arguments[2] }, FileDescriptor.Adopt(descriptor), TimeProvider.System)
        : ExitCodes.Failure;
}
