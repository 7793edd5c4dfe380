using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Templates;
using CrunSharp.Engine;
using CrunSharp.Engine.Volumes;

namespace CrunSharp.Cli.Commands.Volumes;

/// <summary>A volume as <c>inspect</c> shows it, in docker's schema.</summary>
internal static class VolumeDocument
{
    public static DomObject? TryFind(CommandContext context, string name)
    {
        var engine = EngineAccess.Open(context);
        return engine.Volumes.TryFind(name) is { } volume ? Of(engine, volume) : null;
    }

    public static VolumeRow RowOf(ContainerEngine engine, VolumeRecord volume) =>
        new(volume.Name, "local", engine.Volumes.DataOf(volume.Name), [.. volume.Labels]);

    private static DomObject Of(ContainerEngine engine, VolumeRecord volume)
    {
        var labels = new DomObject { IsMap = true };
        foreach (var (key, value) in volume.Labels) labels[key] = value;
        return new DomObject
        {
            ["CreatedAt"] = volume.Created,
            ["Driver"] = "local",
            ["Labels"] = volume.Labels.Count > 0 ? labels : null,
            ["Mountpoint"] = engine.Volumes.DataOf(volume.Name),
            ["Name"] = volume.Name,
            ["Options"] = null,
            ["Scope"] = "local",
        };
    }
}
