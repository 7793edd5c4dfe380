using System.Text;
using CrunSharp.NativeTests.Harness;
using CrunSharp.Registry.Tests;

namespace CrunSharp.NativeTests.Registries;

/// <summary><c>push</c> and <c>pull</c> over each way to be somebody: nobody, a password, tokens, TLS with an authority of one's own.</summary>
public sealed class AuthorizedTransferTests : NativeTest
{
    private const string StrictHost = "10.77.0.1"; // not loopback, where no certificate is asked for

    private string Folder => $"{World.Files}/docker";

    protected override void Prepare()
    {
        // The machine's settings can be written in this world, and nowhere else.
        World.Shell($"mkdir {World.Directory}/etc {World.Directory}/etc-work && mount -t overlay overlay -o lowerdir=/etc,upperdir={World.Directory}/etc,workdir={World.Directory}/etc-work /etc").Succeeded();
        World.Host.KnownMounts = World.Host.Mounts.Split('\n').Count(line => line.Contains(World.Directory, StringComparison.Ordinal));
        World.Host.Tool("ip", "addr", "add", $"{StrictHost}/32", "dev", "lo");
        World.RunWith("FROM busybox\nRUN echo made > /made\nCMD [\"cat\", \"/made\"]\n", "build", "-q", "--network", "none", "-t", "made", "-").Succeeded();
    }

    [TearDown]
    public void Forget()
    {
        if (Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
        World.Shell("rm -rf /etc/docker/certs.d /etc/crun-sharp").Succeeded();
    }

    [Test]
    public void Nobody_in_particular()
    {
        using var registry = new TestRegistry(World, 5101);
        AssertThereAndBack(registry.Host, registry.Host);
    }

    [Test]
    public void A_user_with_a_password()
    {
        using var registry = new TestRegistry(World, 5102, "alice", "right");
        AssertRefused(registry.Host);
        As("wrong", "login", "-u", "alice", "--password-stdin", registry.Host).Failed(1, "unauthorized");
        As("right", "login", "-u", "alice", "--password-stdin", registry.Host).Succeeded();
        AssertThereAndBack(registry.Host, registry.Host);
        As(null, "logout", registry.Host).Succeeded();
        AssertRefused(registry.Host);
    }

    [Test]
    public async Task A_user_with_tokens()
    {
        await using var tokens = World.Host.Run(static () => new TokenServer { AllowsAnonymousPull = true });
        using var registry = new TestRegistry(World, "127.0.0.1:5103", $"token: {{ realm: \"{tokens.Address}\", service: registry, issuer: tests, rootcertbundle: FOLDER/tokens.pem }}", null, ("tokens.pem", tokens.Certificate));
        Run("tag", "made", $"{registry.Host}/team/made").Succeeded();
        AssertPushRefused(registry.Host);
        As("wrong", "login", "-u", "me", "--password-stdin", registry.Host).Failed(1, "incorrect username or password");
        As("right", "login", "-u", "me", "--password-stdin", registry.Host).Succeeded();
        Assert.That(File.ReadAllText($"{Folder}/config.json"), Does.Contain("identitytoken").And.Not.Contain(Convert.ToBase64String("me:right"u8)));
        AssertThereAndBack(registry.Host, registry.Host);
        var asked = tokens.Seen.Select(static request => Uri.UnescapeDataString(request.Method == "POST" ? Encoding.UTF8.GetString(request.Body) : request.Target)).ToArray();
        Assert.That(asked, Has.Some.Contains("scope=repository:team/made:pull,push").And.Some.Contains("repository:team/made:pull"));
        Assert.That(asked, Has.None.Contains("repository:busybox"), "a token is for what it is needed for");
        As(null, "logout", registry.Host).Succeeded();
        As(null, "pull", "-q", $"{registry.Host}/team/made").Succeeded();
    }

    [Test]
    public async Task Tokens_that_end_during_a_transfer_are_replaced()
    {
        await using var tokens = World.Host.Run(static () => new TokenServer { Seconds = 1 });
        using var registry = new TestRegistry(World, "127.0.0.1:5104", $"token: {{ realm: \"{tokens.Address}\", service: registry, issuer: tests, rootcertbundle: FOLDER/tokens.pem }}", null, ("tokens.pem", tokens.Certificate));
        As("right", "login", "-u", "me", "--password-stdin", registry.Host).Succeeded();
        AssertThereAndBack(registry.Host, registry.Host);
    }

    [TestCase("certs.d")]
    [TestCase("registries.json")]
    public void An_authority_of_ones_own(string where)
    {
        using var certificates = new TestCertificates(StrictHost);
        using var others = new TestCertificates(StrictHost);
        using var registry = OverTls(certificates, 5105);
        AssertUntrusted(registry.Host, "certificate signed by unknown authority");
        Trust(registry.Host, others, where);
        AssertUntrusted(registry.Host, "certificate signed by unknown authority");
        Trust(registry.Host, certificates, where);
        AssertThereAndBack(registry.Host, registry.Host);
        World.Shell("rm -rf /etc/docker/certs.d /etc/crun-sharp").Succeeded();
        Run("pull", "-q", "--tls-verify=false", $"{registry.Host}/team/made").Succeeded();
    }

    [Test]
    public void A_certificate_for_another_name_or_time_is_refused()
    {
        using var wrong = new TestCertificates("registry.example");
        using (var registry = OverTls(wrong, 5106))
        {
            Trust(registry.Host, wrong, "certs.d");
            AssertUntrusted(registry.Host, $"the certificate is not for {StrictHost} but for CN=registry.example");
        }
        using var old = new TestCertificates(StrictHost, ends: -1);
        using (var registry = OverTls(old, 5107))
        {
            Trust(registry.Host, old, "certs.d");
            AssertUntrusted(registry.Host, "the certificate is valid from");
        }
    }

    [Test]
    public void A_certificate_that_the_client_shows()
    {
        using var certificates = new TestCertificates(StrictHost);
        using var registry = new TestRegistry(World, $"{StrictHost}:5108", null, "certificate: FOLDER/server.crt, key: FOLDER/server.key, clientcas: [ FOLDER/ca.crt ]", [.. TlsFiles(certificates), ("ca.crt", certificates.Authority)]);
        Trust(registry.Host, certificates, "certs.d");
        Run("pull", "-q", $"{registry.Host}/team/made").Failed(1);
        World.File("client.cert", certificates.Client.ExportCertificatePem());
        World.File("client.key", TestCertificates.Key(certificates.Client));
        World.Shell($"cp client.cert client.key /etc/docker/certs.d/{registry.Host}/").Succeeded();
        AssertThereAndBack(registry.Host, registry.Host);
    }

    [TestCase("""{"auths":{"HOST":{"auth":"YWxpY2U6c2VjcmV0""", "config.json")]
    [TestCase("""{"auths":{"HOST":{"auth":"not base64!"}}}""", "the credentials of HOST are no Base64")]
    [TestCase("""{"auths":{"HOST":{"auth":"YWxpY2VzZWNyZXQ="}}}""", "the credentials of HOST have no colon")]
    [TestCase("""{"auths":["HOST"]}""", "config.json")]
    [TestCase("""{"credsStore":"../../bin/sh"}""", "\"../../bin/sh\" is no credential helper")]
    [TestCase("""{"credsStore":"nosuch"}""", "docker-credential-nosuch")]
    [TestCase("\0\0\0\0", "config.json")]
    public void A_damaged_file_of_credentials_is_told_and_none_of_its_secrets_is(string text, string error)
    {
        using var registry = new TestRegistry(World, 5109, "alice", "secret");
        World.File("docker/config.json", text.Replace("HOST", registry.Host, StringComparison.Ordinal));
        foreach (var command in (string[])["pull", "push"])
        {
            Run("tag", "busybox", $"{registry.Host}/team/box").Succeeded();
            var outcome = As(null, command, "-q", $"{registry.Host}/team/box");
            outcome.Failed(1, error.Replace("HOST", registry.Host, StringComparison.Ordinal));
            Assert.That(outcome.Out + outcome.Err, Does.Not.Contain("YWxpY2U").And.Not.Contain("alicesecret").And.Not.Contain("not base64"));
        }
    }

    [TestCase("yes password=hunter2 2> /dev/null", "it writes more than 1048576 bytes")]
    [TestCase("echo 'no such luck' ; exit 7", "docker-credential-hostile get: exit code 7: no such luck")]
    [TestCase("printf '\\033[31mred\\n\\nmore' ; exit 1", "docker-credential-hostile get: exit code 1: [31mred  more")]
    [TestCase("echo '{\"Username\":\"alice\",\"Secret\":[\"hunter2\"]}'", "docker-credential-hostile get")]
    [TestCase("echo '{\"Username\":\"alice\",\"Secret\":\"hunter2'", "docker-credential-hostile get")]
    [TestCase("kill -9 $$", "docker-credential-hostile get: exit code 137")]
    public void A_hostile_helper_is_told_in_one_line(string script, string error)
    {
        using var registry = new TestRegistry(World, 5110, "alice", "secret");
        World.File("bin/docker-credential-hostile", $"#!/bin/sh\n{script}\n");
        World.Host.Tool("chmod", "755", $"{World.Files}/bin/docker-credential-hostile");
        World.File("docker/config.json", """{"credsStore":"hostile"}""");
        var outcome = As(null, "pull", "-q", $"{registry.Host}/team/box");
        outcome.Failed(1, error);
        Assert.That(outcome.Out + outcome.Err, Does.Not.Contain("hunter2").And.Not.Contain("\u001b"));
    }

    private static (string, string)[] TlsFiles(TestCertificates certificates) =>
        [("server.crt", certificates.Server.ExportCertificatePem()), ("server.key", TestCertificates.Key(certificates.Server))];

    private TestRegistry OverTls(TestCertificates certificates, int port) =>
        new(World, $"{StrictHost}:{port}", null, "certificate: FOLDER/server.crt, key: FOLDER/server.key", TlsFiles(certificates));

    private void Trust(string host, TestCertificates certificates, string where)
    {
        World.File("ca.crt", certificates.Authority);
        World.File("registries.json", $$"""{"registries":{"{{host}}":{"ca":"own.crt"} } }""");
        World.Shell(where == "certs.d"
            ? $"mkdir -p /etc/docker/certs.d/{host} && cp ca.crt /etc/docker/certs.d/{host}/ca.crt"
            : "mkdir -p /etc/crun-sharp && cp registries.json /etc/crun-sharp/ && cp ca.crt /etc/crun-sharp/own.crt").Succeeded();
    }

    // What is pushed comes back as the same image, after it was removed here.
    private void AssertThereAndBack(string pushHost, string pullHost)
    {
        var id = World.Inspect("made", "{{.Id}}");
        Run("tag", "made", $"{pushHost}/team/made").Succeeded();
        var digest = As(null, "push", $"{pushHost}/team/made").Succeeded().Lines[^1].Split(' ')[2];
        Run("rmi", "-f", id).Succeeded();
        var pulled = As(null, "pull", $"{pullHost}/team/made").Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(pulled.Out, Does.Contain($"Digest: {digest}\n"));
            Assert.That(World.Inspect($"{pullHost}/team/made", "{{.Id}}"), Is.EqualTo(id));
            Assert.That(Run("run", "--rm", "--network", "none", $"{pullHost}/team/made").Succeeded().Out, Is.EqualTo("made\n"));
        });
        Run("tag", id, "made").Succeeded();
    }

    private void AssertRefused(string host)
    {
        Run("tag", "made", $"{host}/team/made").Succeeded();
        AssertPushRefused(host);
        As(null, "pull", "-q", $"{host}/team/made").Failed(1, $"pull access denied for {host}/team/made, repository does not exist or may require 'docker login'");
    }

    private void AssertPushRefused(string host)
    {
        var push = As(null, "push", "-q", $"{host}/team/made");
        Assert.That((push.Code, push.Err), Is.EqualTo((1, $"crun-sharp: unauthorized: authentication required\nLog in first: crun-sharp login {host}\n")));
    }

    private void AssertUntrusted(string host, string reason)
    {
        Run("tag", "made", $"{host}/team/made").Succeeded();
        Run("push", "-q", $"{host}/team/made").Failed(1, reason);
        Run("pull", "-q", $"{host}/team/made").Failed(1, reason);
    }

    private Outcome As(string? password, params string[] arguments)
    {
        using var session = World.StartWith(new Dictionary<string, string>
        {
            ["DOCKER_CONFIG"] = Folder,
            ["PATH"] = $"{World.Files}/bin:{Environment.GetEnvironmentVariable("PATH")}",
        }, arguments);
        if (password is not null) session.Write(password);
        session.EndInput();
        return session.Wait();
    }
}
