namespace CrunSharp.Cli.Options;

/// <summary>Options that may be given more than once.</summary>
internal static class Repeated
{
    /// <summary>The values by name; of one that was given twice the last counts.</summary>
    public static Dictionary<string, T> Last<T>(IEnumerable<KeyValuePair<string, T>> values)
    {
        var all = new Dictionary<string, T>(StringComparer.Ordinal);
        foreach (var (name, value) in values) all[name] = value;
        return all;
    }
}
