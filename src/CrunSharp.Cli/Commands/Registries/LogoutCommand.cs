using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Registry;

namespace CrunSharp.Cli.Commands.Registries;

/// <summary><c>logout</c>: forgets a registry's credentials.</summary>
internal sealed class LogoutCommand : Command
{
    public override string Synopsis => "[SERVER]";
    public override int MostOperands => 1;
    public override bool NeedsRoot => false;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var host = RegistryHost.Of(operands.Count > 0 ? operands[0] : null);
        var wasThere = RegistryAccess.Credentials(context).EraseAsync(host, CancellationToken.None).GetAwaiter().GetResult();
        context.Out.WriteLine(wasThere ? $"Removing login credentials for {CredentialStore.KeyOf(host)}" : $"Not logged in to {CredentialStore.KeyOf(host)}");
        return ExitCodes.Success;
    }
}
