using System.Diagnostics;
using System.Globalization;

namespace CrunSharp.Build.Tests;

/// <summary>How long builds take; run by name, and read on a quiet machine.</summary>
[Explicit("prints times, checks nothing")]
public class Measurements
{
    [Test]
    public void Copy_of_5000_files_and_100_MB()
    {
        using var build = new BuildFixture();
        var bytes = new byte[10_000];
        for (var i = 0; i < 5000; i++)
        {
            Random.Shared.NextBytes(bytes);
            var path = Path.Combine(build.Context, $"src/d{i % 50}/f{i}");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, bytes);
        }
        bytes = new byte[100_000_000];
        Random.Shared.NextBytes(bytes);
        File.WriteAllBytes(Path.Combine(build.Context, "big"), bytes);
        Thread.Sleep(3000);
        const string dockerfile = "FROM base\nENV A=1\nWORKDIR /w\nCOPY src src\nCOPY big .\nRUN true\nLABEL a=1\n";
        Time("cold", () => build.Build(dockerfile));
        Time("warm", () => build.Build(dockerfile));
        Time("warm", () => build.Build(dockerfile));
        File.WriteAllText(Path.Combine(build.Context, "src/d7/f7"), "edited");
        Time("edit", () => build.Build(dockerfile));
        Time("10 RUN true", () => build.Build("FROM base\n" + string.Concat(Enumerable.Range(0, 10).Select(static i => $"RUN true {i}\n"))));
        Time("10 RUN true, warm", () => build.Build("FROM base\n" + string.Concat(Enumerable.Range(0, 10).Select(static i => $"RUN true {i}\n"))));
        Time("3 stages that sleep 2 s", () => build.Build("FROM base AS a\nRUN sleep 2; echo a > /a\nFROM base AS b\nRUN sleep 2; echo b > /b\nFROM base\nRUN sleep 2\nCOPY --from=a /a /\nCOPY --from=b /b /\n"));
    }

    private static void Time(string what, Action action)
    {
        var watch = Stopwatch.StartNew();
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        action();
        var used = Process.GetCurrentProcess().TotalProcessorTime - cpu;
        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: {watch.ElapsedMilliseconds} ms, {used.TotalMilliseconds:0} ms CPU"));
    }
}
