namespace CrunSharp.Registry;

/// <summary>Where the rest of a list is.</summary>
/// <seealso href="https://www.rfc-editor.org/rfc/rfc8288"/>
internal static class Links
{
    /// <summary>The most pages of one list.</summary>
    public const int MostPages = 10_000;

    /// <summary>The address in a header <c>Link</c> of the relation <c>next</c>; null when there is none.</summary>
    public static string? Next(string? header)
    {
        for (var rest = header ?? ""; ;)
        {
            var (start, end) = (rest.IndexOf('<', StringComparison.Ordinal), rest.IndexOf('>', StringComparison.Ordinal));
            if (start < 0 || end < start) return null;
            var target = rest[(start + 1)..end];
            rest = rest[(end + 1)..];
            var parameters = rest.IndexOf('<', StringComparison.Ordinal) is var next and >= 0 ? rest[..next] : rest;
            foreach (var parameter in parameters.Split(';', ','))
            {
                var parts = parameter.Split('=', 2);
                if (parts.Length == 2 && parts[0].Trim().Equals("rel", StringComparison.OrdinalIgnoreCase)
                    && parts[1].Trim().Trim('"').Equals("next", StringComparison.OrdinalIgnoreCase)) return target;
            }
        }
    }
}
