using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using CrunSharp.Oci;
using CrunSharp.Oci.Json;

namespace CrunSharp.Registry;

/// <summary>Docker's own file of credentials, <c>config.json</c>, as far as it is about registries; all else in it is kept.</summary>
/// <seealso href="https://docs.docker.com/reference/cli/docker/login/#credential-stores"/>
internal sealed record DockerConfig
{
    private const int MostBytes = 16 * 1024 * 1024;
    private const string DraftSuffix = ".crun-sharp-";

    public IReadOnlyDictionary<string, AuthEntry>? Auths { get; init; }

    public string? CredsStore { get; init; }

    public IReadOnlyDictionary<string, string>? CredHelpers { get; init; }

    public Dictionary<string, JsonElement>? Unknown { get; init; }

    /// <summary>Reads the file; an empty one when it is not there.</summary>
    /// <exception cref="CrunException">It cannot be read, or is malformed; the text has nothing of what is in it but names of fields.</exception>
    public static DockerConfig Load(string path)
    {
        try
        {
            var file = new FileInfo(path);
            if (!file.Exists) return new DockerConfig();
            if (file.Length > MostBytes) throw CrunException.Invalid($"the file has more than {MostBytes} bytes", path);
            var bytes = File.ReadAllBytes(path);
            return bytes.AsSpan().Trim(" \t\r\n"u8).IsEmpty ? new DockerConfig() : DockerConfigJson.File.Parse(bytes, "file", path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CrunException.Of(error, $"read {path}");
        }
    }

    /// <summary>The file itself where the path is a link to it; its directory is there afterwards.</summary>
    /// <exception cref="CrunException">The directory cannot be made.</exception>
    public static string TargetOf(string path)
    {
        try
        {
            var target = (File.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName : null) ?? Path.GetFullPath(path);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            return target;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CrunException.Of(error, $"write {path}");
        }
    }

    /// <summary>Writes the file: whole or not at all, for its owner alone.</summary>
    /// <param name="target">The file itself: <see cref="TargetOf"/>.</param>
    /// <exception cref="CrunException">It cannot be written.</exception>
    public void Save(string target)
    {
        try
        {
            Sweep(target);
            var draft = $"{target}{DraftSuffix}{Path.GetRandomFileName()}";
            try
            {
                using (var file = new FileStream(draft, new FileStreamOptions
                {
                    Mode = FileMode.CreateNew,
                    Access = FileAccess.Write,
                    UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                }))
                {
                    file.Write(Format());
                    file.Flush(flushToDisk: true);
                }
                File.Move(draft, target, overwrite: true);
            }
            catch
            {
                File.Delete(draft);
                throw;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CrunException.Of(error, $"write {target}");
        }
    }

    // What a killed process left behind.
    private static void Sweep(string target)
    {
        foreach (var left in Directory.EnumerateFiles(Path.GetDirectoryName(target)!, Path.GetFileName(target) + DraftSuffix + "*"))
        {
            if (TimeProvider.System.GetUtcNow() - File.GetLastWriteTimeUtc(left) > TimeSpan.FromMinutes(1)) File.Delete(left);
        }
    }

    public override string ToString() => $"{Auths?.Count ?? 0} registries";

    // As Docker writes it: with tabs.
    private byte[] Format()
    {
        using var buffer = new MemoryStream();
        var options = new JsonWriterOptions { Indented = true, IndentCharacter = '\t', IndentSize = 1, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var writer = new Utf8JsonWriter(buffer, options)) DockerConfigJson.File.Write(writer, this);
        return buffer.ToArray();
    }
}

/// <summary>What the file says about one registry.</summary>
internal sealed record AuthEntry
{
    /// <summary>Name and password with a colon between them, in Base64.</summary>
    public string? Auth { get; init; }

    public string? IdentityToken { get; init; }

    public Dictionary<string, JsonElement>? Unknown { get; init; }

    /// <summary>The credential; null when there is none here.</summary>
    /// <exception cref="CrunException">It is malformed.</exception>
    public Credential? Read(string key)
    {
        if (string.IsNullOrEmpty(Auth)) return string.IsNullOrEmpty(IdentityToken) ? null : Credential.IdentityToken(IdentityToken);
        string text;
        try
        {
            text = Encoding.UTF8.GetString(Convert.FromBase64String(Auth));
        }
        catch (FormatException)
        {
            throw CrunException.Invalid($"the credentials of {Words.Clean(key)} are no Base64");
        }
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0) throw CrunException.Invalid($"the credentials of {Words.Clean(key)} have no colon");
        var (username, password) = (text[..colon], text[(colon + 1)..].TrimEnd('\0'));
        return string.IsNullOrEmpty(IdentityToken) ? Credential.Password(username, password) : Credential.IdentityToken(IdentityToken, username);
    }

    /// <summary>This entry with another credential, or without one.</summary>
    public AuthEntry With(Credential? credential) => this with
    {
        Auth = credential is null ? null
            : Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.Username}:{(credential.IsIdentityToken ? "" : credential.RevealSecret())}")),
        IdentityToken = credential is { IsIdentityToken: true } ? credential.RevealSecret() : null,
    };

    public override string ToString() => "credentials";
}

/// <summary>The fields of the file.</summary>
internal static class DockerConfigJson
{
    public static JsonRecord<DockerConfig> File { get; } = new JsonRecord<DockerConfig>(new DockerConfig())
        .Optional("auths", JsonKind.Map(Entry()), static c => c.Auths, static (c, v) => c with { Auths = v })
        .Optional("credsStore", JsonKind.Text, static c => c.CredsStore, static (c, v) => c with { CredsStore = v })
        .Optional("credHelpers", JsonKind.TextMap, static c => c.CredHelpers, static (c, v) => c with { CredHelpers = v })
        .Unknown(static c => c.Unknown, static (c, v) => c with { Unknown = v });

    private static JsonRecord<AuthEntry> Entry() => new JsonRecord<AuthEntry>(new AuthEntry())
        .Optional("auth", JsonKind.Text, static e => e.Auth, static (e, v) => e with { Auth = v })
        .Optional("identitytoken", JsonKind.Text, static e => e.IdentityToken, static (e, v) => e with { IdentityToken = v })
        .Unknown(static e => e.Unknown, static (e, v) => e with { Unknown = v });
}
