using System.Text;
using CrunSharp.Build.Linting;

namespace CrunSharp.Build.Tests.Linting;

/// <summary>
/// A case is a directory with a Dockerfile, perhaps a <c>dockerignore</c>, <c>args</c> and a <c>target</c>, and what
/// <c>--check</c> says. GOLDEN_WRITE=1 writes the results anew.
/// </summary>
public class LintTests
{
    private static readonly string Folder = Path.Combine(TestContext.CurrentContext.TestDirectory, "cases-lint");

    private static IEnumerable<string> Names => Directory.GetDirectories(Path.Combine(AppContext.BaseDirectory, "cases-lint")).Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal);

    [TestCaseSource(nameof(Names))]
    public void A_Dockerfile_is_looked_at(string name)
    {
        using var fixture = new BuildFixture();
        if (Read(name, "dockerignore") is { } ignore) fixture.Write(".dockerignore", ignore);
        var result = new Builder(fixture.Store).Lint(new BuildRequest
        {
            ContextDirectory = fixture.Context,
            DockerfileContent = Encoding.UTF8.GetBytes(Read(name, "Dockerfile")!),
            BuildArgs = (Read(name, "args") ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => line.Split('=', 2)).ToDictionary(static pair => pair[0], static pair => (string?)pair[1]),
            Target = Read(name, "target"),
        }, CancellationToken.None);
        var text = new StringBuilder();
        foreach (var warning in result.Warnings) text.Append($"{warning.Range} {warning.Rule.Name}: {warning.Detail}\n");
        if (result.Error is { } error) text.Append($"error: {error.Message}\n");
        Check(name, text.ToString());
    }

    [Test]
    public void There_are_22_rules_with_names_of_their_own_and_addresses()
    {
        Assert.Multiple(() =>
        {
            Assert.That(LintRules.All.Select(static rule => rule.Name).Distinct().Count(), Is.EqualTo(22));
            Assert.That(LintRules.All.Where(static rule => rule.IsExperimental).Select(static rule => rule.Name), Is.EqualTo(["InvalidDefinitionDescription"]));
            Assert.That(LintRules.All.Where(static rule => rule.Url is null).Select(static rule => rule.Name), Is.EqualTo(["InvalidBaseImagePlatform"]));
            Assert.That(LintRules.All.First(static rule => rule.Name == "JSONArgsRecommended").Url, Is.EqualTo("https://docs.docker.com/go/dockerfile/rule/json-args-recommended/"));
        });
    }

    private static string? Read(string name, string file) => File.Exists($"{Folder}/{name}/{file}") ? File.ReadAllText($"{Folder}/{name}/{file}") : null;

    private static void Check(string name, string actual)
    {
        if (Environment.GetEnvironmentVariable("GOLDEN_WRITE") != "1")
        {
            Assert.That(actual, Is.EqualTo(Read(name, "result")));
            return;
        }
        var root = Folder;
        while (!File.Exists(Path.Combine(root, "Runtime.sln"))) root = Path.GetDirectoryName(root)!;
        File.WriteAllText(Path.Combine(root, "src/CrunSharp.Build.Tests/cases-lint", name, "result"), actual);
    }

    [Test]
    public void Thousands_of_stages_on_each_other_are_no_reason_to_fail()
    {
        using var fixture = new BuildFixture();
        var stages = string.Concat(Enumerable.Range(1, 15_000).Select(static n => $"FROM s{n - 1} AS s{n}\n"));
        var request = new BuildRequest { ContextDirectory = fixture.Context, DockerfileContent = Encoding.UTF8.GetBytes("FROM scratch AS s0\n" + stages), Target = "s15000" };
        Assert.That(new Builder(fixture.Store).Lint(request, CancellationToken.None).Error, Is.Null);
    }
}
