using CrunSharp.Engine.Supervision;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Engine.Containers;

/// <summary>The files of a container as its processes see them, but for volumes; read without a mount, whether it runs or not.</summary>
public sealed class ContainerFiles : IDisposable
{
    private readonly CleanupStack _handles = new();

    private ContainerFiles(Container container)
    {
        var layers = LayersOf(container, _handles.Owns(Store.Open(container.Paths.Root)), _handles);
        layers.Reverse();
        View = LayerView.OfLayers([new ViewLayer(_handles.Owns(FileAt.OpenDirectory($"{container.Path}/upper")), []), .. layers]);
    }

    /// <summary>The files.</summary>
    public LayerView View { get; }

    /// <summary>Opens a container's files; its layers stay until this is closed.</summary>
    /// <exception cref="CrunException">The container is damaged, or a layer is missing.</exception>
    public static ContainerFiles Open(Container container)
    {
        container.RequireWhole();
        return new ContainerFiles(container);
    }

    /// <inheritdoc/>
    public void Dispose() => _handles.Dispose();

    /// <summary>A container's layers that show, from the base up; who holds the handles closes them.</summary>
    internal static List<ViewLayer> LayersOf(Container container, Store store, CleanupStack handles)
    {
        var layers = new List<ViewLayer>();
        foreach (var diffId in container.Config.Layers)
        {
            var layer = store.Layers.Get(Digest.Parse(diffId));
            if (layer.HidesAll) layers.Clear();
            layers.Add(new ViewLayer(handles.Owns(layer.OpenDirectory()), layer.Implied));
        }
        return layers;
    }
}
