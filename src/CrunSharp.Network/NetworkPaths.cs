using CrunSharp.Oci;

namespace CrunSharp.Network;

/// <summary>Where networks keep their files.</summary>
/// <remarks>
/// <c>RUN/lock</c>, and for each network <c>RUN/NAME/{network.json, lock, cursor, ip/ADDRESS, endpoints/CONTAINER.json}</c>.
/// Nothing depends on the directory being empty after a boot.
/// </remarks>
public sealed record NetworkPaths
{
    /// <summary>The directory of all networks.</summary>
    public string Run { get; init; } = "/run/crun-sharp/net";

    internal string Lock => $"{Run}/lock";

    internal string NetworkOf(string network) => $"{Run}/{network}";

    internal string RecordOf(string network) => $"{Run}/{network}/network.json";

    internal string LockOf(string network) => $"{Run}/{network}/lock";

    internal string CursorOf(string network) => $"{Run}/{network}/cursor";

    internal string LeasesOf(string network) => $"{Run}/{network}/ip";

    internal string EndpointsOf(string network) => $"{Run}/{network}/endpoints";

    internal string EndpointOf(string network, string container) => $"{EndpointsOf(network)}/{Checked(container)}.json";

    // Container ids become file names.
    private static string Checked(string id)
    {
        if (id.Length is 0 or > 200 || id[0] == '.') throw CrunException.Invalid($"\"{id}\" is no container id");
        foreach (var c in id)
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')) throw CrunException.Invalid($"\"{id}\" is no container id");
        return id;
    }
}
