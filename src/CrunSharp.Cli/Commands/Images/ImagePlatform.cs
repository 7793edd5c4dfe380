using CrunSharp.Cli.CommandLine;
using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>The option <c>--platform</c> of commands on images that are here: it chooses among those that a name stands for.</summary>
internal static class ImagePlatform
{
    /// <summary>The option.</summary>
    /// <typeparam name="T">The record that it fills.</typeparam>
    /// <param name="summary">What help says of it.</param>
    /// <param name="set">Stores the platform; null when none is wanted.</param>
    public static Option Option<T>(string summary, Action<T, Platform?> set) where T : class =>
        new Value<T>("platform", '\0', "string", summary + " (os[/architecture[/variant]])", (o, v) => set(o, v.Length == 0 ? null : PlatformChoice.Parse(v)));

    /// <summary>Finds an image, and sees to it that it is for a platform.</summary>
    /// <param name="store">The store.</param>
    /// <param name="reference">The image's name or id.</param>
    /// <param name="wanted">The platform; null for any.</param>
    /// <exception cref="CrunException">There is none, or it is for another platform.</exception>
    public static Image Resolve(Store store, string reference, Platform? wanted) =>
        wanted is null ? store.Images.Resolve(reference) : Choose(store.Images.ResolveAll(reference), wanted) ?? Check(store.Images.Resolve(reference), reference, wanted);

    /// <summary>The image for a platform; null when none is for it.</summary>
    public static Image? Choose(IReadOnlyList<Image> images, Platform wanted) => images.FirstOrDefault(image => PlatformChoice.IsFor(PlatformChoice.Of(image.Config), wanted));

    /// <summary>Sees to it that an image is for a platform.</summary>
    /// <exception cref="CrunException">It is for another one.</exception>
    public static Image Check(Image image, string reference, Platform? wanted) =>
        wanted is null || PlatformChoice.Of(image.Config) is var actual && PlatformChoice.IsFor(actual, wanted) ? image
        : throw CrunException.NotFound($"image with reference {reference} was found but its platform ({actual}) does not match the specified platform ({wanted})");
}
