using System.Net;
using System.Text;
using CrunSharp.Engine.Containers;
using CrunSharp.Network;
using CrunSharp.Network.ContainerFiles;

namespace CrunSharp.Engine.Supervision;

/// <summary>The files below <c>/etc</c> that are the container's own.</summary>
internal static class EtcFiles
{
    /// <summary>Their names and contents.</summary>
    public static IEnumerable<(string Name, byte[] Content)> For(ContainerConfig config, EndpointLease? lease)
    {
        List<string> names = config.Name.Length > 0 && config.Name != config.Hostname ? [config.Hostname, config.Name] : [config.Hostname];
        if (config.Hostname != config.Id[..12]) names.Add(config.Id[..12]);
        yield return ("hostname", Encoding.UTF8.GetBytes(HostsFile.BuildHostname(config.Hostname)));
        yield return ("hosts", Encoding.UTF8.GetBytes(HostsFile.Build(lease?.Address, lease?.Gateway, names, [.. config.Host.ExtraHosts.Select(EntryOf)])));
        yield return ("resolv.conf", Encoding.UTF8.GetBytes(config.Host.HasUserNetwork
            ? ResolvConf.BuildForNames(config.Host.DnsSearch, config.Host.DnsOptions)
            : ResolvConf.BuildForThisHost([.. config.Host.Dns.Select(IPAddress.Parse)], config.Host.DnsSearch, config.Host.DnsOptions)));
    }

    private static HostEntry EntryOf(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var address = text[(colon + 1)..];
        return new HostEntry(text[..colon], address == "host-gateway" ? null : IPAddress.Parse(address));
    }
}
