using CrunSharp.Oci;

namespace CrunSharp.Registry.Tests.Settings;

public sealed class RegistrySettingsTests
{
    private string _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("crun-settings-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private RegistrySettings Load(string text)
    {
        File.WriteAllText($"{_folder}/registries.json", text);
        return RegistrySettings.Load($"{_folder}/registries.json", $"{_folder}/certs.d");
    }

    [Test]
    public void Settings_are_read()
    {
        var settings = Load("""
            {"registries":{
              "docker.io":{"mirrors":["mirror.example:5000","http://127.0.0.1:5001/"]},
              "registry.example:5000":{"insecure":true,"ca":"a.crt","clientCertificate":"/x/c.crt","clientKey":"c.key","realms":["login.example.org"]}
            }}
            """);
        Assert.That(settings.For("docker.io").Mirrors, Is.EqualTo(new[] { "mirror.example:5000", "http://127.0.0.1:5001/" }));
        var host = settings.For("registry.example:5000");
        Assert.That((host.IsInsecure, host.Ca, host.ClientCertificate, host.ClientKey), Is.EqualTo((true, $"{_folder}/a.crt", "/x/c.crt", $"{_folder}/c.key")));
        Assert.That(host.Realms, Is.EqualTo(new[] { "login.example.org" }));
        Assert.That(settings.For("other").IsInsecure, Is.False);
    }

    [Test]
    public void What_is_wrong_with_a_file_is_told_in_the_systems_words() => Assert.Multiple(static () =>
    {
        Assert.That(CrunException.Of(new IOException("a key of a resource", (int)Errno.ENOSPC), "write x").Message, Is.EqualTo("write x: No space left on device"));
        Assert.That(CrunException.Of(new UnauthorizedAccessException("another"), "read x").Message, Is.EqualTo("read x: Permission denied"));
        Assert.That(CrunException.Of(new DirectoryNotFoundException("another"), "read x").Message, Is.EqualTo("read x: No such file or directory"));
    });

    [Test]
    public void They_need_not_be_there() => Assert.That(RegistrySettings.Load($"{_folder}/none").Registries, Is.Empty);

    [TestCase("""{"registries":{"a.b":{"mirors":[]}}}""", "\"mirors\" of a.b is not known")]
    [TestCase("""{"registry":{}}""", "\"registry\" is not known")]
    [TestCase("""{"registries":{"https://a.b":{}}}""", "\"https://a.b\" is no registry")]
    [TestCase("""{"registries":{"a.b":{"mirrors":["ftp://x"]}}}""", "\"ftp://x\" is no registry")]
    [TestCase("""{"registries":{"a.b":{"mirrors":["a b"]}}}""", "\"a b\" is no registry")]
    [TestCase("""{"registries":{"a.b":{"mirrors":["user@host"]}}}""", "\"user@host\" is no registry")]
    [TestCase("""{"registries":{"a.b":{"clientKey":"k"}}}""", "a.b has a clientKey without a clientCertificate")]
    [TestCase("""{"registries":{"a.b":{"insecure":"yes"}}}""", "malformed at $.registries.?.insecure")]
    [TestCase("""{"registries":""", "malformed at $.registries")]
    public void A_mistake_is_an_error_with_its_place(string text, string reason)
    {
        var error = Assert.Throws<CrunException>(() => Load(text))!;
        Assert.That(error.Message, Does.StartWith($"{_folder}/registries.json: ").And.Contain(reason.Replace(".?.", ".a.b.", StringComparison.Ordinal)));
    }

    [TestCase("docker.io", "registry-1.docker.io", false)]
    [TestCase("localhost:5000", "localhost:5000", true)]
    [TestCase("127.1.2.3", "127.1.2.3", true)]
    [TestCase("[::1]:5000", "[::1]:5000", true)]
    [TestCase("registry.example", "registry.example", false)]
    [TestCase("128.0.0.1:5000", "128.0.0.1:5000", false)]
    [TestCase("localhost.example", "localhost.example", false)]
    public void A_registrys_server_is_known(string host, string authority, bool isLoopback)
    {
        var server = Server.Of(host);
        Assert.That((server.Authority, server.Scheme, server.IsLoopback), Is.EqualTo((authority, (string?)null, isLoopback)));
    }
}
