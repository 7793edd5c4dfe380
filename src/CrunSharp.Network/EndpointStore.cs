using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Network;

/// <summary>The files of the containers in a network: written before anything is made in the kernel, removed as the last.</summary>
/// <param name="paths">Where networks keep their files.</param>
/// <param name="key">The network's directory.</param>
internal sealed class EndpointStore(NetworkPaths paths, string key)
{
    /// <summary>Writes the record of a container.</summary>
    public void Write(EndpointRecord record) =>
        AtomicFile.Write(null, paths.EndpointOf(key, record.ContainerId), NetworkJson.Endpoint.Format(record));

    /// <summary>The record of a container; null when it has none.</summary>
    public EndpointRecord? TryRead(string containerId) => TryReadFile(paths.EndpointOf(key, containerId));

    /// <summary>Removes the record of a container, if it is still of the same connection.</summary>
    public void Remove(EndpointRecord record)
    {
        if (TryRead(record.ContainerId) is { } current && current.HostInterface == record.HostInterface)
            FileAt.Remove(null, paths.EndpointOf(key, record.ContainerId));
    }

    /// <summary>Removes what a process left that was killed while it wrote the record of a container.</summary>
    public void RemoveDrafts(string containerId)
    {
        using var directory = FileAt.OpenDirectory(paths.EndpointsOf(key));
        foreach (var name in FileAt.List(directory))
        {
            if (name.StartsWith($".{containerId}.", StringComparison.Ordinal)) FileAt.Remove(directory, name);
        }
    }

    /// <summary>The records of all containers.</summary>
    public List<EndpointRecord> All()
    {
        var all = new List<EndpointRecord>();
        using var directory = FileAt.TryOpen(null, paths.EndpointsOf(key), OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
        if (directory is null) return all;
        foreach (var name in FileAt.List(directory))
            if (!name.StartsWith('.') && TryReadFile($"{paths.EndpointsOf(key)}/{name}") is { } record) all.Add(record);
        return all;
    }

    private static EndpointRecord? TryReadFile(string path)
    {
        try
        {
            return NetworkJson.TryRead(null, path, NetworkJson.Endpoint);
        }
        catch (CrunException error) when (error.Kind == ErrorKind.Integrity)
        {
            FileAt.Remove(null, path); // a power cut left it empty; what it described ended with the power
            return null;
        }
    }
}
