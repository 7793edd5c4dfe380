using System.Globalization;
using System.Net;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Network.Addresses;

/// <summary>
/// The addresses of a network: a file for each one that is taken, named by the address and made only if it is not
/// there, so an address has one owner whatever is killed when. Its caller holds the network's lock.
/// </summary>
/// <param name="paths">Where networks keep their files.</param>
/// <param name="network">The network's name.</param>
/// <param name="subnet">Its addresses.</param>
internal sealed class AddressPool(NetworkPaths paths, string network, Subnet subnet)
{
    /// <summary>Takes the next free address after the one that was taken last.</summary>
    /// <param name="owner">Who takes it.</param>
    /// <param name="reclaim">Called when no address is free: takes the addresses of the dead away, tells whether there were any.</param>
    /// <exception cref="CrunException">All addresses are taken.</exception>
    public uint Take(LeaseRecord owner, Func<bool> reclaim)
    {
        var last = ReadCursor();
        var next = Next(last);
        if (!TryTake(next, owner))
        {
            if (NextFree(last) is not { } free && (!reclaim() || NextFree(last) is not { } freed))
                throw CrunException.Exists($"all addresses of {subnet} are taken", $"connect to network {network}");
            next = NextFree(last)!.Value;
            if (!TryTake(next, owner)) throw CrunException.WrongState($"the lock of network {network} is not held", $"take {Subnet.ToAddress(next)}");
        }
        AtomicFile.Write(null, paths.CursorOf(network), System.Text.Encoding.ASCII.GetBytes(Subnet.ToAddress(next).ToString()));
        return next;
    }

    /// <summary>Takes an address; false when it is taken.</summary>
    /// <exception cref="CrunException">No container can have it.</exception>
    public bool TryTake(uint address, LeaseRecord owner)
    {
        if (!subnet.IsUsable(address))
            throw CrunException.Invalid($"{Subnet.ToAddress(address)} is no address for a container in {subnet}", $"connect to network {network}");
        return AtomicFile.TryCreate(null, PathOf(address), NetworkJson.Write(owner, NetworkJsonContext.Default.LeaseRecord));
    }

    /// <summary>Who has an address; null when it is free.</summary>
    public LeaseRecord? OwnerOf(uint address)
    {
        try
        {
            return NetworkJson.TryRead(null, PathOf(address), NetworkJsonContext.Default.LeaseRecord);
        }
        catch (CrunException error) when (error.Kind == ErrorKind.Integrity)
        {
            FileAt.Remove(null, PathOf(address)); // a power cut left it empty: nobody has it any more
            return null;
        }
    }

    /// <summary>Gives an address back.</summary>
    public void Free(uint address) => FileAt.Remove(null, PathOf(address));

    /// <summary>All addresses that are taken.</summary>
    public List<uint> Taken()
    {
        var taken = new List<uint>();
        using var directory = FileAt.OpenDirectory(paths.LeasesOf(network));
        foreach (var name in FileAt.List(directory))
            if (IPAddress.TryParse(name, out var address) && address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork)
                taken.Add(Subnet.ToNumber(address));
        return taken;
    }

    private string PathOf(uint address) => string.Create(CultureInfo.InvariantCulture, $"{paths.LeasesOf(network)}/{Subnet.ToAddress(address)}");

    private uint Next(uint after) => after + 1 < subnet.Last && after > subnet.Gateway ? after + 1 : subnet.Gateway + 1;

    private uint? NextFree(uint last)
    {
        var taken = new HashSet<uint>(Taken());
        var next = Next(last);
        for (var i = subnet.Gateway + 1; i < subnet.Last; i++, next = Next(next)) if (!taken.Contains(next)) return next;
        return null;
    }

    private uint ReadCursor() =>
        AtomicFile.TryRead(null, paths.CursorOf(network), 64) is { } text
        && IPAddress.TryParse(System.Text.Encoding.ASCII.GetString(text), out var address)
        && address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork
            ? Subnet.ToNumber(address)
            : subnet.Gateway;
}
