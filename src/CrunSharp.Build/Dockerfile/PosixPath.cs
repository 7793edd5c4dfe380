namespace CrunSharp.Build.Dockerfile;

/// <summary>Paths as text, with <c>/</c> between components: no file system is asked.</summary>
internal static class PosixPath
{
    /// <summary>The shortest path of the same meaning: no <c>.</c>, no empty component, <c>..</c> only in front of a relative one.</summary>
    public static string Clean(string path)
    {
        var rooted = path.StartsWith('/');
        var kept = new List<string>();
        foreach (var component in path.Split('/'))
        {
            if (component is "" or ".") continue;
            if (component != "..") kept.Add(component);
            else if (kept.Count > 0 && kept[^1] != "..") kept.RemoveAt(kept.Count - 1);
            else if (!rooted) kept.Add("..");
        }
        var clean = string.Join('/', kept);
        return rooted ? "/" + clean : clean.Length == 0 ? "." : clean;
    }

    /// <summary>A path inside a root: cleaned, absolute, with every <c>..</c> that leads above the root dropped.</summary>
    public static string InRoot(string path) => Clean("/" + path);

    /// <summary>A path from a directory: the path itself when it is absolute.</summary>
    public static string Join(string directory, string path) =>
        Clean(path.StartsWith('/') ? path : directory + "/" + path);

    /// <summary>The last component of a cleaned path; empty for the root.</summary>
    public static string Name(string path) => path[(path.LastIndexOf('/') + 1)..];

    /// <summary>The components of a cleaned path.</summary>
    public static string[] Components(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries);
}
