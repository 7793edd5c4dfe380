using System.Net;
using System.Net.Http.Headers;
using System.Text;
using CrunSharp.Oci;
using CrunSharp.Oci.Json;

namespace CrunSharp.Registry;

/// <summary>A token of a token server.</summary>
/// <param name="Value">The token itself.</param>
/// <param name="Expires">From when on it is not used any more.</param>
/// <param name="RefreshToken">An identity token, if the server gave one.</param>
internal sealed record Token(string Value, DateTimeOffset Expires, string? RefreshToken)
{
    public override string ToString() => "a token";
}

/// <summary>Asks a token server.</summary>
/// <seealso href="https://distribution.github.io/distribution/spec/auth/token/"/>
/// <seealso href="https://distribution.github.io/distribution/spec/auth/oauth/"/>
internal static class TokenRequest
{
    private const int MostBytes = 1024 * 1024;
    private const int MostCharacters = 64 * 1024;
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(24);

    private static readonly JsonRecord<Reply> Json = new JsonRecord<Reply>(new Reply())
        .Optional("token", JsonKind.Text, static r => r.Token, static (r, v) => r with { Token = v })
        .Optional("access_token", JsonKind.Text, static r => r.AccessToken, static (r, v) => r with { AccessToken = v })
        .OptionalValue("expires_in", JsonKind.Long, static r => r.ExpiresIn, static (r, v) => r with { ExpiresIn = v })
        .Optional("refresh_token", JsonKind.Text, static r => r.RefreshToken, static (r, v) => r with { RefreshToken = v });

    /// <summary>Gets a token.</summary>
    /// <exception cref="CrunException">The server refuses, or its answer is none.</exception>
    public static async Task<Token> SendAsync(Transport transport, RegistryOptions options, Uri realm, string? service, string[] scopes,
        Credential? credential, CancellationToken cancellationToken)
    {
        using var watchdog = new Watchdog(options.StallTimeout, options.Time, cancellationToken);
        using var request = credential is { IsIdentityToken: true } ? Post(realm, service, scopes, credential) : Get(realm, service, scopes, credential);
        var operation = $"{request.Method.Method} {Words.Address(realm)}";
        try
        {
            watchdog.Feed();
            using var response = await transport.SendAsync(request, isTransfer: false, watchdog.Token);
            if (Retry.IsTransient(response.StatusCode))
                throw new HttpRequestException($"{(int)response.StatusCode} of the token server {Words.Clean(realm.Authority)}", null, response.StatusCode);
            var body = await Answer.BodyAsync(response, MostBytes, mayBeLonger: !response.IsSuccessStatusCode, realm, watchdog);
            if (!response.IsSuccessStatusCode) throw Refused(response, body, operation);
            return Read(body, operation, options.Time.GetUtcNow());
        }
        catch (OperationCanceledException) when (watchdog.Barked)
        {
            throw watchdog.Stalled();
        }
    }

    private static HttpRequestMessage Get(Uri realm, string? service, string[] scopes, Credential? credential)
    {
        var query = new StringBuilder(realm.Query);
        Add("service", service);
        foreach (var scope in scopes) Add("scope", scope);
        if (credential is not null)
        {
            Add("account", credential.Username);
            if (scopes.Length == 0)
            {
                Add("client_id", "crun-sharp");
                Add("offline_token", "true");
            }
        }
        var request = new HttpRequestMessage(HttpMethod.Get, new UriBuilder(realm) { Query = query.ToString() }.Uri);
        if (credential is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Basic", credential.Basic());
        return request;

        void Add(string name, string? value)
        {
            if (value is not null) query.Append(query.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
        }
    }

    private static HttpRequestMessage Post(Uri realm, string? service, string[] scopes, Credential credential)
    {
        var form = new List<KeyValuePair<string, string>>
        {
            new("grant_type", "refresh_token"),
            new("client_id", "crun-sharp"),
            new("service", service ?? ""),
            new("refresh_token", credential.RevealSecret()),
        };
        if (scopes.Length > 0) form.Add(new("scope", string.Join(' ', scopes)));
        return new HttpRequestMessage(HttpMethod.Post, realm) { Content = new FormUrlEncodedContent(form) };
    }

    private static CrunException Refused(HttpResponseMessage response, byte[] body, string operation)
    {
        var said = ErrorBody.Parse(body).Text;
        var status = $"{(int)response.StatusCode} {Words.Clean(response.ReasonPhrase ?? "")}".TrimEnd();
        var isDenied = response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.BadRequest;
        return new CrunException(isDenied ? ErrorKind.Denied : ErrorKind.Network, said.Length == 0 ? $"unauthorized: {status}"
            : said.StartsWith("unauthorized", StringComparison.OrdinalIgnoreCase) ? $"{said} ({status})" : $"unauthorized: {said} ({status})", operation);
    }

    private static Token Read(byte[] body, string operation, DateTimeOffset now)
    {
        var reply = Json.Parse(body, "token server's answer", operation);
        var value = string.IsNullOrEmpty(reply.Token) ? reply.AccessToken : reply.Token;
        if (string.IsNullOrEmpty(value) || value.Length > MostCharacters || value.AsSpan().ContainsAnyExceptInRange('!', '~'))
            throw CrunException.Integrity("the token server's answer has no token", operation);
        var lasts = TimeSpan.FromSeconds(Math.Clamp(reply.ExpiresIn ?? 0, Shortest.TotalSeconds, Longest.TotalSeconds));
        return new Token(value, now + (lasts * 0.9), reply.RefreshToken is { Length: > 0 and <= MostCharacters } refresh ? refresh : null);
    }

    private sealed record Reply
    {
        public string? Token { get; init; }

        public string? AccessToken { get; init; }

        public long? ExpiresIn { get; init; }

        public string? RefreshToken { get; init; }

        public override string ToString() => "a token";
    }
}
