namespace CrunSharp.Registry.Tests.Auth;

public sealed class ChallengeTests
{
    [TestCase("Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x:pull,push\"", "bearer realm=https://a/t service=s scope=repository:x:pull,push")]
    [TestCase("Basic realm=\"a, b\", Bearer realm=\"c\"", "basic realm=a, b|bearer realm=c")]
    [TestCase("Negotiate, Basic realm=x", "negotiate|basic realm=x")]
    [TestCase("NTLM TlRMTVNT==, Basic realm=x", "ntlm tlrmtvnt==|basic realm=x")]
    [TestCase("basic REALM = \"q\\\"uo\\\\te\"", "basic realm=q\"uo\\te")]
    [TestCase("Bearer realm=\"a\",realm=\"b\"", "bearer realm=a")]
    [TestCase("Bearer", "bearer")]
    [TestCase("Bearer realm=\"no end", "bearer")]
    [TestCase("Bearer realm=\"no end\\", "bearer")]
    [TestCase("Bearer realm=", "bearer realm=")]
    [TestCase("", "")]
    [TestCase(" , ,\t,", "")]
    [TestCase("\"x\"", "")]
    [TestCase("=a", "")]
    public void A_header_is_read(string header, string expected) => Assert.That(Text([header]), Is.EqualTo(expected));

    [Test]
    public void Several_lines_are_read() => Assert.That(Text(["Basic realm=a", "Bearer realm=b"]), Is.EqualTo("basic realm=a|bearer realm=b"));

    [Test]
    public void Much_is_not_read()
    {
        Assert.That(Challenge.Parse([new string('a', 9000)]), Is.Empty);
        Assert.That(Challenge.Parse([string.Join(',', Enumerable.Repeat("Basic a=b", 800))]), Has.Count.EqualTo(16));
        Assert.That(Challenge.Parse(["Basic " + string.Join(',', Enumerable.Range(0, 800).Select(static i => $"a{i}=b"))])[0].Parameters, Has.Count.EqualTo(32));
    }

    [Test]
    public void Whatever_comes_is_no_failure([Range(1, 200)] int seed)
    {
        var random = new Random(seed);
        var alphabet = "Ba si=\",\\\t;<>éz\0";
        var text = new string(Enumerable.Range(0, random.Next(100)).Select(_ => alphabet[random.Next(alphabet.Length)]).ToArray());
        Assert.That(() => Challenge.Parse([text]), Throws.Nothing);
    }

    [TestCase("https://auth.docker.io/token", "https://registry-1.docker.io/", true)]
    [TestCase("https://gitlab.example.com/jwt", "https://registry.example.com:5050/", true)]
    [TestCase("https://ghcr.io/token", "https://ghcr.io/", true)]
    [TestCase("https://evil.example.com/", "https://registry.other.com/", false)]
    [TestCase("https://evil.co.uk/", "https://registry.co.uk/", false)]
    [TestCase("https://a.shop.co.uk/", "https://b.shop.co.uk/", true)]
    [TestCase("https://com/", "https://example.com/", false)]
    [TestCase("https://10.0.0.2/", "https://11.0.0.2/", false)]
    [TestCase("https://10.0.0.2:99/", "https://10.0.0.2:5000/", true)]
    [TestCase("https://allowed.org:444/", "https://registry.com/", true)]
    [TestCase("https://notexample.com/", "https://example.com/", false)]
    public void Credentials_stay_in_the_registrys_domain(string realm, string registry, bool trusted) =>
        Assert.That(Realm.IsTrusted(new Uri(realm), new Uri(registry), ["allowed.org"]), Is.EqualTo(trusted));

    [TestCase("https://a/t", "https://r/", true)]
    [TestCase("http://a/t", "https://r/", false)]
    [TestCase("http://a/t", "http://r/", true)]
    [TestCase("https://user:x@a/t", "https://r/", false)]
    [TestCase("https://169.254.169.254/latest", "https://r/", false)]
    [TestCase("https://[fe80::1]/t", "https://r/", false)]
    [TestCase("https://[::ffff:169.254.169.254]/t", "https://r/", false)]
    [TestCase("file:///etc/passwd", "https://r/", false)]
    [TestCase("/token", "https://r/", false)]
    public void A_realm_is_an_address_as_safe_as_the_registrys(string realm, string registry, bool allowed) =>
        Assert.That(Realm.Parse(realm, new Uri(registry)) is not null, Is.EqualTo(allowed));

    private static string Text(string[] lines) => string.Join('|', Challenge.Parse(lines)
        .Select(static c => string.Join(' ', c.Parameters.Select(static p => $"{p.Key}={p.Value}").Prepend(c.Scheme))));
}
