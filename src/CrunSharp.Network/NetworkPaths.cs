using CrunSharp.Oci;

namespace CrunSharp.Network;

/// <summary>Where networks keep their files.</summary>
/// <remarks>
/// <c>RUN/lock</c>, and for each network <c>RUN/KEY/{network.json, lock, cursor, ip/ADDRESS, endpoints/CONTAINER.json}</c>;
/// the key is the id of a network that a user made, <c>bridge</c> for the default one. Nothing depends on the directory
/// being empty after a boot. <c>DEFINITIONS/NAME.json</c> is a network that a user made, and outlives a boot.
/// </remarks>
public sealed record NetworkPaths
{
    /// <summary>The directory of all networks.</summary>
    public string Run { get; init; } = "/run/crun-sharp/net";

    /// <summary>The directory of the networks that users made.</summary>
    public string Definitions { get; init; } = "/var/lib/crun-sharp/networks";

    internal string DefinitionsLock => $"{Definitions}/.lock";

    internal string DefinitionOf(string name) => $"{Definitions}/{name}.json";

    internal string Lock => $"{Run}/lock";

    internal string NetworkOf(string key) => $"{Run}/{key}";

    internal string RecordOf(string key) => $"{Run}/{key}/network.json";

    internal string LockOf(string key) => $"{Run}/{key}/lock";

    internal string CursorOf(string key) => $"{Run}/{key}/cursor";

    internal string LeasesOf(string key) => $"{Run}/{key}/ip";

    internal string EndpointsOf(string key) => $"{Run}/{key}/endpoints";

    internal string EndpointOf(string key, string container) => $"{EndpointsOf(key)}/{Checked(container)}.json";

    // Container ids become file names.
    private static string Checked(string id)
    {
        if (id.Length is 0 or > 200 || id[0] == '.') throw CrunException.Invalid($"\"{id}\" is no container id");
        foreach (var c in id)
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')) throw CrunException.Invalid($"\"{id}\" is no container id");
        return id;
    }
}
