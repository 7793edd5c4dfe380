namespace CrunSharp.Build.Dockerfile;

/// <summary>Finds what somebody probably meant.</summary>
internal static class Suggestion
{
    /// <summary><c> (did you mean RUN?)</c>, or nothing when no known word is near.</summary>
    public static string For(string word, IEnumerable<string> known)
    {
        string? best = null;
        var least = word.Length switch { < 3 => 1, < 7 => 2, _ => 3 };
        foreach (var candidate in known)
        {
            var distance = Distance(word, candidate);
            if (distance > least || (best is not null && distance == least)) continue;
            (best, least) = (candidate, distance);
        }
        return best is null || best.Equals(word, StringComparison.OrdinalIgnoreCase) ? "" : $" (did you mean {best}?)";
    }

    /// <summary>The first of the nearest words, of which no more than two letters are wrong; null when there is none, or the word itself is known.</summary>
    public static string? Near(string word, IEnumerable<string> known)
    {
        string? best = null;
        var least = 3;
        foreach (var candidate in known)
        {
            if (candidate == word) return null;
            var distance = Distance(word, candidate, isExact: true);
            if (distance < least) (best, least) = (candidate, distance);
        }
        return best;
    }

    // Levenshtein's distance.
    private static int Distance(string a, string b, bool isExact = false)
    {
        if (a.Length > 64 || b.Length > 64) return int.MaxValue;
        Span<int> row = stackalloc int[65];
        for (var j = 0; j <= b.Length; j++) row[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var same = isExact ? a[i - 1] == b[j - 1] : char.ToUpperInvariant(a[i - 1]) == char.ToUpperInvariant(b[j - 1]);
                var cost = Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (same ? 0 : 1));
                (diagonal, row[j]) = (row[j], cost);
            }
        }
        return row[b.Length];
    }
}
