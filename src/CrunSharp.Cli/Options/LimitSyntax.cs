using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Options;

/// <summary>The limits of what is unpacked, as the environment has them: <c>bytes=128g,entries=8000000,ratio=50000</c>.</summary>
internal static class LimitSyntax
{
    /// <summary>Reads limits; what is not said is as usual.</summary>
    /// <param name="text">The text; null or empty for the usual ones.</param>
    /// <exception cref="CrunException">It has something else.</exception>
    public static LayerLimits Parse(string? text)
    {
        var limits = LayerLimits.Default;
        if (string.IsNullOrEmpty(text)) return limits;
        foreach (var part in text.Split(','))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            try
            {
                var number = Numbers.Bytes(part[(equals + 1)..]);
                limits = (equals < 0 ? "" : part[..equals]) switch
                {
                    "bytes" => limits with { Bytes = number },
                    "entries" => limits with { Entries = number },
                    "ratio" => limits with { Ratio = number },
                    _ => throw CrunException.Invalid("bytes=SIZE, entries=NUMBER or ratio=NUMBER is wanted"),
                };
            }
            catch (CrunException error)
            {
                throw error.Within($"${LayerLimits.Variable}: \"{part}\"");
            }
        }
        return limits;
    }
}
