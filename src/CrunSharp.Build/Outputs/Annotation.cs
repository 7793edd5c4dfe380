using CrunSharp.Build.Dockerfile;
using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Build.Outputs;

/// <summary>What a note is about.</summary>
public enum AnnotationPlace
{
    /// <summary>An image's manifest.</summary>
    Manifest,

    /// <summary>The index of an image for several platforms.</summary>
    Index,

    /// <summary>What refers to an image's manifest.</summary>
    ManifestDescriptor,

    /// <summary>What refers to the index.</summary>
    IndexDescriptor,
}

/// <summary>A note about an image: <c>--annotation</c>.</summary>
/// <param name="Place">What it is about.</param>
/// <param name="Platform">The only platform whose image it is about; null for all.</param>
/// <param name="Key">Its name.</param>
/// <param name="Value">What it says.</param>
/// <seealso href="https://docs.docker.com/build/metadata/annotations/"/>
public sealed record Annotation(AnnotationPlace Place, Platform? Platform, string Key, string Value)
{
    private static readonly Dictionary<string, AnnotationPlace> Places = new(StringComparer.Ordinal)
    {
        ["manifest"] = AnnotationPlace.Manifest,
        ["index"] = AnnotationPlace.Index,
        ["manifest-descriptor"] = AnnotationPlace.ManifestDescriptor,
        ["index-descriptor"] = AnnotationPlace.IndexDescriptor,
    };

    /// <summary>Reads <c>[PLACE[PLATFORM][,PLACE…]:]KEY=VALUE</c>, as <c>--annotation</c> has it.</summary>
    /// <exception cref="CrunException">It has no key, or a place is not known.</exception>
    public static IReadOnlyList<Annotation> Parse(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0) throw CrunException.Invalid($"invalid annotation {text}, expected key=value");
        var (key, value) = (text[..equals], text[(equals + 1)..]);
        // A key may have colons of its own, but what is before the first one is a list of places only if it begins with one.
        var colon = key.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0) return [new Annotation(AnnotationPlace.Manifest, null, key, value)];
        var (places, name) = (key[..colon], key[(colon + 1)..]);
        if (name.Length == 0) throw CrunException.Invalid($"invalid annotation {text}: the key is empty");
        return [.. places.Split(',').Select(place => Of(place, name, value))];
    }

    /// <summary>Reads an attribute of <c>--output</c>, such as <c>annotation-index.KEY</c>; null when it is none.</summary>
    internal static Annotation? TryAttribute(string attribute, string value)
    {
        var dot = attribute.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0 || dot + 1 == attribute.Length) return null;
        var (place, key) = (attribute[..dot], attribute[(dot + 1)..]);
        if (place == "annotation") return new Annotation(AnnotationPlace.Manifest, null, key, value);
        return place.StartsWith("annotation-", StringComparison.Ordinal) ? Of(place["annotation-".Length..], key, value) : null;
    }

    /// <summary>Whether it is about a place, and a platform's image.</summary>
    internal bool IsFor(AnnotationPlace place, Platform? platform) =>
        Place == place && (Platform is null || (platform is not null && PlatformChoice.IsFor(platform, Platform)));

    private static Annotation Of(string place, string key, string value)
    {
        Platform? platform = null;
        var bracket = place.IndexOf('[', StringComparison.Ordinal);
        if (bracket >= 0)
        {
            if (!place.EndsWith(']')) throw CrunException.Invalid($"invalid annotation type {place}: a platform in brackets is expected");
            (place, platform) = (place[..bracket], PlatformChoice.Parse(place[(bracket + 1)..^1]));
        }
        if (!Places.TryGetValue(place, out var known))
            throw CrunException.Invalid($"unknown annotation type \"{place}\"{Suggestion.For(place, Places.Keys)}: {string.Join(", ", Places.Keys)} are known");
        if (platform is not null && known is AnnotationPlace.Index or AnnotationPlace.IndexDescriptor)
            throw CrunException.Invalid($"the annotation type {place} is for all platforms");
        return new Annotation(known, platform, key, value);
    }
}
