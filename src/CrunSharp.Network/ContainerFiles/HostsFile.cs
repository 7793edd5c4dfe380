using System.Net;
using System.Text;
using CrunSharp.Oci;

namespace CrunSharp.Network.ContainerFiles;

/// <summary>A name that a container's <c>/etc/hosts</c> gets from the user.</summary>
/// <param name="Name">The name.</param>
/// <param name="Address">Its address; null for the host's address as the container sees it (<c>host-gateway</c>).</param>
public readonly record struct HostEntry(string Name, IPAddress? Address);

/// <summary>Writes a container's <c>/etc/hosts</c> and <c>/etc/hostname</c>.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man5/hosts.5.html"/>
public static class HostsFile
{
    private const string Common = """
        127.0.0.1	localhost
        ::1	localhost ip6-localhost ip6-loopback
        fe00::0	ip6-localnet
        ff00::0	ip6-mcastprefix
        ff02::1	ip6-allnodes
        ff02::2	ip6-allrouters

        """;

    private static readonly string[] NamesOfHost = ["host.docker.internal", "gateway.docker.internal", "host.containers.internal"];

    /// <summary>The content of <c>/etc/hosts</c>. Where a name is given twice, the user's entry comes first and wins.</summary>
    /// <param name="address">The container's address; null without a network.</param>
    /// <param name="gateway">The host's address as the container sees it; null without a network.</param>
    /// <param name="names">The container's names: host name, short id, aliases.</param>
    /// <param name="extra">Entries of the user.</param>
    /// <exception cref="CrunException">A name is none; or an entry needs the host's address and there is no network.</exception>
    public static string Build(IPAddress? address, IPAddress? gateway, IReadOnlyList<string> names, IReadOnlyList<HostEntry> extra)
    {
        var text = new StringBuilder(Common.ReplaceLineEndings("\n"));
        foreach (var entry in extra)
        {
            var to = entry.Address ?? gateway
                ?? throw CrunException.Invalid($"\"{entry.Name}\" is to be the host, but the container has no network", "write /etc/hosts");
            Add(text, to, [entry.Name]);
        }
        if (gateway is not null) Add(text, gateway, NamesOfHost);
        // Without a network the container is its own loopback.
        Add(text, address ?? IPAddress.Loopback, WithFirstLabels(names));
        return text.ToString();
    }

    /// <summary>The content of <c>/etc/hostname</c>.</summary>
    /// <exception cref="CrunException">The name is none.</exception>
    public static string BuildHostname(string hostname) => Checked(hostname) + "\n";

    private static void Add(StringBuilder text, IPAddress address, IReadOnlyList<string> names)
    {
        if (names.Count == 0) return;
        text.Append(address).Append('\t');
        for (var i = 0; i < names.Count; i++) text.Append(i > 0 ? " " : "").Append(Checked(names[i]));
        text.Append('\n');
    }

    // web.example.org is also web.
    private static List<string> WithFirstLabels(IReadOnlyList<string> names)
    {
        var all = new List<string>();
        foreach (var name in names)
        {
            if (name.Length > 0 && !all.Contains(name)) all.Add(name);
            var dot = name.IndexOf('.', StringComparison.Ordinal);
            if (dot > 0 && !all.Contains(name[..dot])) all.Add(name[..dot]);
        }
        return all;
    }

    // A name with a space or a line break would become other entries.
    private static string Checked(string name)
    {
        var isName = name.Length is > 0 and <= 253;
        foreach (var c in name) isName &= char.IsLetterOrDigit(c) || c is '-' or '_' or '.';
        return isName ? name : throw CrunException.Invalid($"\"{name}\" is no host name", "write /etc/hosts");
    }
}
