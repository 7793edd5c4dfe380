using System.Reflection;

namespace CrunSharp.Architecture.Tests;

/// <summary>
/// What each library shows is in <c>api/</c>, so that a change of it is seen in a review.
/// <c>./build.sh golden</c> (CRUN_SHARP_GOLDEN=1) writes the files anew.
/// </summary>
public sealed class PublicApiTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "src/CrunSharp.Architecture.Tests/api");

    private static IEnumerable<string> Libraries =>
        Repository.Projects.Keys.Where(static name => !name.EndsWith(".Tests", StringComparison.Ordinal) && name != "CrunSharp.Cli");

    [TestCaseSource(nameof(Libraries))]
    public void The_public_part_of_a_library_is_the_reviewed_one(string library)
    {
        var file = Path.Combine(Folder, library + ".txt");
        var actual = ApiText.Of(Assembly.Load(library));
        if (Environment.GetEnvironmentVariable("CRUN_SHARP_GOLDEN") == "1") File.WriteAllText(file, actual);
        var reviewed = File.Exists(file) ? File.ReadAllText(file) : "";
        Assert.That(actual.Split('\n'), Is.EqualTo(reviewed.Split('\n')), "./build.sh golden writes it anew");
    }
}
