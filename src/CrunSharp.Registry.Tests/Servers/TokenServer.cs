using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace CrunSharp.Registry.Tests;

/// <summary>A token server for Docker's registry: signs what it is asked for, for whoever knows the password.</summary>
internal sealed class TokenServer : IAsyncDisposable
{
    private readonly RSA _key = RSA.Create(2048);
    private readonly ScriptedServer _server;
    private readonly X509Certificate2 _certificate;

    public TokenServer()
    {
        _certificate = new CertificateRequest("CN=tokens", _key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        _server = new ScriptedServer((request, _) => Answer(request));
    }

    public string Address => $"{_server.Address}/token";

    public string Certificate => _certificate.ExportCertificatePem();

    public List<SeenRequest> Seen => _server.Seen;

    /// <summary>How long tokens last.</summary>
    public int Seconds { get; set; } = 300;

    /// <summary>Whether nobody needs a password to read.</summary>
    public bool AllowsAnonymousPull { get; init; }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _certificate.Dispose();
        _key.Dispose();
    }

    private Reply Answer(SeenRequest request)
    {
        var query = request.Method == "POST" ? Encoding.UTF8.GetString(request.Body) : request.Target.Split('?', 2)[^1];
        var fields = query.Split('&').Select(static pair => pair.Split('=', 2)).Where(static pair => pair.Length == 2)
            .Select(static pair => (Name: pair[0], Value: Uri.UnescapeDataString(pair[1].Replace('+', ' ')))).ToList();
        var isMe = request.Header("Authorization") == "Basic " + Convert.ToBase64String("me:right"u8)
            || fields.Contains(("refresh_token", "identity-of-me"));
        if (!isMe && request.Header("Authorization") is not null) return Reply.Of(401, """{"details":"incorrect username or password"}""");
        var scopes = fields.Where(static field => field.Name == "scope").SelectMany(static field => field.Value.Split(' '));
        var access = string.Join(',', scopes.Select(static scope => scope.Split(':')).Select(parts =>
            $$"""{"type":"{{parts[0]}}","name":"{{parts[1]}}","actions":[{{string.Join(',', parts[2].Split(',')
                .Where(action => isMe || (AllowsAnonymousPull && action == "pull")).Select(static action => $"\"{action}\""))}}]}"""));
        var refresh = fields.Contains(("offline_token", "true")) && isMe ? ",\"refresh_token\":\"identity-of-me\"" : "";
        return Reply.Ok($$"""{"token":"{{Sign(access)}}","expires_in":{{Seconds}}{{refresh}}}""");
    }

    private string Sign(string access)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var header = $$"""{"typ":"JWT","alg":"RS256","x5c":["{{Convert.ToBase64String(_certificate.RawData)}}"]}""";
        var claims = $$"""{"iss":"tests","sub":"me","aud":"registry","exp":{{now + Seconds}},"nbf":{{now - 60}},"iat":{{now}},"jti":"{{Guid.NewGuid()}}","access":[{{access}}]}""";
        using (JsonDocument.Parse(claims))
        {
            var text = $"{Encode(Encoding.UTF8.GetBytes(header))}.{Encode(Encoding.UTF8.GetBytes(claims))}";
            return $"{text}.{Encode(_key.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
        }
    }

    private static string Encode(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
}
