using System.Globalization;
using CrunSharp.Build.Dockerfile;

namespace CrunSharp.Build.Cache;

/// <summary>A step as it was done or found: what its key is made of, in words.</summary>
/// <param name="Title">The instruction.</param>
/// <param name="Parent">The identity of the layers that it stands on; empty when they do not matter, or were never known.</param>
/// <param name="Parts">The parts of its key.</param>
/// <param name="Files">What it takes: kind, permissions, owner and content in words, by path.</param>
internal sealed record StepTrace(string Title, string Parent, IReadOnlyDictionary<string, string> Parts, IReadOnlyDictionary<string, string> Files)
{
    private const int MostNamed = 3;

    private string Op => Title.Split(' ')[0];

    /// <summary>Why this step was not found: what is not as it was in the nearest step of an earlier build of the stage.</summary>
    /// <param name="earlier">The steps of the stage then.</param>
    /// <param name="index">This step's place among those of its stage.</param>
    public string Explain(IReadOnlyList<StepTrace> earlier, int index)
    {
        var known = Enumerable.Range(0, earlier.Count).OrderBy(i => Math.Abs(i - index)).Select(i => earlier[i]).ToList();
        var nearest = known.Find(step => step.Title == Title) ?? known.Find(step => step.Op == Op);
        if (nearest is null) return earlier.Count == 0 ? "no earlier build" : $"no {Op} in the earlier build";
        var reasons = new List<string>();
        if (nearest.Title != Title) reasons.Add($"the instruction changed, it was {nearest.Title}");
        foreach (var name in Parts.Keys.Union(nearest.Parts.Keys).Order(StringComparer.Ordinal))
        {
            var (now, then) = (Parts.GetValueOrDefault(name), nearest.Parts.GetValueOrDefault(name));
            if (now == then) continue;
            switch (name)
            {
                case "env": reasons.AddRange(VariablesOf(now, then)); break;
                case "input" or "mounts" when FilesOf(nearest) is { Length: > 0 } files: reasons.Add(files); break;
                case "input": reasons.Add("what it takes changed"); break;
                case "args" or "destination" when nearest.Title != Title: break;
                case "args": reasons.Add("the command or its shell changed"); break;
                case "version": reasons.Add("it was made by another version"); break;
                default: reasons.Add($"{name} changed"); break;
            }
        }
        if (Parent.Length > 0 && nearest.Parent.Length > 0 && Parent != nearest.Parent) reasons.Add("parent layer changed");
        return reasons.Count > 0 ? string.Join("; ", reasons) : "its layer is gone";
    }

    private static IEnumerable<string> VariablesOf(string? now, string? then)
    {
        var (after, before) = (Read(now), Read(then));
        foreach (var name in after.Keys.Union(before.Keys).Order(StringComparer.Ordinal))
        {
            if (!before.TryGetValue(name, out var old)) yield return $"env {name} added";
            else if (!after.TryGetValue(name, out var value)) yield return $"env {name} removed";
            else if (value != old) yield return $"env {name} changed";
        }

        static Dictionary<string, string> Read(string? list) => GoText.Unquote(list ?? "").Select(static variable => variable.Split('=', 2))
            .GroupBy(static pair => pair[0]).ToDictionary(static group => group.Key, static group => string.Join('=', group.Last().Skip(1)));
    }

    private string FilesOf(StepTrace earlier)
    {
        var changes = new List<string>();
        foreach (var path in Files.Keys.Union(earlier.Files.Keys).Order(StringComparer.Ordinal))
        {
            if (!earlier.Files.TryGetValue(path, out var then)) changes.Add($"{path} added");
            else if (!Files.TryGetValue(path, out var now)) changes.Add($"{path} removed");
            else if (now != then) changes.Add($"{path} {ChangeOf(now.Split(' '), then.Split(' '))} changed");
        }
        if (changes.Count == 0) return "";
        var equal = Files.Count(file => !file.Value.StartsWith(nameof(Kernel.Files.FileKind.Directory), StringComparison.Ordinal) && earlier.Files.GetValueOrDefault(file.Key) == file.Value);
        var more = changes.Count > MostNamed ? string.Create(CultureInfo.InvariantCulture, $" and {changes.Count - MostNamed:N0} more") : "";
        var others = equal == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"; {equal:N0} other{(equal == 1 ? "" : "s")} equal");
        return $"{string.Join(", ", changes.Take(MostNamed))}{more}{others}";
    }

    private static string ChangeOf(string[] now, string[] then)
    {
        foreach (var (index, word) in (ReadOnlySpan<(int, string)>)[(0, "kind"), (3, "content"), (1, "permissions"), (2, "owner")])
            if (now.ElementAtOrDefault(index) != then.ElementAtOrDefault(index)) return word;
        return "attributes";
    }
}
