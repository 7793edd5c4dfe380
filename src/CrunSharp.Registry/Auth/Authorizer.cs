using System.Net.Http.Headers;
using CrunSharp.Oci;

namespace CrunSharp.Registry;

/// <summary>Proves to one server who we are: learns what it wants, and keeps the tokens that it accepts.</summary>
internal sealed class Authorizer(Endpoint endpoint, IReadOnlyList<string> realms, RegistryOptions options, Func<CancellationToken, ValueTask<Credential?>> find) : IDisposable
{
    private const int MostTokens = 1000;

    private readonly SemaphoreSlim _gate = new(1);
    private readonly Dictionary<string, Token> _tokens = [];
    private Challenge? _challenge;
    private Credential? _credential;
    private bool _hasLooked;

    /// <summary>Why the credentials were not sent, for an error.</summary>
    public string? Remark { get; private set; }

    /// <summary>The identity token that the last token came with.</summary>
    public string? IdentityToken { get; private set; }

    /// <summary>Takes note of what a server wants.</summary>
    public void Learn(HttpResponseMessage response, Uri home)
    {
        if (response.StatusCode != System.Net.HttpStatusCode.Unauthorized) return;
        if (!response.Headers.NonValidated.TryGetValues("WWW-Authenticate", out var lines)) return;
        var challenges = Challenge.Parse(lines);
        _challenge = challenges.Find(challenge => challenge.Scheme == "bearer" && challenge["realm"] is { } realm && Realm.Parse(realm, home) is not null)
            ?? challenges.Find(static challenge => challenge.Scheme == "basic")
            ?? challenges.Find(static challenge => challenge.Scheme == "bearer") ?? _challenge;
    }

    /// <summary>The header for a request; null when nothing is known to be wanted.</summary>
    public async ValueTask<AuthenticationHeaderValue?> HeaderAsync(string[] scopes, CancellationToken cancellationToken)
    {
        if (_challenge is null) return null;
        await _gate.WaitAsync(cancellationToken);
        try
        {
            return await HeaderOfAsync(_challenge, scopes, cancellationToken);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Reacts to a refusal; false when another attempt would be refused too.</summary>
    /// <param name="refused">The answer.</param>
    /// <param name="used">What the request had.</param>
    /// <param name="scopes">What the request is for.</param>
    /// <param name="home">The server's address.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    public async Task<bool> AnswerAsync(HttpResponseMessage refused, AuthenticationHeaderValue? used, string[] scopes, Uri home, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            Learn(refused, home);
            if (_challenge is null) return false;
            // Of several requests that are refused at once, one gets a new token for all.
            var key = Key(scopes);
            if (_tokens.TryGetValue(key, out var known) && known.Value == used?.Parameter) _tokens.Remove(key);
            var next = await HeaderOfAsync(_challenge, scopes, cancellationToken);
            return next is not null && (next.Scheme != used?.Scheme || next.Parameter != used.Parameter);
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Dispose() => _gate.Dispose();

    private static string Key(string[] scopes) => string.Join(' ', scopes);

    private async ValueTask<AuthenticationHeaderValue?> HeaderOfAsync(Challenge challenge, string[] scopes, CancellationToken cancellationToken)
    {
        if (challenge.Scheme == "basic")
        {
            var credential = await CredentialAsync(cancellationToken);
            return credential is null or { IsIdentityToken: true } ? null : new AuthenticationHeaderValue("Basic", credential.Basic());
        }
        var key = Key(scopes);
        var now = options.Time.GetUtcNow();
        if (!_tokens.TryGetValue(key, out var token) || token.Expires <= now)
        {
            token = await FetchAsync(challenge, scopes, cancellationToken);
            if (_tokens.Count >= MostTokens) _tokens.Clear();
            _tokens[key] = token;
        }
        return new AuthenticationHeaderValue("Bearer", token.Value);
    }

    private async Task<Token> FetchAsync(Challenge challenge, string[] scopes, CancellationToken cancellationToken)
    {
        var home = await endpoint.AddressAsync(cancellationToken);
        var realm = Realm.Parse(challenge["realm"] ?? "", home)
            ?? throw new CrunException(ErrorKind.Network, $"the registry sends to the token server \"{Words.Clean(challenge["realm"] ?? "")}\", which is no https address", $"log in to {endpoint.Name}");
        var credential = await CredentialAsync(cancellationToken);
        if (credential is not null && !Realm.IsTrusted(realm, home, realms))
        {
            Remark = $"the credentials were not sent to {Words.Clean(realm.Authority)}, which is of another domain than {endpoint.Name}: \"realms\" in registries.json allows it";
            credential = null;
        }
        var answer = await TokenRequest.SendAsync(endpoint.Transport, options, realm, challenge["service"], scopes, credential, cancellationToken);
        IdentityToken = answer.RefreshToken ?? IdentityToken;
        return answer;
    }

    private async ValueTask<Credential?> CredentialAsync(CancellationToken cancellationToken)
    {
        if (_hasLooked) return _credential;
        _credential = await find(cancellationToken);
        _hasLooked = true;
        return _credential;
    }
}
