using System.Net;
using CrunSharp.Kernel.Files;
using CrunSharp.Network.Addresses;

namespace CrunSharp.Network.Names;

/// <summary>The names of the containers in a network, as the records of their connections tell them.</summary>
/// <param name="paths">Where networks keep their files.</param>
/// <param name="network">The network.</param>
internal sealed class NameTable(NetworkPaths paths, NetworkRecord network)
{
    // Times of files are those of the kernel's last tick, so that a second change may have the time of the first.
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(50);

    private readonly Subnet _subnet = network.ParseSubnet();
    private readonly string _suffix = $".{network.Name.ToLowerInvariant()}";
    private readonly Dictionary<string, List<EndpointRecord>> _byName = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<IPAddress, EndpointRecord> _byAddress = [];
    private FileTime _read;
    private bool _isSettled;
    private int _turn;

    /// <summary>Whether nothing beyond the network is to be reached.</summary>
    public bool IsInternal => network.IsInternal;

    /// <summary>The addresses of the containers that live and have a name, each time beginning with another one.</summary>
    /// <param name="name">The name, also with the network's behind it.</param>
    /// <returns>Null when there are none.</returns>
    public IReadOnlyList<IPAddress>? Find(string name)
    {
        Refresh();
        if (!_byName.TryGetValue(name, out var endpoints)
            && !(name.EndsWith(_suffix, StringComparison.Ordinal) && _byName.TryGetValue(name[..^_suffix.Length], out endpoints))) return null;
        var addresses = new List<IPAddress>();
        foreach (var endpoint in endpoints) if (endpoint.IsAlive) addresses.Add(endpoint.Address);
        if (addresses.Count == 0) return null;
        var first = (int)((uint)_turn++ % (uint)addresses.Count);
        return first == 0 ? addresses : [.. addresses[first..], .. addresses[..first]];
    }

    /// <summary>The name of the container that has an address; null when it has none or there is none.</summary>
    public string? NameOf(IPAddress address)
    {
        Refresh();
        return _byAddress.TryGetValue(address, out var endpoint) && endpoint.IsAlive && NetworkNames.IsName(endpoint.Names[0] + _suffix) ? endpoint.Names[0] + _suffix : null;
    }

    /// <summary>Whether an address is the network's own.</summary>
    public bool Contains(IPAddress address) => _subnet.Contains(Subnet.ToNumber(address));

    private void Refresh()
    {
        var folder = paths.EndpointsOf(network.Key);
        var changed = FileAt.TryStatus(null, folder)?.Modified ?? default;
        if (_isSettled && changed == _read) return;
        _byName.Clear();
        _byAddress.Clear();
        foreach (var endpoint in new EndpointStore(paths, network.Key).All())
        {
            if (endpoint.Names.Count == 0) continue;
            _byAddress[endpoint.Address] = endpoint;
            foreach (var name in endpoint.Names)
            {
                if (!_byName.TryGetValue(name, out var same)) _byName[name] = same = [];
                same.Add(endpoint);
            }
        }
        _read = changed;
        _isSettled = TimeProvider.System.GetUtcNow() - DateTimeOffset.FromUnixTimeSeconds(changed.Seconds).AddTicks(changed.Nanoseconds / 100) > Tick;
    }
}
