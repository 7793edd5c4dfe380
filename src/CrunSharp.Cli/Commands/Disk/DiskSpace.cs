using CrunSharp.Build.Cache;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Engine.Containers;
using CrunSharp.Engine.Volumes;
using CrunSharp.Kernel.Files;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Disk;

/// <summary>What one kind of things takes on the disk.</summary>
/// <param name="Type">Docker's name of the kind.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Active">How many are in use.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Reclaimable">How many of these bytes can be had back.</param>
internal sealed record SpaceOf(string Type, int Count, int Active, long Size, long Reclaimable);

/// <summary>An image's share of the disk.</summary>
internal sealed record ImageSpace(ImageUsage Usage, int Containers);

/// <summary>A volume's share of the disk.</summary>
internal sealed record VolumeSpace(VolumeRecord Volume, long Size, int Links);

/// <summary>A remembered build step's share of the disk.</summary>
internal sealed record CacheSpace(CacheEntry Entry, long Size, bool IsShared);

/// <summary>What takes how much of the disk. Together it is what <c>du</c> says of the store, but for a few directories.</summary>
internal sealed class DiskSpace
{
    private DiskSpace(CommandContext context)
    {
        var root = context.Global.RootOf(context);
        var engine = EngineAccess.Open(context);
        engine.Tidy();
        var containers = engine.Containers.List();
        using var store = StoreAccess.Open(context);
        var usage = StoreUsage.Of(store);
        var layersInUse = StoreAccess.LayersInUse(context).ToHashSet();
        Images = [.. usage.Images.Select(i => new ImageSpace(i, containers.Count(c => c.Config.ImageId == i.Image.Id.ToString())))];
        Containers = [.. containers.Select(static c => (ContainerRows.Of(c) with { SizeWritten = DiskUsage.Of(null, c.Path) }, c))];
        var ofImages = usage.Images.Where(static i => i.Image.Damage is null).SelectMany(static i => i.Image.DiffIds).Concat(layersInUse).ToHashSet();
        Cache = [.. CacheFolder.List(root).Where(e => usage.Has(e.Layer)).DistinctBy(static e => e.Layer)
            .Select(e => new CacheSpace(e, usage.SizeOf(e.Layer), ofImages.Contains(e.Layer)))];
        Volumes = [.. engine.Volumes.List().Select(v => VolumeOf(engine.Volumes, v, containers))];

        var cacheLayers = Cache.Where(static c => !c.IsShared).Sum(static c => c.Size);
        var cacheSize = cacheLayers + DiskUsage.Of(null, CacheFolder.PathOf(root));
        var imageSize = usage.Total - cacheLayers;
        var used = usage.SizeOf(Images.Where(static i => i.Containers > 0).Select(static i => i.Usage.Image.Id), layersInUse);
        Kinds =
        [
            new("Images", Images.Count, Images.Count(static i => i.Containers > 0), imageSize, imageSize - used),
            new("Containers", Containers.Count, Containers.Count(static c => c.Container.IsRunning), Containers.Sum(static c => c.Row.SizeWritten ?? 0),
                Containers.Where(static c => !c.Container.IsRunning).Sum(static c => c.Row.SizeWritten ?? 0)),
            new("Local Volumes", Volumes.Count, Volumes.Count(static v => v.Links > 0), Volumes.Sum(static v => v.Size), Volumes.Where(static v => v.Links == 0).Sum(static v => v.Size)),
            new("Build Cache", Cache.Count, 0, cacheSize, cacheSize),
        ];
    }

    /// <summary>The sums, in docker's order.</summary>
    public IReadOnlyList<SpaceOf> Kinds { get; }

    public IReadOnlyList<ImageSpace> Images { get; }

    public IReadOnlyList<(ContainerRow Row, Container Container)> Containers { get; }

    public IReadOnlyList<VolumeSpace> Volumes { get; }

    public IReadOnlyList<CacheSpace> Cache { get; }

    /// <summary>Measures the store of a command.</summary>
    public static DiskSpace Of(CommandContext context) => new(context);

    private static VolumeSpace VolumeOf(VolumeStore volumes, VolumeRecord volume, IReadOnlyList<Container> containers)
    {
        var links = containers.Count(c => c.Config.Host.Mounts.Any(m => m.Type == "volume" && m.Name == volume.Name));
        return new VolumeSpace(volume, DiskUsage.Of(null, Path.GetDirectoryName(volumes.DataOf(volume.Name))!), links);
    }
}
