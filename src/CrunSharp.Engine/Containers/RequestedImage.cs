using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Engine.Containers;

/// <summary>Finds the image of a container, or has it fetched.</summary>
internal static class RequestedImage
{
    /// <summary>The image.</summary>
    /// <exception cref="CrunException">It is not there, and cannot be had.</exception>
    public static Image Find(Store store, ContainerRequest request)
    {
        var here = store.Images.ResolveAll(request.Image);
        var found = request.Platform is { } asked ? here.FirstOrDefault(image => PlatformChoice.IsFor(PlatformOf(image), asked)) : null;
        found ??= here.Count > 0 ? here[0] : null;
        var isRight = found is not null && !request.AlwaysFetch && (request.Platform is not { } wanted || PlatformChoice.IsFor(PlatformOf(found), wanted));
        if (!isRight)
        {
            var canFetch = ImageReference.TryParse(request.Image, out var name) && (found is null || !IsId(found, request.Image));
            if (request.Fetch is { } fetch && canFetch)
            {
                fetch(store, name);
                found = store.Images.TryResolve(name);
            }
            if (found is null) throw CrunException.NotFound($"No such image: {(canFetch ? name.Familiar : request.Image)}");
        }
        if (request.Warn is { } warn) WarnOfPlatform(found!, request.Platform, warn);
        return found!;
    }

    private static void WarnOfPlatform(Image image, Platform? wanted, Action<string> warn)
    {
        var actual = PlatformOf(image);
        if (PlatformChoice.IsFor(actual, wanted ?? Platform.Host)) return;
        warn(wanted is null
            ? $"The requested image's platform ({actual}) does not match the detected host platform ({Platform.Host}) and no specific platform was requested"
            : $"The requested image's platform ({actual}) does not match the specified platform ({wanted})");
    }

    private static Platform PlatformOf(Image image) => PlatformChoice.Of(image.Config);

    // What is called by its id is in no registry.
    private static bool IsId(Image image, string text) =>
        (text.StartsWith("sha256:", StringComparison.Ordinal) || image.Id.Hex.StartsWith(text, StringComparison.Ordinal))
            && !(ImageReference.TryParse(text, out var name) && image.Names.Contains(name));
}
