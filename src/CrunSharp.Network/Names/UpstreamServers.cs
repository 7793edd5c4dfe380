using System.Net;
using CrunSharp.Kernel.Files;

namespace CrunSharp.Network.Names;

/// <summary>The name servers that know all other names: the user's, or the host's as they are at the moment.</summary>
/// <param name="given">The user's; none for the host's.</param>
internal sealed class UpstreamServers(IReadOnlyList<IPAddress> given)
{
    private const string HostFile = "/etc/resolv.conf";
    private const int MostBytes = 1024 * 1024;
    private const int MostServers = 3; // MAXNS of resolv.h
    private const int Port = 53;

    private IReadOnlyList<IPEndPoint> _servers = [.. given.Take(MostServers).Select(static server => new IPEndPoint(server, Port))];
    private FileTime _read;

    /// <summary>The servers, in the order in which they are asked.</summary>
    public IReadOnlyList<IPEndPoint> Current
    {
        get
        {
            if (given.Count > 0) return _servers;
            var changed = FileAt.TryStatus(null, HostFile, followLinks: true)?.Modified ?? default;
            if (changed != _read || _servers.Count == 0) _servers = Parse(KernelFile.TryRead(null, HostFile, MostBytes) ?? "");
            _read = changed;
            return _servers;
        }
    }

    /// <summary>The servers of a resolv.conf; that of the host itself when it names none.</summary>
    public static IReadOnlyList<IPEndPoint> Parse(string text)
    {
        var servers = new List<IPEndPoint>();
        foreach (var line in text.Split('\n'))
        {
            var words = line.Split((char[])[' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (words is ["nameserver", var address, ..] && servers.Count < MostServers && IPAddress.TryParse(address, out var server))
                servers.Add(new IPEndPoint(server, Port));
        }
        return servers.Count > 0 ? servers : [new IPEndPoint(IPAddress.Loopback, Port)];
    }
}
