namespace CrunSharp.NativeTests.Harness;

/// <summary>A Dockerfile of native-tests/cases/dockerfiles; the README there says what is in a directory.</summary>
/// <param name="Name">Its directory's name.</param>
/// <param name="Refused">What our message has when it is not to be built; null when it is.</param>
public sealed record DockerfileCase(string Name, string? Refused)
{
    /// <summary>The differences that are known, each with its reason.</summary>
    public static KnownDifference[] Known { get; } = ReadKnown();

    /// <summary>All cases.</summary>
    public static DockerfileCase[] All { get; } =
    [
        .. Directory.GetDirectories(Folder).Order(StringComparer.Ordinal).Select(static path =>
            new DockerfileCase(Path.GetFileName(path), File.Exists(path + "/refused") ? File.ReadAllText(path + "/refused").Trim() : null)),
    ];

    /// <summary>The names of those that slow builders build, too.</summary>
    public static string[] Also { get; } = File.ReadAllLines(Folder + "/also");

    /// <summary>Where they are.</summary>
    public static string Folder => World.Repository + "/native-tests/cases/dockerfiles";

    public override string ToString() => Name;

    private static KnownDifference[] ReadKnown() =>
    [
        .. File.ReadLines(Folder + "/README.md").SkipWhile(static line => line != "|---|---|---|---|").Skip(1).Select(static line =>
        {
            var fields = line.Split(" | ");
            return new KnownDifference(fields[0].Trim('|', ' ', '`'), fields[1].Split(", "), fields[2].Trim('`').Replace("\\|", "|", StringComparison.Ordinal));
        }),
    ];
}

/// <summary>A difference to another builder that is meant.</summary>
/// <param name="Case">The case; <c>*</c> for all.</param>
/// <param name="Peers">The other builders.</param>
/// <param name="Text">What the line of the difference has; <c>refuses</c> when the peer does not build it.</param>
public sealed record KnownDifference(string Case, string[] Peers, string Text)
{
    /// <summary>Whether it is of a case and a peer.</summary>
    public bool IsOf(string name, string peer) => (Case == "*" || Case == name) && Peers.Contains(peer);
}
