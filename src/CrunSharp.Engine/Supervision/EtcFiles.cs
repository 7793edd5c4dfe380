using System.Text;
using CrunSharp.Engine.Containers;
using CrunSharp.Network;

namespace CrunSharp.Engine.Supervision;

/// <summary>The files below <c>/etc</c> that are the container's own.</summary>
internal static class EtcFiles
{
    /// <summary>Their names and contents.</summary>
    public static IEnumerable<(string Name, byte[] Content)> For(ContainerConfig config, EndpointLease? lease)
    {
        yield return ("hostname", Encoding.UTF8.GetBytes(config.Hostname + "\n"));
        yield return ("hosts", Encoding.UTF8.GetBytes($"127.0.0.1\tlocalhost\n{(lease is null ? "" : $"{lease.Address}\t{config.Hostname}\n")}"));
        yield return ("resolv.conf", File.ReadAllBytes("/etc/resolv.conf"));
    }
}
