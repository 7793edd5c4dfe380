using System.Text.Json;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>login</c> and <c>logout</c>, against a registry that has one user.</summary>
public sealed class LoginTests : NativeTest
{
    private const string Password = "corréct horse $(x)";
    private TestRegistry _registry = null!;

    private string Folder => $"{World.Files}/docker";

    private string ConfigFile => $"{Folder}/config.json";

    [OneTimeSetUp]
    public void StartRegistry() => _registry = new TestRegistry(World, 5001, "alice", Password);

    [OneTimeTearDown]
    public void EndRegistry() => _registry.Dispose();

    [SetUp]
    public void Forget()
    {
        if (Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
    }

    [Test]
    public void Right_credentials_are_stored_for_their_owner_only()
    {
        var login = LogIn(Password);
        Assert.That(login.Succeeded().Out, Is.EqualTo("Login Succeeded\n"));
        Assert.That(login.Err, Is.EqualTo($"\nWARNING! Your credentials are stored unencrypted in '{ConfigFile}'.\nConfigure a credential helper to remove this warning. See\n"
            + "https://docs.docker.com/go/credential-store/\n\n"));
        Assert.That(File.GetUnixFileMode(ConfigFile), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.That(AuthOf(_registry.Host), Is.EqualTo(Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"alice:{Password}"))));
        Assert.That(Directory.GetFiles(Folder), Is.EqualTo((string[])[ConfigFile]));

        var again = WithConfig(null, "login", _registry.Host).Succeeded();
        Assert.That(again.Out, Is.EqualTo("Authenticating with existing credentials...\nLogin Succeeded\n"));
    }

    [Test]
    public void A_wrong_password_is_refused_and_nothing_is_stored()
    {
        var login = LogIn("wrong");
        login.Failed(1, "unauthorized");
        Assert.That(login.Out + login.Err, Does.Not.Contain("wrong"));
        Assert.That(File.Exists(ConfigFile), Is.False);
        LogIn(Password).Succeeded();
        var before = File.ReadAllText(ConfigFile);
        LogIn("wrong").Failed(1, "unauthorized");
        Assert.That(File.ReadAllText(ConfigFile), Is.EqualTo(before));
    }

    [Test]
    public void What_else_is_in_the_file_stays_and_logout_removes_only_its_own()
    {
        World.File("docker/config.json", """{"auths":{"other.example":{"auth":"Ym9iOmI="}},"HttpHeaders":{"X":"y"},"detachKeys":"ctrl-e"}""");
        LogIn(Password).Succeeded();
        Assert.That(AuthOf("other.example"), Is.EqualTo("Ym9iOmI="));
        Assert.That(WithConfig(null, "logout", $"http://{_registry.Host}/v2/").Succeeded().Out, Is.EqualTo($"Removing login credentials for {_registry.Host}\n"));
        using (var document = JsonDocument.Parse(File.ReadAllText(ConfigFile)))
        {
            Assert.That(document.RootElement.GetProperty("auths").GetRawText().Replace(" ", "", StringComparison.Ordinal).ReplaceLineEndings("").Replace("\t", "", StringComparison.Ordinal), Is.EqualTo("""{"other.example":{"auth":"Ym9iOmI="}}"""));
            Assert.That(document.RootElement.GetProperty("detachKeys").GetString(), Is.EqualTo("ctrl-e"));
            Assert.That(document.RootElement.GetProperty("HttpHeaders").GetProperty("X").GetString(), Is.EqualTo("y"));
        }
        Assert.That(WithConfig(null, "logout", _registry.Host).Succeeded().Out, Is.EqualTo($"Not logged in to {_registry.Host}\n"));
        Assert.That(WithConfig(null, "logout").Succeeded().Out, Is.EqualTo("Not logged in to https://index.docker.io/v1/\n"));
    }

    [Test]
    public void A_credential_helper_gets_the_password_on_its_input_and_the_file_does_not()
    {
        World.File("bin/docker-credential-test", "#!/bin/sh\necho \"$0 $*\" >> \"$(dirname \"$0\")/calls\"\ncase $1 in store) cat > \"$(dirname \"$0\")/kept\";;"
            + " get) cat \"$(dirname \"$0\")/kept\" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; };; erase) rm \"$(dirname \"$0\")/kept\";; esac\n");
        World.Host.Tool("chmod", "755", $"{World.Files}/bin/docker-credential-test");
        World.File("docker/config.json", """{"credsStore":"test"}""");
        var login = LogIn(Password).Succeeded();
        Assert.That(login.Err, Is.Empty, "nothing is stored unencrypted");
        Assert.That(File.ReadAllText(ConfigFile), Does.Not.Contain("\"auth\":").And.Contain("credsStore"));
        Assert.That(JsonDocument.Parse(File.ReadAllText($"{World.Files}/bin/kept")).RootElement.GetProperty("Secret").GetString(), Is.EqualTo(Password));
        Assert.That(File.ReadAllText($"{World.Files}/bin/calls"), Does.Not.Contain("horse"));
        Assert.That(WithConfig(null, "login", _registry.Host).Succeeded().Out, Does.EndWith("Login Succeeded\n"));
        Assert.That(WithConfig(null, "logout", _registry.Host).Succeeded().Out, Does.StartWith("Removing login credentials for"));
        Assert.That(File.Exists($"{World.Files}/bin/kept"), Is.False);
    }

    [Test]
    public void On_a_terminal_the_password_is_asked_for_and_not_shown()
    {
        using var session = World.StartOnTerminal(24, 80, $"DOCKER_CONFIG={Folder} $C login {_registry.Host}; stty -a | grep -o ' -\\?echo '");
        session.Expect("Username: ");
        session.Write("alice\r");
        session.Expect("Password: ");
        session.Write(Password + "\r");
        session.Expect("Login Succeeded");
        Assert.That(session.Wait().Out.ReplaceLineEndings("\n"), Does.StartWith("Username: alice\nPassword: \n").And.Not.Contain("horse").And.EndsWith(" echo \n"));
        Assert.That(AuthOf(_registry.Host), Is.Not.Empty);
    }

    [Test]
    public void An_interrupted_question_leaves_a_terminal_that_shows_what_is_typed()
    {
        using var session = World.StartOnTerminal(24, 80, $"trap : INT; DOCKER_CONFIG={Folder} $C login -u alice {_registry.Host}; echo; stty -a | grep -o ' -\\?echo '");
        session.Expect("Password: ");
        session.Write("\u0003");
        Assert.That(session.Wait().Out.ReplaceLineEndings("\n"), Does.EndWith(" echo \n"));
        Assert.That(File.Exists(ConfigFile), Is.False);
    }

    [Test]
    public void Options_that_do_not_fit_are_refused()
    {
        WithConfig(null, "login", _registry.Host).Failed(1, "Error: Cannot perform an interactive login from a non TTY device");
        WithConfig("x", "login", "--password-stdin", _registry.Host).Failed(1, "Must provide --username with --password-stdin");
        Assert.That(WithConfig("x", "login", "-u", "a", "-p", "b", "--password-stdin").Err, Does.Contain("--password and --password-stdin are mutually exclusive"));
        Assert.That(WithConfig(null, "login", "-u", "alice", "-p", Password, _registry.Host).Succeeded().Err, Does.StartWith("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n"));
        WithConfig("x", "login", "-u", "a", "--password-stdin", "127.0.0.1:1").Failed(1, "connection refused");
    }

    [Test]
    public void A_registry_with_a_user_wants_him_for_pushes()
    {
        Run("tag", "busybox", $"{_registry.Host}/box").Succeeded();
        try
        {
            Assert.That(WithConfig(null, "push", $"{_registry.Host}/box"), Has.Property("Code").EqualTo(1).And.Property("Err").EqualTo($"crun-sharp: unauthorized: authentication required\nLog in first: crun-sharp login {_registry.Host}\n"));
            LogIn(Password).Succeeded();
            Assert.That(WithConfig(null, "push", $"{_registry.Host}/box").Succeeded().Out, Does.Match(@"latest: digest: sha256:[0-9a-f]{64} size: \d+\n$"));
        }
        finally
        {
            Run("rmi", $"{_registry.Host}/box").Succeeded();
        }
    }

    [Test]
    public void Two_who_log_in_at_once_are_both_logged_in()
    {
        using var other = new TestRegistry(World, 5006, "alice", Password);
        string[] hosts = [_registry.Host, other.Host, _registry.Host.Replace("127.0.0.1", "localhost", StringComparison.Ordinal), other.Host.Replace("127.0.0.1", "localhost", StringComparison.Ordinal)];
        var secret = World.File("secret", Password);
        var logins = string.Join('\n', hosts.Select(host => $"$C login -u alice --password-stdin {host} < {secret} > /dev/null 2>&1 &"));
        World.Shell($"export DOCKER_CONFIG={Folder}\n{logins}\nwait").Succeeded();
        Assert.That(hosts.Select(AuthOf), Has.None.Null);
        var logouts = string.Join('\n', hosts.Select(static host => $"$C logout {host} &"));
        World.Shell($"export DOCKER_CONFIG={Folder}\n{logouts}\nwait").Succeeded();
        Assert.That(hosts.Select(AuthOf), Has.All.Null);
        Assert.That(Directory.GetFiles(Folder), Is.EqualTo((string[])[ConfigFile]));
    }

    private Outcome LogIn(string password) => WithConfig(password + "\n", "login", "-u", "alice", "--password-stdin", _registry.Host);

    private Outcome WithConfig(string? input, params string[] arguments)
    {
        using var session = World.StartWith(new Dictionary<string, string> { ["DOCKER_CONFIG"] = Folder, ["PATH"] = $"{World.Files}/bin:{Environment.GetEnvironmentVariable("PATH")}" }, arguments);
        if (input is not null) session.Write(input);
        session.EndInput();
        return session.Wait();
    }

    private string? AuthOf(string host)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(ConfigFile));
        return document.RootElement.GetProperty("auths").TryGetProperty(host, out var entry) ? entry.GetProperty("auth").GetString() : null;
    }
}
