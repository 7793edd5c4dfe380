using CrunSharp.Cli.Commands.Bundles;

namespace CrunSharp.Cli;

/// <summary>What the program is, by the name it was called by.</summary>
/// <param name="Name">The name.</param>
/// <param name="Main">What it does: the name, then the words, to the exit code.</param>
internal readonly record struct Personality(string Name, Func<string, string[], int> Main)
{
    /// <summary>Our own name.</summary>
    public const string Own = "crun-sharp";

    private static readonly Personality[] All =
    [
        new(Own, Shell.Start),
        new("docker", Shell.Start),
        new("docker-compose", NotYet),
        new("runc", RuntimeShell.Start),
        new("crun", RuntimeShell.Start),
    ];

    /// <summary>The personality of a path's last component; the first of all when that is no name of ours.</summary>
    public static Personality Of(string path)
    {
        var name = path.AsSpan()[(path.LastIndexOf('/') + 1)..];
        foreach (var personality in All)
        {
            if (name.SequenceEqual(personality.Name)) return personality;
        }
        return All[0];
    }

    private static int NotYet(string name, string[] arguments)
    {
        new CommandLine.CommandContext { Program = name }.Complain($"crun-sharp does not act as {name} yet");
        return ExitCodes.Failure;
    }
}
