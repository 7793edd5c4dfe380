using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Network.Addresses;

/// <summary>
/// The addresses of a network: a file for each one that is taken, named by the address and made only if it is not
/// there, so an address has one owner whatever is killed when. Its caller holds the network's lock.
/// </summary>
/// <param name="paths">Where networks keep their files.</param>
/// <param name="network">The network.</param>
/// <param name="plan">Its addresses.</param>
internal sealed class AddressPool(NetworkPaths paths, NetworkRecord network, AddressPlan plan)
{
    /// <summary>Takes the next free address after the one that was taken last.</summary>
    /// <param name="owner">Who takes it.</param>
    /// <param name="reclaim">Called when no address is free: takes the addresses of the dead away, tells whether there were any.</param>
    /// <exception cref="CrunException">All addresses are taken.</exception>
    public uint Take(LeaseRecord owner, Func<bool> reclaim)
    {
        using var cursor = FileAt.Open(null, paths.CursorOf(network.Key), OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_NOFOLLOW, 0x180);
        var last = ReadCursor(cursor);
        if (plan.Next(last) is not { } next || !TryTake(next, owner))
        {
            next = NextFree(last) ?? (reclaim() ? NextFree(last) : null)
                ?? throw CrunException.Exists($"all addresses of {plan.Range} are taken", $"connect to network {network.Name}");
            if (!TryTake(next, owner)) throw CrunException.WrongState($"the lock of network {network.Name} is not held", $"take {Subnet.ToAddress(next)}");
        }
        WriteCursor(cursor, next);
        return next;
    }

    /// <summary>Takes an address; false when it is taken.</summary>
    /// <exception cref="CrunException">No container can have it.</exception>
    public bool TryTake(uint address, LeaseRecord owner)
    {
        if (!plan.IsUsable(address))
            throw CrunException.Invalid($"{Subnet.ToAddress(address)} is no address for a container in {plan.Subnet}", $"connect to network {network.Name}");
        return AtomicFile.TryCreate(null, PathOf(address), NetworkJson.Lease.Format(owner));
    }

    /// <summary>Who has an address; null when it is free.</summary>
    public LeaseRecord? OwnerOf(uint address)
    {
        try
        {
            return NetworkJson.TryRead(null, PathOf(address), NetworkJson.Lease);
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
        using var directory = FileAt.OpenDirectory(paths.LeasesOf(network.Key));
        foreach (var name in FileAt.List(directory))
            if (IPAddress.TryParse(name, out var address) && address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork)
                taken.Add(Subnet.ToNumber(address));
        return taken;
    }

    private string PathOf(uint address) => string.Create(CultureInfo.InvariantCulture, $"{paths.LeasesOf(network.Key)}/{Subnet.ToAddress(address)}");

    private uint? NextFree(uint last)
    {
        var taken = new HashSet<uint>(Taken());
        var next = plan.Next(last);
        for (ulong i = 0; next is { } address && i <= plan.Range.Last - plan.Range.First; i++, next = plan.Next(address))
            if (!taken.Contains(address)) return address;
        return null;
    }

    // A number; whatever else the file holds, the search then begins at the first address.
    private uint ReadCursor(SafeFileHandle cursor)
    {
        Span<byte> bytes = stackalloc byte[4];
        return RandomAccess.Read(cursor, bytes, 0) == 4 ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : plan.Range.Last;
    }

    private static void WriteCursor(SafeFileHandle cursor, uint address)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, address);
        RandomAccess.Write(cursor, bytes, 0);
    }
}
