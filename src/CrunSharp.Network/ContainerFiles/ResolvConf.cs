using System.Net;
using System.Net.Sockets;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Network.ContainerFiles;

/// <summary>Writes a container's <c>/etc/resolv.conf</c> from the host's.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man5/resolv.conf.5.html"/>
public static class ResolvConf
{
    private const string HostFile = "/etc/resolv.conf";
    private const string SystemdFile = "/run/systemd/resolve/resolv.conf";
    private const int MostBytes = 1024 * 1024;

    // What Docker gives a container when the host's only name server is on its loopback.
    private static readonly string[] PublicServers = ["8.8.8.8", "8.8.4.4"];

    /// <summary>The content for a container, from the files of this host.</summary>
    /// <param name="servers">Name servers of the user, in place of the host's.</param>
    /// <param name="search">Search domains of the user, in place of the host's; <c>.</c> for none.</param>
    /// <param name="options">Options of the user, in place of the host's.</param>
    /// <exception cref="CrunException">A file cannot be read, or a value has a space or line break.</exception>
    public static string BuildForThisHost(IReadOnlyList<IPAddress>? servers = null, IReadOnlyList<string>? search = null, IReadOnlyList<string>? options = null) =>
        Build(KernelFile.TryRead(null, HostFile, MostBytes) ?? "", KernelFile.TryRead(null, SystemdFile, MostBytes), servers, search, options);

    /// <summary>The content for a container that asks <see cref="NameService"/>.</summary>
    /// <param name="search">Search domains of the user, in place of the host's; <c>.</c> for none.</param>
    /// <param name="options">Options of the user, in place of the host's.</param>
    /// <exception cref="CrunException">A file cannot be read, or a value has a space or line break.</exception>
    public static string BuildForNames(IReadOnlyList<string>? search = null, IReadOnlyList<string>? options = null)
    {
        var host = KernelFile.TryRead(null, HostFile, MostBytes) ?? "";
        var all = options is { Count: > 0 } ? options : Parse(host).Options;
        // Names of one label are asked for as they are, before a search domain is tried.
        if (!all.Any(static option => option.StartsWith("ndots:", StringComparison.Ordinal))) all = [.. all, "ndots:0"];
        return Build(host, null, [NameService.Address], search, all);
    }

    /// <summary>The content for a container.</summary>
    /// <param name="host">The host's file.</param>
    /// <param name="systemd">The file with the real name servers of systemd-resolved, for a host whose own file names its loopback.</param>
    /// <param name="servers">Name servers of the user, in place of the host's.</param>
    /// <param name="search">Search domains of the user, in place of the host's; <c>.</c> for none.</param>
    /// <param name="options">Options of the user, in place of the host's.</param>
    /// <exception cref="CrunException">A value has a space or line break.</exception>
    public static string Build(string host, string? systemd, IReadOnlyList<IPAddress>? servers = null,
        IReadOnlyList<string>? search = null, IReadOnlyList<string>? options = null)
    {
        var found = Parse(host);
        if (found.Servers.Count == 0 && systemd is not null) found = Parse(systemd);
        if (servers is { Count: > 0 })
        {
            found.Servers.Clear();
            foreach (var server in servers) found.Servers.Add(server.ToString());
        }
        if (found.Servers.Count == 0) found.Servers.AddRange(PublicServers);
        var text = new StringBuilder();
        Line(text, "search", search is { Count: > 0 } ? Checked(search) : found.Search);
        foreach (var server in found.Servers) Line(text, "nameserver", [server]);
        Line(text, "options", options is { Count: > 0 } ? Checked(options) : found.Options);
        return text.ToString();
    }

    // Name servers on the host's loopback mean another one in a container, and one of IPv6 is not reached from there.
    private static (List<string> Servers, List<string> Search, List<string> Options) Parse(string text)
    {
        var (servers, search, options) = (new List<string>(), new List<string>(), new List<string>());
        foreach (var line in text.Split('\n'))
        {
            var words = line.Split((char[])[' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2) continue;
            switch (words[0])
            {
                case "nameserver":
                    if (IPAddress.TryParse(words[1], out var server) && server.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(server))
                        servers.Add(server.ToString());
                    break;
                case "search" or "domain": // the last one counts
                    search.Clear();
                    search.AddRange(words[1..]);
                    break;
                case "options":
                    options.AddRange(words[1..]);
                    break;
            }
        }
        return (servers, search, options);
    }

    private static void Line(StringBuilder text, string word, IReadOnlyList<string> values)
    {
        if (values is { Count: 0 } or ["."]) return;
        text.Append(word);
        foreach (var value in values) text.Append(' ').Append(value);
        text.Append('\n');
    }

    private static IReadOnlyList<string> Checked(IReadOnlyList<string> values)
    {
        foreach (var value in values)
            if (value.Length == 0 || value.AsSpan().ContainsAny(" \t\r\n")) throw CrunException.Invalid($"\"{value}\" is no word for resolv.conf", "write /etc/resolv.conf");
        return values;
    }
}
