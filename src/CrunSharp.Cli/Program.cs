namespace CrunSharp.Cli;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        var personality = Personality.Of(Environment.GetCommandLineArgs()[0]);
        return personality.Main(personality.Name, arguments);
    }
}
