namespace CrunSharp.Build.Linting;

/// <summary>Names of variables that sound like secrets.</summary>
public static class SecretWords
{
    private static readonly HashSet<string> Secret = new(StringComparer.OrdinalIgnoreCase)
    {
        "apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token",
    };

    private static readonly HashSet<string> Harmless = new(StringComparer.OrdinalIgnoreCase) { "public", "file", "version" };

    /// <summary>Whether one of the name's words, which underscores separate, is a secret's, and none says that it is harmless.</summary>
    public static bool IsSecret(string name)
    {
        var words = name.Split('_');
        return words.Any(Secret.Contains) && !words.Any(Harmless.Contains);
    }
}
