namespace CrunSharp.Network;

/// <summary>The names by which containers of a network find each other.</summary>
public static class NetworkNames
{
    private const int MostLength = 253, MostLabelLength = 63;

    /// <summary>Whether a name can be asked for: labels of letters, digits, <c>-</c> and <c>_</c> with dots between them.</summary>
    public static bool IsName(string name)
    {
        if (name.Length is 0 or > MostLength) return false;
        foreach (var label in name.Split('.'))
            if (label.Length is 0 or > MostLabelLength || !label.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')) return false;
        return true;
    }

    /// <summary>The names of a container: its own, its aliases, the beginning of its id, its host name.</summary>
    /// <param name="name">Its own; empty for none.</param>
    /// <param name="aliases">Its aliases.</param>
    /// <param name="id">Its id, of at least 12 characters.</param>
    /// <param name="hostname">Its host name.</param>
    public static IReadOnlyList<string> Of(string name, IReadOnlyList<string> aliases, string id, string hostname)
    {
        var names = new List<string>();
        foreach (var one in (IEnumerable<string>)[name, .. aliases, id[..12], hostname])
            if (IsName(one) && !names.Contains(one, StringComparer.OrdinalIgnoreCase)) names.Add(one);
        return names;
    }
}
