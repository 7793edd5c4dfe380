namespace CrunSharp.Network;

/// <summary>What <see cref="NetworkStore.Create"/> is asked for.</summary>
public sealed record NetworkRequest
{
    /// <summary>The network's name.</summary>
    public required string Name { get; init; }

    /// <summary>The driver.</summary>
    public string Driver { get; init; } = "bridge";

    /// <summary>Its addresses, <c>10.20.0.0/16</c>; null for some that nothing uses.</summary>
    public string? Subnet { get; init; }

    /// <summary>The bridge's address; null for the first that a host can have.</summary>
    public string? Gateway { get; init; }

    /// <summary>The addresses that containers get which ask for none; null for all.</summary>
    public string? IpRange { get; init; }

    /// <summary>Addresses that no container gets.</summary>
    public IReadOnlyDictionary<string, string> AuxAddresses { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether nothing leads in or out.</summary>
    public bool IsInternal { get; init; }

    /// <summary>Kept for <c>inspect</c>.</summary>
    public bool IsAttachable { get; init; }

    /// <summary>Labels.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Options of the driver.</summary>
    public IReadOnlyDictionary<string, string> Options { get; init; } = new Dictionary<string, string>();
}
