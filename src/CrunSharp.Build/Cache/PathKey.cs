namespace CrunSharp.Build.Cache;

/// <summary>
/// What a <see cref="ContextIndex"/> knows a path by: a hash of it (FNV-1a), which goes on from that of its directory. Two paths
/// may have the same one: then the index knows only the file that came last.
/// </summary>
internal readonly record struct PathKey(ulong State)
{
    private const ulong Prime = 0x100000001b3;

    /// <summary>The root's.</summary>
    public static PathKey Root { get; } = new(0xcbf29ce484222325);

    /// <summary>That of a path without a leading slash.</summary>
    public static PathKey Of(string path)
    {
        var key = Root;
        if (path.Length > 0) foreach (var name in path.Split('/')) key = key.Below(name);
        return key;
    }

    /// <summary>That of a name in the directory whose key this is.</summary>
    public PathKey Below(string name)
    {
        var state = (State ^ '/') * Prime;
        foreach (var letter in name) state = (state ^ letter) * Prime;
        return new PathKey(state);
    }

    /// <summary>A number that is not 0, all of whose bits depend on all of the path.</summary>
    public ulong Number
    {
        get
        {
            var mixed = (State ^ State >> 32) * 0x9e3779b97f4a7c15;
            return (mixed ^ mixed >> 29) * 0xbf58476d1ce4e5b9 | 1;
        }
    }
}
