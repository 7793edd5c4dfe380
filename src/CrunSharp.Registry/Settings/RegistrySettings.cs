using CrunSharp.Oci;
using CrunSharp.Oci.Json;

namespace CrunSharp.Registry;

/// <summary>What is special about registries, from <c>/etc/crun-sharp/registries.json</c>.</summary>
/// <remarks>
/// <code>
/// {
///   "registries": {
///     "docker.io": { "mirrors": ["mirror.example:5000", "http://127.0.0.1:5001"] },
///     "registry.example:5000": {
///       "insecure": false,
///       "ca": "example.crt",
///       "clientCertificate": "client.crt",
///       "clientKey": "client.key",
///       "realms": ["login.example.org"]
///     }
///   }
/// }
/// </code>
/// All fields may be left out. Files are relative to the folder of the settings. A field that is not known is an error.
/// </remarks>
public sealed record RegistrySettings
{
    /// <summary>Where the file is.</summary>
    public const string DefaultPath = "/etc/crun-sharp/registries.json";

    /// <summary>Where Docker keeps certificates: <c>HOST/*.crt</c> to trust, <c>HOST/*.cert</c> with <c>*.key</c> to show.</summary>
    public const string DefaultCertificates = "/etc/docker/certs.d";

    private const int MostBytes = 1024 * 1024;

    /// <summary>What is special, by host with port, as it is written in names of images.</summary>
    public IReadOnlyDictionary<string, HostSettings> Registries { get; init; } = new Dictionary<string, HostSettings>();

    /// <summary>The folder of certificates by host.</summary>
    /// <value>Null for none.</value>
    public string? Certificates { get; init; }

    internal Dictionary<string, System.Text.Json.JsonElement>? Unknown { get; init; }

    /// <summary>Nothing is special, and no folder of certificates is looked at.</summary>
    public static RegistrySettings Empty { get; } = new();

    /// <summary>Reads the file; it need not be there.</summary>
    /// <exception cref="CrunException">It is malformed; the text says where.</exception>
    public static RegistrySettings Load(string path = DefaultPath, string? certificates = DefaultCertificates)
    {
        if (!File.Exists(path)) return new RegistrySettings { Certificates = certificates };
        try
        {
            if (new FileInfo(path).Length > MostBytes) throw CrunException.Invalid($"the file has more than {MostBytes} bytes");
            var read = SettingsJson.File.Parse(File.ReadAllBytes(path), "file");
            foreach (var name in read.Unknown?.Keys ?? Enumerable.Empty<string>()) throw CrunException.Invalid($"\"{Words.Clean(name)}\" is not known: registries is");
            var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
            return new RegistrySettings
            {
                Certificates = certificates,
                Registries = read.Registries.ToDictionary(static entry => entry.Key, entry => entry.Value.Checked(entry.Key).In(folder)),
            };
        }
        catch (CrunException error)
        {
            throw error.Within(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CrunException.Of(error, $"read {path}");
        }
    }

    /// <summary>What is special about one host: nothing, when it is not in the file.</summary>
    public HostSettings For(string host)
    {
        var settings = Registries.TryGetValue(host, out var found) ? found : HostSettings.Plain;
        return settings with { CertificateFolder = Certificates is null || host.Contains('/', StringComparison.Ordinal) ? null : Path.Combine(Certificates, host) };
    }
}

/// <summary>What is special about a registry.</summary>
public sealed record HostSettings
{
    /// <summary>Servers that are asked before the registry when something is pulled: hosts with ports, or addresses with a scheme.</summary>
    public IReadOnlyList<string> Mirrors { get; init; } = [];

    /// <summary>Whether its certificate is not checked, and plain HTTP is used where it has no TLS.</summary>
    public bool IsInsecure { get; init; }

    /// <summary>A file of certificates (PEM) that are trusted for it, besides the system's.</summary>
    public string? Ca { get; init; }

    /// <summary>A file with the certificate (PEM) that is shown to it.</summary>
    public string? ClientCertificate { get; init; }

    /// <summary>A file with the certificate's key (PEM, not encrypted).</summary>
    /// <value>Null when the key is in the certificate's file.</value>
    public string? ClientKey { get; init; }

    /// <summary>Hosts of token servers that may get the registry's credentials though they are of another domain.</summary>
    public IReadOnlyList<string> Realms { get; init; } = [];

    /// <summary>A folder of certificates as Docker has them.</summary>
    internal string? CertificateFolder { get; init; }

    internal Dictionary<string, System.Text.Json.JsonElement>? Unknown { get; init; }

    /// <summary>Whether it says whose certificates are right, so that there is TLS, and it is checked.</summary>
    internal bool HasAuthority => Ca is not null
        || (CertificateFolder is { } folder && Directory.Exists(folder) && Directory.EnumerateFiles(folder, "*.crt").Any());

    internal static HostSettings Plain { get; } = new();

    internal HostSettings Checked(string host)
    {
        if (host.Length == 0 || host.Contains('/', StringComparison.Ordinal))
            throw CrunException.Invalid($"\"{Words.Clean(host)}\" is no registry: a host with its port is expected");
        foreach (var name in Unknown?.Keys ?? Enumerable.Empty<string>())
            throw CrunException.Invalid($"\"{Words.Clean(name)}\" of {host} is not known: mirrors, insecure, ca, clientCertificate, clientKey and realms are");
        if (ClientKey is not null && ClientCertificate is null) throw CrunException.Invalid($"{host} has a clientKey without a clientCertificate");
        foreach (var mirror in Mirrors) _ = Server.Parse(mirror);
        return this;
    }

    internal HostSettings In(string folder) => this with
    {
        Ca = Ca is null ? null : Path.Combine(folder, Ca),
        ClientCertificate = ClientCertificate is null ? null : Path.Combine(folder, ClientCertificate),
        ClientKey = ClientKey is null ? null : Path.Combine(folder, ClientKey),
    };
}

/// <summary>The fields of the settings.</summary>
internal static class SettingsJson
{
    public static JsonRecord<RegistrySettings> File { get; } = new JsonRecord<RegistrySettings>(new RegistrySettings())
        .Field("registries", JsonKind.Map(Host()), static s => s.Registries, static (s, v) => s with { Registries = v })
        .Unknown(static s => s.Unknown, static (s, v) => s with { Unknown = v });

    private static JsonRecord<HostSettings> Host() => new JsonRecord<HostSettings>(new HostSettings())
        .Field("mirrors", JsonKind.Texts, static h => h.Mirrors, static (h, v) => h with { Mirrors = v })
        .Field("insecure", JsonKind.Flag, static h => h.IsInsecure, static (h, v) => h with { IsInsecure = v })
        .Optional("ca", JsonKind.Text, static h => h.Ca, static (h, v) => h with { Ca = v })
        .Optional("clientCertificate", JsonKind.Text, static h => h.ClientCertificate, static (h, v) => h with { ClientCertificate = v })
        .Optional("clientKey", JsonKind.Text, static h => h.ClientKey, static (h, v) => h with { ClientKey = v })
        .Field("realms", JsonKind.Texts, static h => h.Realms, static (h, v) => h with { Realms = v })
        .Unknown(static h => h.Unknown, static (h, v) => h with { Unknown = v });
}
