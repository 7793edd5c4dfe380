using CrunSharp.Cli.Commands.Bundles;
using CrunSharp.Cli.Commands.Containers;

namespace CrunSharp.Cli;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (SuperviseCommand.IsMeant(arguments)) return SuperviseCommand.Run(arguments);
        var personality = Personality.Of(Environment.GetCommandLineArgs()[0]);
        if (personality.Name == Personality.Own)
        {
            if (arguments is ["oci", ..]) return RuntimeShell.Start($"{personality.Name} oci", arguments[1..]);
            if (RuntimeCall.IsMeant(arguments, RuntimeOptions.HasContainer)) return RuntimeShell.Start(personality.Name, arguments);
        }
        return personality.Main(personality.Name, arguments);
    }
}
