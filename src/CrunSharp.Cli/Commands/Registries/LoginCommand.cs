using System.Text;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Oci;
using CrunSharp.Registry;

namespace CrunSharp.Cli.Commands.Registries;

/// <summary><c>login</c>: tries a registry's credentials, and keeps them if they are right.</summary>
internal sealed class LoginCommand : Command
{
    private const int MostBytes = 64 * 1024;

    private static readonly Option[] Table =
    [
        new Value<LoginCommand>("password", 'p', "string", "The password; others can see it on the command line", static (o, v) => o._password = v),
        new Flag<LoginCommand>("password-stdin", '\0', "Read the password from standard input", static (o, v) => o._fromInput = v),
        RegistryAccess.TlsOption<LoginCommand>(static (o, v) => o._verifyTls = v),
        new Value<LoginCommand>("username", 'u', "string", "The user's name", static (o, v) => o._username = v.Trim()),
    ];

    private string _username = "";
    private string _password = "";
    private bool _fromInput;
    private bool _verifyTls = true;

    public override string Synopsis => "[OPTIONS] [SERVER]";
    public override Option[] Options => Table;
    public override int MostOperands => 1;
    public override bool NeedsRoot => false;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (_password.Length > 0)
        {
            context.Error.WriteLine("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
            if (_fromInput) throw CrunException.Invalid("--password and --password-stdin are mutually exclusive");
        }
        if (_fromInput) _password = ReadPassword(context);
        var host = RegistryHost.Of(operands.Count > 0 ? operands[0] : null);
        using var client = RegistryAccess.Open(context, host, _verifyTls);
        var store = RegistryAccess.Credentials(context);
        return LogInAsync(context, client, store).GetAwaiter().GetResult();
    }

    private async Task<int> LogInAsync(CommandContext context, RegistryClient client, CredentialStore store)
    {
        var known = await store.FindAsync(client.Host, CancellationToken.None);
        if (known is not null && _username.Length == 0 && _password.Length == 0 && await TryAgainAsync(context, client, store, known)) return ExitCodes.Success;
        if ((_username.Length == 0 || _password.Length == 0) && !context.InputIsTerminal())
        {
            context.Error.WriteLine("Error: Cannot perform an interactive login from a non TTY device");
            return ExitCodes.Failure;
        }
        if (_username.Length == 0 || _password.Length == 0) Ask(context, client.Host, known?.Username ?? "");
        await KeepAsync(context, client, store, Credential.Password(_username, _password));
        return ExitCodes.Success;
    }

    // What is kept already may still be right.
    private static async Task<bool> TryAgainAsync(CommandContext context, RegistryClient client, CredentialStore store, Credential known)
    {
        context.Out.WriteLine("Authenticating with existing credentials...");
        context.Out.Flush();
        try
        {
            await KeepAsync(context, client, store, known);
            return true;
        }
        catch (CrunException error)
        {
            context.Error.WriteLine(error.Kind == ErrorKind.Denied ? "Stored credentials invalid or expired" : $"Login did not succeed, error: {error.Message}");
            return false;
        }
    }

    private static async Task KeepAsync(CommandContext context, RegistryClient client, CredentialStore store, Credential credential)
    {
        var kept = await client.LoginAsync(credential, CancellationToken.None);
        if (await store.StoreAsync(client.Host, kept, CancellationToken.None) && !kept.IsIdentityToken)
        {
            context.Error.Write($"\nWARNING! Your credentials are stored unencrypted in '{store.Path}'.\n"
                + "Configure a credential helper to remove this warning. See\n"
                + "https://docs.docker.com/go/credential-store/\n\n");
        }
        context.Out.WriteLine("Login Succeeded");
    }

    private void Ask(CommandContext context, string host, string knownName)
    {
        using var input = context.OpenInput();
        if (_username.Length == 0)
        {
            if (host == RegistryHost.Docker) context.Out.WriteLine("Login with your Docker ID to push and pull images from Docker Hub.");
            _username = Prompt.Ask(context, input, knownName.Length > 0 ? $"Username ({knownName}): " : "Username: ").Trim();
            if (_username.Length == 0) _username = knownName;
            if (_username.Length == 0) throw CrunException.Invalid("username is required");
        }
        if (_password.Length > 0) return;
        _password = Prompt.AskHidden(context, input, "Password: ");
        if (_password.Length == 0) throw CrunException.Invalid("password is required");
    }

    private string ReadPassword(CommandContext context)
    {
        if (_username.Length == 0) throw CrunException.Invalid("Must provide --username with --password-stdin");
        using var input = context.OpenInput();
        var bytes = new byte[MostBytes];
        var length = 0;
        while (length < bytes.Length && input.Read(bytes, length, bytes.Length - length) is > 0 and var count) length += count;
        if (length == bytes.Length) throw CrunException.Invalid($"the password has {MostBytes} bytes or more");
        var text = Encoding.UTF8.GetString(bytes, 0, length);
        if (text.EndsWith('\n')) text = text[..^1];
        if (text.EndsWith('\r')) text = text[..^1];
        return text.Length > 0 ? text : throw CrunException.Invalid("password is empty");
    }
}
