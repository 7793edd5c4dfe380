using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>A program of many threads starts containers through the library: no start may hang or leave anything, whatever the collector does meanwhile.</summary>
[Category("needs-root")]
public sealed class LaunchStressTests
{
    private const string Containers = "1000";
    private const string Seconds = "240";

    [TestCase("native/LaunchStress", TestName = "A_thousand_starts_under_the_collectors_pressure_all_end_well_natively")]
    [TestCase("dotnet", "coreclr/LaunchStress.dll", TestName = "A_thousand_starts_under_the_collectors_pressure_all_end_well_under_dotnet")]
    public void A_thousand_starts_under_the_collectors_pressure_all_end_well(params string[] command)
    {
        using var world = new World();
        string[] paths = [.. command.Select(static part => part.Contains('/', StringComparison.Ordinal) ? $"{World.Artifacts}/launch-stress/{part}" : part)];
        using (var session = world.Host.Start(paths[0], [.. paths[1..], world.Files, Containers, Seconds]))
        {
            session.EndInput();
            var outcome = session.Wait(280_000).Succeeded();
            Assert.That(outcome.Out, Does.Match($"^{Containers} containers in .*, [1-9][0-9]* collections .*, [1-9][0-9]* threads came and went\n$"));
            TestContext.Out.WriteLine(outcome.Line);
        }
        Assert.Multiple(() =>
        {
            Assert.That(Cleanliness.Leftovers(world), Is.Empty);
            Assert.That(Directory.EnumerateFileSystemEntries(world.Files), Is.Empty);
        });
    }
}
