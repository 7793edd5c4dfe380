namespace CrunSharp.Cli.Commands.Registries;

/// <summary>The registry that a SERVER on the command line means.</summary>
internal static class RegistryHost
{
    /// <summary>Docker's registry, which is meant where none is said.</summary>
    public const string Docker = "docker.io";

    /// <summary>The host as in names of images: an address loses its scheme and its path.</summary>
    public static string Of(string? server)
    {
        if (string.IsNullOrEmpty(server)) return Docker;
        var scheme = server.IndexOf("://", StringComparison.Ordinal);
        var host = (scheme < 0 ? server : server[(scheme + 3)..]).Split('/', 2)[0];
        return host is "index.docker.io" or "registry-1.docker.io" ? Docker : host;
    }
}
