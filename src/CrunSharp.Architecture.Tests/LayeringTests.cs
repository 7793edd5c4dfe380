using System.Text.RegularExpressions;

namespace CrunSharp.Architecture.Tests;

/// <summary>Layers point down only (docs/architecture.md has the drawing).</summary>
public sealed class LayeringTests
{
    /// <summary>Each project, and all that it may refer to.</summary>
    private static readonly Dictionary<string, string> Allowed = new()
    {
        ["Oci"] = "",
        ["Kernel"] = "Oci",
        ["Runtime"] = "Kernel Oci",
        ["Storage"] = "Kernel Oci",
        ["Network"] = "Kernel Oci",
        ["Registry"] = "Oci",
        ["Engine"] = "Runtime Storage Network Registry Kernel Oci",
        ["Build"] = "Engine Runtime Storage Network Registry Kernel Oci",
        ["Compose"] = "Build Engine Runtime Storage Network Registry Kernel Oci",
        ["Cli"] = "Compose Build Engine Runtime Storage Network Registry Kernel Oci",
        ["Architecture"] = "Compose Build Engine Runtime Storage Network Registry Kernel Oci",
    };

    /// <summary>Packages that end up in the program: none so far. Each one needs a decision record.</summary>
    private static readonly string[] Packages = [];

    /// <summary>The projects that bind to C, and so may have unsafe code.</summary>
    private static readonly string[] Unsafe = ["CrunSharp.Kernel", "CrunSharp.Kernel.Tests"];

    private static IEnumerable<string> Projects => Repository.Projects.Keys;

    private static IEnumerable<string> Libraries => Projects.Where(static name => !name.EndsWith(".Tests", StringComparison.Ordinal));

    [TestCaseSource(nameof(Projects))]
    public void A_project_refers_only_to_layers_below_it(string project)
    {
        var layer = project["CrunSharp.".Length..].Replace(".Tests", "", StringComparison.Ordinal);
        Assert.That(Allowed, Contains.Key(layer), $"{project} has no place in the table of layers");
        var allowed = Allowed[layer].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static name => "CrunSharp." + name).ToList();
        if (project.EndsWith(".Tests", StringComparison.Ordinal)) allowed.Add("CrunSharp." + layer);
        Assert.That(Repository.ReferencesOf(project), Is.SubsetOf(allowed));
    }

    [Test]
    public void The_table_itself_points_down_only()
    {
        var order = Allowed.Keys.ToList();
        foreach (var (layer, below) in Allowed)
        {
            foreach (var name in below.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                Assert.That(order.IndexOf(name), Is.LessThan(order.IndexOf(layer)).And.Not.Negative, $"{layer} -> {name}");
        }
    }

    [TestCaseSource(nameof(Projects))]
    public void Only_Kernel_has_unsafe_code(string project) =>
        Assert.That(Repository.AllowsUnsafe(project), Is.False.Or.EqualTo(Unsafe.Contains(project)));

    [Test]
    public void Only_Kernel_calls_into_C()
    {
        var calls = new Regex(@"\[(Library|Dll)Import\(|\bNativeLibrary\.");
        var callers = Repository.CSharpFiles.Where(file => !Unsafe.Any(project => file.StartsWith($"src/{project}/", StringComparison.Ordinal))
            && calls.IsMatch(File.ReadAllText(Path.Combine(Repository.Root, file))) && !file.Contains(".Tests/", StringComparison.Ordinal));
        Assert.That(callers, Is.Empty);
    }

    [TestCaseSource(nameof(Libraries))]
    public void A_library_needs_no_package_that_is_not_on_the_list(string project) =>
        Assert.That(Repository.PackagesOf(project), Is.SubsetOf(Packages));

    [Test]
    public void The_solution_has_every_project()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, "Runtime.sln"));
        Assert.That(Projects.Where(name => !solution.Contains($"\\{name}.csproj\"", StringComparison.Ordinal)), Is.Empty);
    }
}
