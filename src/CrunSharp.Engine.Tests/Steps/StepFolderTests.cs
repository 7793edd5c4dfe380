using CrunSharp.Engine.Steps;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Engine.Tests.Steps;

/// <summary>What the steps of killed builds leave.</summary>
[Category("needs-root")]
public class StepFolderTests
{
    private static readonly string Dead = new('d', 64);
    private static readonly string Live = new('a', 64);

    private EnginePaths _paths = new();

    [SetUp]
    public void MakePaths()
    {
        var directory = Directory.CreateTempSubdirectory("crun-sharp-test-").FullName;
        _paths = new EnginePaths { Root = directory + "/root", RunRoot = directory + "/run" };
    }

    [TearDown]
    public void RemovePaths() => FileAt.RemoveTree(null, Path.GetDirectoryName(_paths.Root)!);

    [Test]
    public void Only_a_folder_that_nobody_holds_is_swept()
    {
        Assert.That(StepFolder.Sweep(_paths), Is.False, "there is nothing");
        using (var live = StepFolder.Begin(_paths, Live))
        {
            // As one that was killed leaves it.
            Directory.CreateDirectory($"{_paths.RunSteps}/{Dead}");
            File.WriteAllText($"{_paths.RunSteps}/{Dead}/hosts", "");
            Assert.That(StepFolder.Sweep(_paths), Is.True);
            Assert.That(Directory.GetDirectories(_paths.RunSteps), Is.EqualTo((string[])[live.Path]));
            Assert.That(StepFolder.Sweep(_paths), Is.False);
        }
        Assert.That(Directory.GetDirectories(_paths.RunSteps), Is.Empty);
    }
}
