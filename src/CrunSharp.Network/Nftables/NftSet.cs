using static CrunSharp.Kernel.Libc.NFT;

namespace CrunSharp.Network.Nftables;

/// <summary>A type of keys and data: one field, or several that follow each other.</summary>
/// <param name="Fields">The fields.</param>
internal sealed record NftType(params NftField[] Fields)
{
    /// <summary>The number of <c>ifname</c>, as the nft tool numbers types.</summary>
    public const uint InterfaceName = 41;

    /// <summary>Name of an interface.</summary>
    public static readonly NftField Interface = new(InterfaceName, 16);

    /// <summary>IPv4 address.</summary>
    public static readonly NftField IPv4 = new(7, 4);

    /// <summary>IPv6 address.</summary>
    public static readonly NftField IPv6 = new(8, 16);

    /// <summary>Transport protocol; one byte in a register of four.</summary>
    public static readonly NftField Protocol = new(12, 1);

    /// <summary>Port; two bytes in a register of four.</summary>
    public static readonly NftField Port = new(13, 2);

    /// <summary>The number of the type, six bits for each field.</summary>
    public uint Id
    {
        get
        {
            var id = 0u;
            foreach (var part in Fields) id = (id << 6) | part.Id;
            return id;
        }
    }

    /// <summary>The length in bytes; fields begin at multiples of four.</summary>
    public int Length
    {
        get
        {
            if (Fields.Length == 1) return Fields[0].Length;
            var length = 0;
            foreach (var part in Fields) length += (part.Length + 3) & ~3;
            return length;
        }
    }
}

/// <summary>A field of a type.</summary>
/// <param name="Id">Its number, as the nft tool numbers types.</param>
/// <param name="Length">Its length in bytes.</param>
internal sealed record NftField(uint Id, int Length);

/// <summary>A set, or a map when it has data.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Key">The type of its keys.</param>
/// <param name="Data">The type of its data.</param>
/// <param name="IsInterval">Whether its keys are ranges.</param>
internal sealed record NftSet(string Name, NftType Key, NftType? Data = null, bool IsInterval = false)
{
    /// <summary>NFT_SET_….</summary>
    public int Flags => (Data is null ? 0 : NFT_SET_MAP) | (IsInterval ? NFT_SET_INTERVAL | NFT_SET_CONCAT : 0);
}

/// <summary>An element of a set or map.</summary>
/// <param name="Key">Its key, or the first of its range.</param>
/// <param name="Data">Its data in a map.</param>
/// <param name="KeyEnd">The last of its range.</param>
internal sealed record NftElement(byte[] Key, byte[]? Data = null, byte[]? KeyEnd = null);
