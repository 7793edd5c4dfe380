using CrunSharp.Build.Dockerfile;
using CrunSharp.Oci;

namespace CrunSharp.Build.Outputs;

/// <summary>The values of <c>--provenance</c>, <c>--attest</c> and <c>--sbom</c>.</summary>
public static class ProvenanceSyntax
{
    private static readonly string[] Attributes = ["type", "mode", "version", "disabled", "builder-id", "reproducible", "inline-only"];

    /// <summary>Reads <c>true</c>, <c>false</c>, <c>min</c>, <c>max</c>, or <c>mode=…,version=…</c>.</summary>
    /// <returns>Null for none.</returns>
    /// <exception cref="CrunException">It is nothing of that.</exception>
    public static ProvenanceOptions? Parse(string text) => text switch
    {
        "" or "1" or "true" or "min" => new ProvenanceOptions(IsFull: false),
        "0" or "false" => null,
        "max" => new ProvenanceOptions(IsFull: true),
        _ when text.Contains('=', StringComparison.Ordinal) => ParseAttestation(text.Contains("type=", StringComparison.Ordinal) ? text : "type=provenance," + text),
        _ => throw CrunException.Invalid($"\"{text}\": must be true, false, min, max or mode=MODE{Suggestion.For(text, ["true", "false", "min", "max"])}"),
    };

    /// <summary>Reads <c>type=provenance[,mode=min|max][,version=v1|v0.2][,disabled=true]</c>.</summary>
    /// <returns>Null for none.</returns>
    /// <exception cref="CrunException">The type or an attribute is not known.</exception>
    public static ProvenanceOptions? ParseAttestation(string text)
    {
        string? type = null;
        var (options, isDisabled) = (new ProvenanceOptions(IsFull: false), false);
        foreach (var field in OutputSyntax.SplitFields(text))
        {
            var equals = field.IndexOf('=', StringComparison.Ordinal);
            var (key, value) = equals < 0 ? (field, "") : (field[..equals].Trim(), field[(equals + 1)..]);
            switch (key)
            {
                case "type": type = value; break;
                case "disabled": isDisabled = value is "" or "true" or "1"; break;
                case "mode": options = options with { IsFull = value is "max" || (value is "min" ? false : throw CrunException.Invalid($"mode={value}: must be min or max")) }; break;
                case "version": options = options with { IsFirstVersion = value is "v1" || (value is "v0.2" ? false : throw CrunException.Invalid($"version={value}: must be v1 or v0.2")) }; break;
                case "builder-id": options = options with { BuilderId = value }; break;
                case "reproducible" or "inline-only": break;
                default: throw CrunException.Invalid($"unknown attribute \"{key}\" of an attestation{Suggestion.For(key, Attributes)}");
            }
        }
        if (type == "sbom" && !isDisabled) RefuseSbom("true");
        if (type is not ("provenance" or "sbom")) throw CrunException.Invalid(type is null ? $"attestation type not specified: {text}" : $"unknown attestation type \"{type}\"{Suggestion.For(type, ["provenance"])}: provenance is known");
        return isDisabled || type == "sbom" ? null : options;
    }

    /// <summary>Refuses a bill of materials unless none is wanted.</summary>
    /// <exception cref="CrunException">One is wanted.</exception>
    public static void RefuseSbom(string text)
    {
        if (text is not ("false" or "0")) throw CrunException.Unsupported("a bill of materials is not supported: scan the image with a scanner of your choice");
    }
}
