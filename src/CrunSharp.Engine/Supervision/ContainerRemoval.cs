using CrunSharp.Engine.Containers;
using CrunSharp.Engine.Volumes;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Engine.Supervision;

/// <summary>
/// Takes away what is on disk of a container that does not run, in two parts: from <see cref="Begin"/> on the container is
/// gone for everybody, and when this is disposed its files are. Who removes it holds the lock of its directory all the
/// time: files in the trash that nobody has locked are of one that was killed, and are swept by the next command.
/// </summary>
internal sealed class ContainerRemoval : IDisposable
{
    private readonly string _trash;

    private ContainerRemoval(string trash) => _trash = trash;

    /// <summary>Removes the container, all but its files, for its supervisor, which holds the lock.</summary>
    /// <param name="container">The container.</param>
    /// <param name="withVolumes">Whether its volumes without a name go as well.</param>
    public static ContainerRemoval Begin(Container container, bool withVolumes)
    {
        var removal = new ContainerRemoval(new ContainerStore(container.Paths).MoveToTrash(container, withVolumes));
        if (withVolumes) RemoveVolumes(container);
        return removal;
    }

    /// <summary>Removes the container with its files, unless somebody else does.</summary>
    public static void Run(Container container, bool withVolumes)
    {
        using var held = FileLock.TryExisting(null, container.Path, shared: false, wait: true);
        if (held is not null) Begin(container, withVolumes).Dispose();
    }

    /// <inheritdoc/>
    public void Dispose() => FileAt.RemoveTree(null, _trash);

    /// <summary>Removes the volumes without a name of a container that is gone.</summary>
    public static void RemoveVolumes(Container container)
    {
        var volumes = new VolumeStore(container.Paths, TimeProvider.System);
        foreach (var mount in container.Config.Host.Mounts)
        {
            if (mount is not { Type: "volume", IsAnonymous: true, Name: { } name }) continue;
            try
            {
                volumes.Discard(name);
            }
            catch (CrunException error) when (error.Kind is ErrorKind.WrongState)
            {
                // Another container got it with --volumes-from.
            }
        }
    }
}
