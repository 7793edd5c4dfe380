using System.Xml.Linq;

namespace CrunSharp.Architecture.Tests;

/// <summary>The source tree that these tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>The projects below <c>src</c>, by name.</summary>
    public static IReadOnlyDictionary<string, XDocument> Projects { get; } =
        Directory.GetDirectories(Path.Combine(Root, "src"))
            .SelectMany(static folder => Directory.GetFiles(folder, "*.csproj"))
            .ToDictionary(static path => Path.GetFileNameWithoutExtension(path), static path => XDocument.Load(path));

    /// <summary>All C# files of projects, tests and samples, as paths relative to the root.</summary>
    public static IEnumerable<string> CSharpFiles { get; } = [.. Walk(Root).Order(StringComparer.Ordinal)];

    public static string[] ReferencesOf(string project) => Included(project, "ProjectReference")
        .Select(static path => Path.GetFileNameWithoutExtension(path)).ToArray();

    public static string[] PackagesOf(string project) => Included(project, "PackageReference").ToArray();

    /// <summary>Whether a project says in its file that it may have unsafe code.</summary>
    public static bool AllowsUnsafe(string project) =>
        Projects[project].Descendants("AllowUnsafeBlocks").Any(static element => element.Value == "true");

    private static IEnumerable<string> Included(string project, string element) =>
        Projects[project].Descendants(element).Select(static item => item.Attribute("Include")!.Value);

    private static IEnumerable<string> Walk(string folder)
    {
        foreach (var file in Directory.GetFiles(folder, "*.cs")) yield return Path.GetRelativePath(Root, file);
        foreach (var inner in Directory.GetDirectories(folder))
        {
            if (Path.GetFileName(inner) is "bin" or "obj" or "artifacts" || Path.GetFileName(inner).StartsWith('.')) continue;
            foreach (var file in Walk(inner)) yield return file;
        }
    }

    private static string FindRoot()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Runtime.sln"))) return folder;
        }
        throw new InvalidOperationException($"{AppContext.BaseDirectory} is not inside the source tree");
    }
}
