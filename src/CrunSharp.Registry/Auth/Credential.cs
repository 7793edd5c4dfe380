using System.Text;

namespace CrunSharp.Registry;

/// <summary>What proves to a registry who one is: a name and a password, or an identity token.</summary>
/// <remarks>Its text never has the secret in it.</remarks>
public sealed class Credential
{
    private readonly string _secret;

    private Credential(string username, string secret, bool isIdentityToken) =>
        (Username, _secret, IsIdentityToken) = (username, secret, isIdentityToken);

    /// <summary>The user's name.</summary>
    /// <value>Empty for an identity token whose user is not known.</value>
    public string Username { get; }

    /// <summary>Whether the secret is a token that is exchanged for others (OAuth 2), not a password.</summary>
    public bool IsIdentityToken { get; }

    /// <summary>A name and its password.</summary>
    public static Credential Password(string username, string password) => new(username, password, false);

    /// <summary>An identity token, which a registry's token server gave out earlier.</summary>
    public static Credential IdentityToken(string token, string username = "") => new(username, token, true);

    /// <summary>The secret itself: for a credential store only.</summary>
    public string RevealSecret() => _secret;

    /// <summary>Who it is; not the secret.</summary>
    public override string ToString() => IsIdentityToken ? "identity token" : $"user {Username}";

    /// <summary>The value of an <c>Authorization</c> header of the scheme <c>Basic</c>.</summary>
    internal string Basic() => Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Username}:{_secret}"));
}
