using CrunSharp.Kernel.Files;
using CrunSharp.Network.Addresses;
using CrunSharp.Oci;

namespace CrunSharp.Network;

/// <summary>What is chosen once for a network.</summary>
internal sealed record NetworkRecord
{
    /// <summary>The network's name.</summary>
    public required string Name { get; init; }

    /// <summary>The name of its bridge, at most 15 bytes.</summary>
    public required string Bridge { get; init; }

    /// <summary>Its addresses, <c>10.88.0.0/16</c>.</summary>
    public required string Subnet { get; init; }

    /// <summary>Its addresses.</summary>
    /// <exception cref="CrunException">The record holds something else.</exception>
    public Subnet ParseSubnet() => Addresses.Subnet.Parse(Subnet);

    /// <summary>The records of all networks.</summary>
    public static List<NetworkRecord> All(NetworkPaths paths)
    {
        var all = new List<NetworkRecord>();
        using var directory = FileAt.TryOpen(null, paths.Run, OpenFlagsOfDirectory, out _);
        if (directory is null) return all;
        foreach (var name in FileAt.List(directory))
            if (TryRead(paths, name) is { } record) all.Add(record);
        return all;
    }

    /// <summary>The record of a network; null when there is none, or a power cut or a hand spoiled it.</summary>
    public static NetworkRecord? TryRead(NetworkPaths paths, string name)
    {
        try
        {
            var record = NetworkJson.TryRead(null, paths.RecordOf(name), NetworkJson.Network);
            record?.ParseSubnet();
            return record?.Name == name && record.Bridge.Length is > 0 and < 16 ? record : null;
        }
        catch (CrunException error) when (error.Kind is ErrorKind.Integrity or ErrorKind.InvalidInput)
        {
            return null;
        }
    }

    private const Kernel.Libc.OpenFlags OpenFlagsOfDirectory = Kernel.Libc.OpenFlags.O_RDONLY | Kernel.Libc.OpenFlags.O_DIRECTORY;
}
