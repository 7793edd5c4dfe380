using System.Net;
using System.Net.Sockets;
using CrunSharp.Oci;

namespace CrunSharp.Registry.Tests;

/// <summary>Registries that are not on this machine, as far as the client knows: their name is looked up to loopback.</summary>
public sealed class TlsTests : RegistryFixture
{
    private const string Name = "registry.test";

    private string _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("crun-tls-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string File(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    private async Task PingAsync(int port, HostSettings? settings = null, bool verify = true, string? certificates = null, IPAddress[]? addresses = null)
    {
        using var client = new RegistryClient($"{Name}:{port}", Options with
        {
            VerifyTls = verify,
            MostAttempts = 2,
            Resolve = (_, _) => Task.FromResult(addresses ?? [IPAddress.Loopback]),
            Settings = new RegistrySettings { Certificates = certificates, Registries = new Dictionary<string, HostSettings> { [$"{Name}:{port}"] = settings ?? new HostSettings() } },
        });
        await client.PingAsync(default);
    }

    private static Task<CrunException> FailureAsync(Func<Task> action) => Content.FailureAsync(action);

    [Test]
    public async Task A_private_authority_is_trusted_when_the_settings_say_so()
    {
        using var certificates = new TestCertificates(Name);
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok(), certificates.Server);
        await PingAsync(server.Port, new HostSettings { Ca = File("ca.crt", certificates.Authority) });
        File($"{Name}:{server.Port}/ca.crt", certificates.Authority);
        await PingAsync(server.Port, certificates: _folder);
    }

    [Test]
    public async Task An_unknown_authority_is_not_trusted()
    {
        using var certificates = new TestCertificates(Name);
        using var others = new TestCertificates(Name);
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok(), certificates.Server);
        foreach (var settings in (HostSettings[])[new(), new() { Ca = File("ca.crt", others.Authority) }])
        {
            var error = await FailureAsync(() => PingAsync(server.Port, settings));
            Assert.That((error.Kind, error.Message), Is.EqualTo((ErrorKind.Network, $"GET {Name}:{server.Port}/v2/: certificate signed by unknown authority: "
                + $"if it is right, put its authority's certificate into /etc/docker/certs.d/{Name}:{server.Port}/ca.crt, or use --tls-verify=false")));
        }
        Assert.That((server.Seen, Time.Waits), Is.EqualTo((Array.Empty<SeenRequest>(), Array.Empty<TimeSpan>())));
    }

    [Test]
    public async Task A_certificate_for_another_name_or_another_time_is_refused()
    {
        using var other = new TestCertificates("other.test");
        await using var first = new ScriptedServer(static (_, _) => Reply.Ok(), other.Server);
        var error = await FailureAsync(() => PingAsync(first.Port, new HostSettings { Ca = File("ca.crt", other.Authority) }));
        Assert.That(error.Message, Does.EndWith($"the certificate is not for {Name} but for CN=other.test"));
        using var old = new TestCertificates(Name, ends: -1);
        await using var second = new ScriptedServer(static (_, _) => Reply.Ok(), old.Server);
        error = await FailureAsync(() => PingAsync(second.Port, new HostSettings { Ca = File("ca.crt", old.Authority) }));
        Assert.That(error.Message, Does.Match("the certificate is valid from .* to .*, not now$"));
    }

    [TestCase(true, true)]
    [TestCase(false, false)]
    public async Task Nothing_is_checked_when_that_is_wanted(bool insecure, bool verify)
    {
        using var certificates = new TestCertificates("other.test");
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok(), certificates.Server);
        await PingAsync(server.Port, new HostSettings { IsInsecure = insecure }, verify);
    }

    [Test]
    public async Task A_client_shows_its_certificate()
    {
        using var certificates = new TestCertificates(Name);
        var (certificate, key) = (certificates.Client.ExportCertificatePem(), TestCertificates.Key(certificates.Client));
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok(), certificates.Server) { WantsCertificate = true };
        await PingAsync(server.Port, new HostSettings { Ca = File("a/ca.crt", certificates.Authority), ClientCertificate = File("a/c.crt", certificate), ClientKey = File("a/c.key", key) });
        File($"{Name}:{server.Port}/ca.crt", certificates.Authority);
        File($"{Name}:{server.Port}/client.cert", certificate);
        File($"{Name}:{server.Port}/client.key", key);
        await PingAsync(server.Port, certificates: _folder);
        Assert.That(server.Shown, Is.EqualTo(new[] { "CN=client", "CN=client" }));
    }

    [Test]
    public async Task Certificates_that_cannot_be_read_are_an_error()
    {
        const string nonsense = "it is no certificate or key that can be read (PEM, not encrypted)";
        var none = $"{_folder}/none";
        var wrong = File("c.crt", "nonsense");
        foreach (var (settings, text) in ((HostSettings, string)[])
        [
            (new() { Ca = none }, $"{none}: No such file or directory"),
            (new() { ClientCertificate = wrong }, $"{wrong}: {nonsense}"),
            (new() { ClientCertificate = wrong, ClientKey = none }, $"{none}: No such file or directory"),
        ])
        {
            var error = await FailureAsync(() => PingAsync(1, settings));
            Assert.That((error.Kind, error.Message), Is.EqualTo((ErrorKind.InvalidInput, $"read the certificates for {Name}:1: {text}")));
        }
    }

    [Test]
    public async Task Plain_http_is_used_only_where_that_is_allowed()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok()) { ClosesOnTls = true };
        var error = await FailureAsync(() => PingAsync(server.Port));
        Assert.That(error.Message, Does.StartWith($"GET {Name}:{server.Port}/v2/: server gave HTTP response to HTTPS client"));
        await PingAsync(server.Port, new HostSettings { IsInsecure = true });
        await PingAsync(server.Port, verify: false);
        Assert.That(server.Lines, Is.EqualTo(new[] { "GET /v2/", "GET /v2/" }));
    }

    [Test]
    public async Task Loopback_with_tls_is_found_out()
    {
        using var certificates = new TestCertificates();
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok(), certificates.Server);
        using var client = new RegistryClient(server.Host, Options);
        await client.PingAsync(default);
        Assert.That(server.Lines, Is.EqualTo(new[] { "GET /v2/" }));
    }

    [Test]
    public async Task A_server_that_never_shakes_hands_is_given_up()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok());
        using var client = new RegistryClient($"{Name}:{server.Port}",
            new RegistryOptions { StallTimeout = TimeSpan.FromMilliseconds(400), MostAttempts = 2, Resolve = static (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback]) });
        Assert.That((await FailureAsync(() => client.PingAsync(default))).Message, Is.AnyOf($"GET {Name}:{server.Port}/v2/: connection timed out", $"GET {Name}:{server.Port}/v2/: nothing was received for 0.4 s"));
    }

    [Test]
    public async Task A_dead_address_does_not_hold_up_a_living_one()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok()) { ClosesOnTls = true };
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), server.Port)); // bound, but nobody listens
        await PingAsync(server.Port, new HostSettings { IsInsecure = true }, addresses: [IPAddress.Parse("127.0.0.2"), IPAddress.IPv6Loopback, IPAddress.Loopback]);
        Assert.That(server.Seen, Has.Count.EqualTo(1));
    }

    [TestCase(SocketError.HostNotFound, "no such host")]
    [TestCase(SocketError.TryAgain, "the name cannot be looked up now")]
    public async Task A_name_that_cannot_be_looked_up_is_tried_once_more(SocketError why, string text)
    {
        var asked = 0;
        using var client = new RegistryClient("nobody.test", Options with { MostAttempts = 6, Resolve = (_, _) => { asked++; throw new SocketException((int)why); } });
        Assert.That((await FailureAsync(() => client.PingAsync(default))).Message, Is.EqualTo($"GET nobody.test/v2/: {text}"));
        Assert.That(asked, Is.EqualTo(2));
    }

    [Test]
    public async Task A_redirection_to_a_name_of_this_machines_own_wire_is_not_followed()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Empty(307, "Location: http://metadata.test/"));
        using var client = new RegistryClient(server.Host, Options with { MostAttempts = 1, Resolve = static (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("169.254.169.254")]) });
        Assert.That((await FailureAsync(() => client.PingAsync(default))).Message, Does.EndWith("no such host"));
    }

    [Test]
    public async Task A_proxy_is_used_but_not_for_this_machine()
    {
        await using var proxy = new ScriptedServer(static (request, _) => Reply.Empty(request.Method == "CONNECT" ? 403 : 200));
        await using var server = new ScriptedServer(static (_, _) => Reply.Ok());
        var options = Options with { Proxy = new WebProxy(proxy.Address), VerifyTls = false };
        using (var client = new RegistryClient(server.Host, options)) await client.PingAsync(default);
        Assert.That((proxy.Seen.Count, server.Seen.Count), Is.EqualTo((0, 1)));
        using (var client = new RegistryClient("registry.test:80", options with { MostAttempts = 1, Settings = new RegistrySettings { Registries = new Dictionary<string, HostSettings> { ["registry.test:80"] = new() { IsInsecure = true } } } }))
            await client.PingAsync(default);
        Assert.That(proxy.Lines, Has.Some.EqualTo("GET http://registry.test/v2/"));
    }
}
