using CrunSharp.Cli.Commands.Containers;

namespace CrunSharp.Cli;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (SuperviseCommand.IsMeant(arguments)) return SuperviseCommand.Run(arguments);
        var personality = Personality.Of(Environment.GetCommandLineArgs()[0]);
        return personality.Main(personality.Name, arguments);
    }
}
