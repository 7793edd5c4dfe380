using CrunSharp.Engine.Containers;
using CrunSharp.Engine.Volumes;
using CrunSharp.Oci;

namespace CrunSharp.Engine.Supervision;

/// <summary>Takes away what is on disk of a container that does not run.</summary>
internal sealed class ContainerRemoval(Container container)
{
    /// <summary>Removes the container.</summary>
    /// <param name="withVolumes">Whether its volumes without a name go as well.</param>
    public void Run(bool withVolumes)
    {
        new ContainerStore(container.Paths).Remove(container);
        if (!withVolumes) return;
        var volumes = new VolumeStore(container.Paths, TimeProvider.System);
        foreach (var mount in container.Config.Host.Mounts)
        {
            if (mount is not { Type: "volume", IsAnonymous: true, Name: { } name }) continue;
            try
            {
                volumes.Remove(name);
            }
            catch (CrunException error) when (error.Kind is ErrorKind.NotFound or ErrorKind.WrongState)
            {
                // Another container got it with --volumes-from, or somebody removed it.
            }
        }
    }
}
