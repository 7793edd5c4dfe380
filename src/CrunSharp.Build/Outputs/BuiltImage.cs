using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Build.Outputs;

/// <summary>What a build gave for one platform, before it goes anywhere.</summary>
/// <param name="Platform">The platform.</param>
/// <param name="Config">The configuration.</param>
/// <param name="Layers">The layers, from the base up.</param>
/// <param name="BaseCount">How many of them are the base image's.</param>
/// <param name="BaseId">The base image's id; null for none.</param>
internal sealed record BuiltImage(Platform Platform, ImageConfig Config, IReadOnlyList<Layer> Layers, int BaseCount, Digest? BaseId)
{
    /// <summary>The configuration's bytes.</summary>
    public byte[] RawConfig { get; } = ImageJson.Write(Config);

    /// <summary>The image's id.</summary>
    public Digest Id => Digest.Of(RawConfig);

    /// <summary>The files' folder where each platform has one.</summary>
    public string FolderName => Platform.ToString().Replace('/', '_');

    /// <summary>The same image with other layers on the base's.</summary>
    private BuiltImage With(IReadOnlyList<Layer> layers, ImageConfig config) => new(Platform,
        config with { Rootfs = new RootFs { DiffIds = [.. layers.Select(static layer => layer.DiffId)] } }, layers, BaseCount, BaseId);

    /// <summary>The same image with its new layers as one: all entries of the history stay, and one more tells of the layer.</summary>
    /// <param name="store">Where layers are.</param>
    /// <param name="created">When, RFC 3339.</param>
    /// <param name="withBase">Whether the base's layers become part of it.</param>
    public BuiltImage Squash(Store store, string created, bool withBase)
    {
        var kept = withBase ? 0 : BaseCount;
        if (Layers.Count - kept < 2) return this;
        var merged = store.Layers.Merge([.. Layers.Skip(kept)], [.. Layers.Take(kept)]);
        var (history, left) = (new List<HistoryEntry>(), kept);
        foreach (var entry in Config.History ?? [])
            history.Add(entry.EmptyLayer == true || left-- > 0 ? entry : entry with { EmptyLayer = true });
        history.Add(new HistoryEntry { Created = created, Comment = !withBase && BaseId is { } parent ? $"merge {Id} to {parent}" : $"create new from {Id}" });
        return With([.. Layers.Take(kept), merged], Config with { History = history }) with { BaseCount = kept };
    }

    /// <summary>The same image whose new layers have no time after another one.</summary>
    /// <param name="store">Where layers are.</param>
    /// <param name="latest">The latest time.</param>
    public BuiltImage Rewrite(Store store, DateTimeOffset latest)
    {
        var time = new FileTime(latest.ToUnixTimeSeconds(), 0);
        return With([.. Layers.Take(BaseCount), .. Layers.Skip(BaseCount).Select(layer => store.Layers.Rewrite(layer, time))], Config);
    }

    /// <summary>What its layers show; null for nothing. The layers' directories are closed with the list.</summary>
    /// <param name="open">Gets the directories.</param>
    public LayerView View(List<IDisposable> open)
    {
        var showing = new List<ViewLayer>();
        foreach (var layer in Layers)
        {
            var directory = layer.OpenDirectory();
            open.Add(directory);
            if (layer.HidesAll) showing.Clear();
            showing.Add(new ViewLayer(directory, layer.Implied));
        }
        showing.Reverse();
        return LayerView.OfLayers(showing);
    }
}
