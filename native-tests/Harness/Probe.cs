using System.Diagnostics;

namespace CrunSharp.NativeTests.Harness;

/// <summary>The program of <c>payload/probe.c</c>, linked statically.</summary>
internal static class Probe
{
    private static readonly Lazy<string> Made = new(() => Compile("probe", File.ReadAllText(Path.Combine(TestSources.Folder, "payload/probe.c"))));

    /// <summary>Its file.</summary>
    public static string Program => Made.Value;

    /// <summary>Compiles a C program for containers, which have no libraries; its file, which goes with this run of the tests.</summary>
    public static string Compile(string name, string source)
    {
        var folder = Directory.CreateTempSubdirectory("crun-sharp-payload-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        File.WriteAllText($"{folder}/{name}.c", source);
        using var compiler = Process.Start("gcc", ["-static", "-O2", "-w", "-o", $"{folder}/{name}", $"{folder}/{name}.c"]);
        compiler.WaitForExit();
        Assert.That(compiler.ExitCode, Is.Zero, "gcc");
        return $"{folder}/{name}";
    }
}

/// <summary>Where the sources of these tests are.</summary>
internal static class TestSources
{
    /// <summary>The directory <c>native-tests</c>.</summary>
    public static string Folder { get; } = Path.Combine(Find(), "native-tests");

    /// <summary>The directory of the whole.</summary>
    public static string Repository => Path.GetDirectoryName(Folder)!;

    private static string Find()
    {
        for (var at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (File.Exists($"{at}/Runtime.sln")) return at;
        }
        throw new InvalidOperationException("the repository is not above the tests");
    }
}
