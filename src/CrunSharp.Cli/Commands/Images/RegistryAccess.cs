using CrunSharp.Cli.CommandLine;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Registry;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>How commands get to registries.</summary>
internal static class RegistryAccess
{
    /// <summary>The option <c>--tls-verify</c>, the same for all commands that talk to registries.</summary>
    /// <typeparam name="T">The record that it fills.</typeparam>
    public static Option TlsOption<T>(Action<T, bool> set) where T : class =>
        new Flag<T>("tls-verify", '\0', "Demand HTTPS and check the registry's certificate", set) { Default = "true" };

    /// <summary>A client of the registry that names of images call so.</summary>
    /// <param name="context">The command's world.</param>
    /// <param name="host">The registry: <c>docker.io</c>, <c>localhost:5000</c>.</param>
    /// <param name="verifyTls">Whether <c>--tls-verify</c> is on.</param>
    /// <exception cref="CrunException">The registry's settings cannot be read, or the host is none.</exception>
    public static RegistryClient Open(CommandContext context, string host, bool verifyTls = true) => new(host, OptionsOf(context, verifyTls));

    /// <summary>How this command talks to registries: the host's settings, the user's credentials.</summary>
    /// <exception cref="CrunException">The settings cannot be read.</exception>
    public static RegistryOptions OptionsOf(CommandContext context, bool verifyTls = true) => new()
    {
        Settings = RegistrySettings.Load(),
        Credentials = Credentials(context),
        VerifyTls = verifyTls,
        UserAgent = $"crun-sharp/{ProductVersion.Text}",
        Note = context.Global.Debug || context.Global.LogLevel == "debug" ? context.Complain : null,
    };

    /// <summary>The user's credentials: in the directory of <c>--config</c>, of <c>$DOCKER_CONFIG</c>, or in <c>~/.docker</c>.</summary>
    public static CredentialStore Credentials(CommandContext context) =>
        new(context.Global.Config is { Length: > 0 } folder ? Path.Combine(Path.GetFullPath(folder), "config.json") : CredentialStore.DefaultPath,
            lockFolder: static folder => FileLock.TryExisting(null, folder, shared: false, wait: true) ?? throw CrunException.NotFound("the directory was removed", $"lock {folder}"));
}
