using System.Text;
using System.Text.Json;
using CrunSharp.Oci;
using static CrunSharp.Registry.Tests.Content;

namespace CrunSharp.Registry.Tests.Credentials;

public sealed class CredentialStoreTests
{
    private const string DockerKey = "https://index.docker.io/v1/";

    private readonly List<(string Program, string Argument, string Input)> _runs = [];
    private string _folder = null!;
    private Func<string, string, ProgramResult> _program = static (_, _) => new ProgramResult(0, default);

    private string Config => $"{_folder}/docker/config.json";

    private CredentialStore Store => new(Config, (program, argument, input, _) =>
    {
        _runs.Add((program, argument, Encoding.UTF8.GetString(input.Span)));
        return Task.FromResult(_program(argument, Encoding.UTF8.GetString(input.Span)));
    });

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("crun-credentials-").FullName;

    [TearDown]
    public void RemoveFolder()
    {
        Directory.Delete(_folder, recursive: true);
        _runs.Clear();
    }

    private void Write(string text)
    {
        Directory.CreateDirectory($"{_folder}/docker");
        File.WriteAllText(Config, text);
    }

    private static string Encode(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static (string, string, bool)? Parts(Credential? credential) =>
        credential is null ? null : (credential.Username, credential.RevealSecret(), credential.IsIdentityToken);

    [Test]
    public async Task Those_who_log_in_at_once_do_not_lose_what_another_stored()
    {
        var gate = new SemaphoreSlim(1);
        var folders = new HashSet<string>();
        var store = new CredentialStore(Config, lockFolder: folder =>
        {
            gate.Wait();
            folders.Add(folder);
            Assert.That(folder, Does.Exist);
            return new Held(gate);
        });
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(() => store.StoreAsync($"r{i}.test", Credential.Password("me", "x"), default))));
        Assert.That(await store.ListAsync(default), Has.Count.EqualTo(40));
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(() => store.EraseAsync($"r{i}.test", default))));
        Assert.That(await store.ListAsync(default), Is.Empty);
        Assert.That(folders, Is.EqualTo(new[] { $"{_folder}/docker" }));
    }

    private sealed class Held(SemaphoreSlim gate) : IDisposable
    {
        public void Dispose() => gate.Release();
    }

    [TestCase("docker.io", DockerKey)]
    [TestCase("localhost:5000", "localhost:5000")]
    [TestCase("[::1]:5000", "[::1]:5000")]
    public async Task What_is_stored_is_found_by_its_registry_only(string host, string key)
    {
        Assert.That(await Store.StoreAsync(host, Credential.Password("me", "a:b ü"), default), Is.True);
        Assert.That(Parts(await Store.FindAsync(host, default)), Is.EqualTo(("me", "a:b ü", false)));
        Assert.That(await Store.FindAsync("other.example", default), Is.Null);
        using var document = JsonDocument.Parse(File.ReadAllText(Config));
        Assert.That(document.RootElement.GetProperty("auths").GetProperty(key).GetProperty("auth").GetString(), Is.EqualTo(Encode("me:a:b ü")));
        Assert.That(await Store.ListAsync(default), Is.EqualTo(new Dictionary<string, string> { [key] = "me" }));
        Assert.That(await Store.EraseAsync(host, default), Is.True);
        Assert.That(await Store.EraseAsync(host, default), Is.False);
        Assert.That(await Store.FindAsync(host, default), Is.Null);
    }

    [Test]
    public async Task An_identity_token_is_kept_as_docker_does()
    {
        await Store.StoreAsync("docker.io", Credential.IdentityToken("t0ken", "me"), default);
        Assert.That(Parts(await Store.FindAsync("docker.io", default)), Is.EqualTo(("me", "t0ken", true)));
        Assert.That(File.ReadAllText(Config), Does.Contain("\"identitytoken\": \"t0ken\""));
    }

    [Test]
    public async Task All_else_in_the_file_stays()
    {
        Write("""{"HttpHeaders":{"X":["ü"]},"auths":{"a.b":{"auth":"YTpi","email":"x@y","n":1e3}},"detachKeys":"ctrl-e,e","plugins":{"x":{"y":"z"}}}""");
        await Store.StoreAsync("c.d", Credential.Password("me", "pw"), default);
        using var document = JsonDocument.Parse(File.ReadAllText(Config));
        var root = document.RootElement;
        Assert.That(root.GetProperty("HttpHeaders").GetRawText(), Does.Contain("ü"));
        Assert.That(root.GetProperty("auths").GetProperty("a.b").GetProperty("email").GetString(), Is.EqualTo("x@y"));
        Assert.That(root.GetProperty("auths").GetProperty("a.b").GetProperty("n").GetRawText(), Is.EqualTo("1e3"));
        Assert.That(root.GetProperty("plugins").GetProperty("x").GetProperty("y").GetString(), Is.EqualTo("z"));
        Assert.That(File.ReadAllText(Config), Does.Contain("\n\t\"auths\": {"));
    }

    [Test]
    public async Task The_file_is_for_its_owner_only_and_nothing_lies_beside_it()
    {
        Write("{}");
        File.WriteAllText($"{Config}.crun-sharp-old", "left behind");
        File.SetLastWriteTimeUtc($"{Config}.crun-sharp-old", DateTime.UtcNow.AddHours(-1));
        File.SetUnixFileMode(Config, UnixFileMode.UserRead | UnixFileMode.OtherRead | UnixFileMode.GroupRead | UnixFileMode.UserWrite);
        await Store.StoreAsync("a.b", Credential.Password("me", "pw"), default);
        Assert.That(File.GetUnixFileMode(Config), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.That(Directory.GetFiles($"{_folder}/docker"), Is.EqualTo(new[] { Config }));
    }

    [Test]
    public async Task A_file_that_is_a_link_stays_one()
    {
        Directory.CreateDirectory($"{_folder}/docker");
        File.WriteAllText($"{_folder}/real.json", "{}");
        File.CreateSymbolicLink(Config, $"{_folder}/real.json");
        await Store.StoreAsync("a.b", Credential.Password("me", "pw"), default);
        Assert.That(new FileInfo(Config).LinkTarget, Is.EqualTo($"{_folder}/real.json"));
        Assert.That(File.ReadAllText($"{_folder}/real.json"), Does.Contain("a.b"));
    }

    [TestCase("https://a.b/v2/", "a.b")]
    [TestCase("http://a.b", "a.b")]
    [TestCase("https://a.b:5000", "a.b:5000")]
    [TestCase("index.docker.io", "docker.io")]
    [TestCase("docker.io", "docker.io")]
    public async Task Old_forms_of_names_are_found(string key, string host)
    {
        Write("""{"auths":{"KEY":{"auth":"AUTH"}}}""".Replace("KEY", key, StringComparison.Ordinal).Replace("AUTH", Encode("me:pw\0"), StringComparison.Ordinal));
        Assert.That(Parts(await Store.FindAsync(host, default)), Is.EqualTo(("me", "pw", false)));
    }

    [TestCase("""{"auths":{"a.b":{"auth":"%%%"}}}""", "the credentials of a.b are no Base64")]
    [TestCase("""{"auths":{"a.b":{"auth":"bm9jb2xvbg=="}}}""", "the credentials of a.b have no colon")]
    [TestCase("""{"auths":{"a.b":{"auth":"s3cr3t"}""", "malformed at")]
    [TestCase("""{"auths":{"a.b":{"auth":["s3cr3t"]}}}""", "malformed at")]
    [TestCase("""{"auths":[]}""", "malformed at")]
    public async Task A_malformed_file_is_an_error_without_secrets(string text, string reason)
    {
        Write(text);
        var error = await FailureAsync(async () => await Store.FindAsync("a.b", default));
        Assert.That(error.Message, Does.Contain(reason).And.Not.Contain("s3cr3t").And.Not.Contain("bm9j"));
    }

    [TestCase("")]
    [TestCase(" \n")]
    [TestCase("{}")]
    [TestCase("""{"auths":null}""")]
    [TestCase("""{"auths":{"a.b":{}}}""")]
    public async Task An_empty_file_has_no_credentials(string text)
    {
        Write(text);
        Assert.That(await Store.FindAsync("a.b", default), Is.Null);
    }

    [Test]
    public async Task A_helper_keeps_them_instead_of_the_file()
    {
        Write("""{"credsStore":"pass","credHelpers":{"a.b":"ecr-login"}}""");
        Assert.That(await Store.StoreAsync("docker.io", Credential.Password("me", "pw"), default), Is.False);
        await Store.StoreAsync("a.b", Credential.IdentityToken("tok"), default);
        Assert.That(_runs, Is.EqualTo(new[]
        {
            ("docker-credential-pass", "store", """{"ServerURL":"https://index.docker.io/v1/","Username":"me","Secret":"pw"}"""),
            ("docker-credential-ecr-login", "store", """{"ServerURL":"a.b","Username":"\u003Ctoken\u003E","Secret":"tok"}"""),
        }));
        Assert.That(File.ReadAllText(Config), Does.Contain(DockerKey).And.Not.Contain("auth\""));
    }

    [Test]
    public async Task A_helper_is_asked()
    {
        Write("""{"credsStore":"pass"}""");
        _program = static (_, key) => new ProgramResult(0, Encoding.UTF8.GetBytes($$"""{"ServerURL":"{{key}}","Username":"me","Secret":"pw"}"""));
        Assert.That(Parts(await Store.FindAsync("a.b", default)), Is.EqualTo(("me", "pw", false)));
        _program = static (_, _) => new ProgramResult(0, """{"Username":"<token>","Secret":"tok"}"""u8.ToArray());
        Assert.That(Parts(await Store.FindAsync("a.b", default)), Is.EqualTo(("", "tok", true)));
        _program = static (_, _) => new ProgramResult(1, "credentials not found in native keychain\n"u8.ToArray());
        Assert.That(await Store.FindAsync("a.b", default), Is.Null);
        _program = static (_, _) => new ProgramResult(0, """{"https://index.docker.io/v1/":"me"}"""u8.ToArray());
        Assert.That(await Store.ListAsync(default), Is.EqualTo(new Dictionary<string, string> { [DockerKey] = "me" }));
    }

    [Test]
    public async Task A_logout_erases_what_the_helper_has()
    {
        Write("""{"credsStore":"pass","auths":{"KEY":{}}}""".Replace("KEY", DockerKey, StringComparison.Ordinal));
        _program = static (argument, _) => new ProgramResult(0, argument == "get" ? """{"Username":"me","Secret":"pw"}"""u8.ToArray() : default);
        Assert.That(await Store.EraseAsync("docker.io", default), Is.True);
        Assert.That(_runs[^1], Is.EqualTo(("docker-credential-pass", "erase", DockerKey)));
        Assert.That(File.ReadAllText(Config), Does.Not.Contain(DockerKey));
    }

    [TestCase(1, "pass not initialized\n\u001b[0m", "docker-credential-pass get: exit code 1: pass not initialized  [0m")]
    [TestCase(0, "s3cr3t", "docker-credential-pass get: the answer is malformed at $ (line 1, byte 1)")]
    public async Task A_helper_that_fails_is_an_error_without_secrets(int code, string output, string message)
    {
        Write("""{"credsStore":"pass"}""");
        _program = (_, _) => new ProgramResult(code, Encoding.UTF8.GetBytes(output));
        Assert.That((await FailureAsync(async () => await Store.FindAsync("a.b", default))).Message, Is.EqualTo(message));
    }

    [TestCase("../evil")]
    [TestCase("a b")]
    public async Task A_helper_has_a_plain_name(string name)
    {
        Write($$"""{"credsStore":"{{name}}"}""");
        Assert.That((await FailureAsync(async () => await Store.FindAsync("a.b", default))).Message, Does.EndWith("is no credential helper"));
        Assert.That(_runs, Is.Empty);
    }

    [Test]
    public async Task A_helper_is_a_child_process()
    {
        var program = $"{_folder}/helper";
        File.WriteAllText(program, "#!/bin/sh\nread key\necho \"$1 $key\"\nexit 3\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var result = await ChildProgram.RunAsync(program, "get", "a.b\n"u8.ToArray(), default);
        Assert.That((result.ExitCode, Encoding.UTF8.GetString(result.Output.Span)), Is.EqualTo((3, "get a.b\n")));
        File.WriteAllText($"{_folder}/deaf", "#!/bin/sh\nexec yes\n");
        File.SetUnixFileMode($"{_folder}/deaf", UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Assert.That((await FailureAsync(() => ChildProgram.RunAsync($"{_folder}/deaf", "get", new byte[1_000_000], default))).Message, Does.Contain("more than 1048576 bytes"));
        Assert.That((await FailureAsync(() => ChildProgram.RunAsync($"{_folder}/none", "get", default, default))).Kind, Is.EqualTo(ErrorKind.NotFound));
    }
}
