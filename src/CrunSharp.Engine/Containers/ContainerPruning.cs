using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Engine.Containers;

/// <summary>Removes containers that do not run.</summary>
public static class ContainerPruning
{
    /// <summary>Removes containers that do not run; those that are just being made or started stay.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="isWanted">Which of them.</param>
    /// <returns>The ids of those that are gone, and how many bytes each had on the disk.</returns>
    public static IReadOnlyList<(string Id, long Bytes)> Run(ContainerEngine engine, Func<Container, bool> isWanted)
    {
        engine.Tidy();
        var removed = new List<(string Id, long Bytes)>();
        foreach (var container in engine.Containers.List())
        {
            if (container.IsRunning || container.IsSupervised || IsBeingStarted(container) || !isWanted(container)) continue;
            var bytes = DiskUsage.Of(null, container.Path);
            try
            {
                engine.Remove(container);
                removed.Add((container.Id, bytes));
            }
            catch (CrunException error) when (error.Kind is ErrorKind.WrongState or ErrorKind.NotFound)
            {
                // It was started or removed a moment ago.
            }
        }
        return removed;
    }

    // By the process that made it, which holds this lock as long as it lives.
    private static bool IsBeingStarted(Container container)
    {
        if (!container.Config.StartsAtOnce || container.WrittenState.Status != ContainerStatus.Created) return false;
        using var held = FileLock.TryExisting(null, $"{container.Path}/{Container.StarterLock}", shared: true, wait: false);
        return held is null;
    }
}
