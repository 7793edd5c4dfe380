using System.Net;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;

namespace CrunSharp.Network.Nftables;

/// <summary>The elements of the maps that lead published ports to containers.</summary>
internal static class PortMap
{
    /// <summary>Adds the elements of ports to a batch.</summary>
    public static void Add(NftBatch batch, IReadOnlyList<PortForward> ports, IPAddress container)
    {
        ForEachMap(ports, (map, keys, forwards) =>
        {
            var elements = new NftElement[keys.Count];
            for (var i = 0; i < elements.Length; i++) elements[i] = new NftElement(keys[i], DataOf(forwards[i], container));
            batch.AddElements(map, elements);
        });
    }

    /// <summary>
    /// Removes the elements of ports that still lead to the container; others are left alone. The caller holds the
    /// lease of the container's address.
    /// </summary>
    /// <exception cref="CrunException">The kernel refuses.</exception>
    public static void Remove(NetlinkSocket netfilter, IReadOnlyList<PortForward> ports, IPAddress container)
    {
        var batch = Ruleset.Batch();
        var found = false;
        ForEachMap(ports, (map, keys, forwards) =>
        {
            var mine = new List<NftElement>(keys.Count);
            for (var i = 0; i < keys.Count; i++)
                if (OwnerOf(netfilter, map, keys[i]) is { } owner && owner.Equals(container)) mine.Add(new NftElement(keys[i]));
            if (mine.Count == 0) return;
            found = true;
            batch.DeleteElements(map, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(mine));
        });
        if (!found) return;
        foreach (var error in batch.TryExecute(netfilter)) if (error.Errno != Errno.ENOENT) throw error.ToException();
    }

    /// <summary>The container that a published port leads to; null when it leads nowhere.</summary>
    public static IPAddress? OwnerOf(NetlinkSocket netfilter, PortForward port) =>
        port.HasIPv4 ? OwnerOf(netfilter, MapOf(port), KeyOf(port)) : null;

    /// <summary>Removes the element of a port whatever it leads to.</summary>
    public static void Remove(NetlinkSocket netfilter, PortForward port)
    {
        var batch = Ruleset.Batch();
        batch.DeleteElements(MapOf(port), new NftElement(KeyOf(port)));
        batch.TryExecute(netfilter);
    }

    private static IPAddress? OwnerOf(NetlinkSocket netfilter, string map, byte[] key) =>
        NftBatch.TryGetElement(netfilter, NF.NFPROTO_INET, Ruleset.Table, map, key) is { Length: >= 4 } data ? new IPAddress(data.AsSpan(0, 4)) : null;

    private static void ForEachMap(IReadOnlyList<PortForward> ports, Action<string, List<byte[]>, List<PortForward>> action)
    {
        foreach (var map in (string[])["dnat4", "dnat4a"])
        {
            var keys = new List<byte[]>();
            var forwards = new List<PortForward>();
            foreach (var port in ports)
            {
                if (!port.HasIPv4 || MapOf(port) != map) continue;
                keys.Add(KeyOf(port));
                forwards.Add(port);
            }
            if (keys.Count > 0) action(map, keys, forwards);
        }
    }

    private static bool IsOnAll(PortForward port) => port.HostIp is null || port.HostIp.Equals(IPAddress.Any);

    private static string MapOf(PortForward port) => IsOnAll(port) ? "dnat4" : "dnat4a";

    // Each field begins at a multiple of four bytes.
    private static byte[] KeyOf(PortForward port)
    {
        byte[] key = [port.ProtocolNumber, 0, 0, 0, (byte)(port.HostPort >> 8), (byte)port.HostPort, 0, 0];
        return IsOnAll(port) ? key : [.. port.HostIp!.GetAddressBytes(), .. key];
    }

    private static byte[] DataOf(PortForward port, IPAddress container) =>
        [.. container.GetAddressBytes(), (byte)(port.ContainerPort >> 8), (byte)port.ContainerPort, 0, 0];
}
