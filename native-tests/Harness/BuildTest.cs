using System.Text.Json;

namespace CrunSharp.NativeTests.Harness;

/// <summary>Tests that build images: contexts, builds, and what an image then is.</summary>
public abstract class BuildTest : NativeTest
{
    private int _contexts;

    /// <summary>Makes a context; its directory.</summary>
    protected string Context(string dockerfile, params (string Path, string Content)[] files)
    {
        var name = $"context{++_contexts}";
        World.File($"{name}/Dockerfile", dockerfile);
        foreach (var (path, content) in files) World.File($"{name}/{path}", content);
        return $"{World.Files}/{name}";
    }

    /// <summary>Builds as <c>out</c>.</summary>
    protected Outcome Build(string context, params string[] options) => Run(["build", "--progress", "plain", "-t", "out", .. options, context]);

    /// <summary>Builds a Dockerfile without a context as <c>out</c>.</summary>
    protected Outcome BuildText(string dockerfile, params string[] options) =>
        World.RunWith(dockerfile, ["build", "--progress", "plain", "-t", "out", .. options, "-"]);

    /// <summary>What a shell script prints in a container of an image.</summary>
    protected string InImage(string script, string image = "out") =>
        Run("run", "--rm", "--network", "none", "--entrypoint", "sh", image, "-c", script).Succeeded().Out;

    /// <summary>An image's configuration.</summary>
    protected JsonElement ConfigOf(string image = "out") => JsonDocument.Parse(Run("image", "inspect", "-f", "{{json .Config}}", image).Succeeded().Out).RootElement;

    /// <summary>The steps that a build did not take from the cache; <c>FROM</c> is never done.</summary>
    protected static string[] Done(Outcome build) =>
    [
        .. build.Err.Split('\n').Where(static line => line.StartsWith('#') && line.Contains("] ", StringComparison.Ordinal) && !line.Contains("] FROM ", StringComparison.Ordinal))
            .Where(line => !build.Err.Contains($"{line.Split(' ')[0]} CACHED\n", StringComparison.Ordinal))
            .Select(static line => line[(line.IndexOf("] ", StringComparison.Ordinal) + 2)..]),
    ];
}
