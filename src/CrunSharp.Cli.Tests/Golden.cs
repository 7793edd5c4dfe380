namespace CrunSharp.Cli.Tests;

/// <summary>Files of expected output; <c>CRUN_SHARP_GOLDEN=1</c> writes them anew from what came out.</summary>
internal static class Golden
{
    public static bool Rewrites => Environment.GetEnvironmentVariable("CRUN_SHARP_GOLDEN") == "1";

    public static string Folder { get; } = Find();

    public static string Path(string name) => System.IO.Path.Combine(Folder, name);

    public static void Check(string name, string actual)
    {
        var path = Path(name);
        if (Rewrites) File.WriteAllText(path, actual);
        Assert.That(File.Exists(path), $"{path} does not exist: run with CRUN_SHARP_GOLDEN=1 and look at it");
        Assert.That(actual, Is.EqualTo(File.ReadAllText(path)));
    }

    private static string Find()
    {
        for (var at = AppContext.BaseDirectory; at is not null; at = System.IO.Path.GetDirectoryName(at))
        {
            var folder = System.IO.Path.Combine(at, "src", "CrunSharp.Cli.Tests", "cases");
            if (Directory.Exists(folder)) return folder;
        }
        throw new DirectoryNotFoundException("src/CrunSharp.Cli.Tests/cases");
    }
}
