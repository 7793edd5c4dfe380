using CrunSharp.Build.Cache;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Options;
using CrunSharp.Engine.Containers;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>How commands get to images.</summary>
internal static class StoreAccess
{
    /// <summary>The store in the directory that the global options name.</summary>
    public static Store Open(CommandContext context) => Store.Open(context.Global.RootOf(context), LimitsOf(context));

    /// <summary>How much what comes from elsewhere may unpack to: <c>$CRUN_SHARP_LAYER_LIMITS</c>, or the default.</summary>
    public static LayerLimits LimitsOf(CommandContext context) => LimitSyntax.Parse(context.Variable(LayerLimits.Variable));

    /// <summary>The containers, as far as they are in the way of removing images.</summary>
    public static IReadOnlyList<ImageUse> Uses(CommandContext context)
    {
        var uses = new List<ImageUse>();
        foreach (var container in Containers(context))
        {
            if (Digest.TryParse(container.Config.ImageId, out var image)) uses.Add(new ImageUse(container.Id, image, container.IsRunning));
        }
        return uses;
    }

    /// <summary>The layers of containers, which stay when their image or the build cache goes.</summary>
    public static IEnumerable<Digest> LayersInUse(CommandContext context)
    {
        foreach (var container in Containers(context))
        {
            foreach (var layer in container.Config.Layers)
            {
                if (Digest.TryParse(layer, out var diffId)) yield return diffId;
            }
        }
    }

    /// <summary>The layers that stay when an image goes: those of containers, and those that the build cache has.</summary>
    public static IEnumerable<Digest> LayersToKeep(CommandContext context) =>
        LayersInUse(context).Concat(CacheFolder.List(context.Global.RootOf(context)).Select(static entry => entry.Layer));

    /// <summary>Who uses layers besides images: containers, and what the build cache knows.</summary>
    public static IReadOnlyList<LayerUse> LayerUses(CommandContext context)
    {
        var uses = new List<LayerUse>();
        foreach (var container in Containers(context))
        {
            var isRunning = container.IsRunning;
            foreach (var layer in container.Config.Layers)
            {
                if (Digest.TryParse(layer, out var diffId)) uses.Add(new LayerUse(diffId, $"container {container.Config.Name}", IsNeeded: true, isRunning));
            }
        }
        foreach (var entry in CacheFolder.List(context.Global.RootOf(context))) uses.Add(new LayerUse(entry.Layer, "build cache", IsNeeded: false, IsRunning: false));
        return uses;
    }

    private static IReadOnlyList<Container> Containers(CommandContext context) => EngineAccess.Open(context).Containers.List();
}
