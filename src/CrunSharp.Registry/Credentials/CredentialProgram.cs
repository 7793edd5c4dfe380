using System.Text;
using CrunSharp.Oci;
using CrunSharp.Oci.Json;

namespace CrunSharp.Registry;

/// <summary>Runs a program with an argument, writes to its input, and reads its output.</summary>
/// <param name="program">The program's name, looked up in <c>PATH</c>.</param>
/// <param name="argument">Its only argument.</param>
/// <param name="input">What it reads: secrets go this way, never as arguments or in the environment.</param>
/// <param name="cancellationToken">Ends the program.</param>
/// <exception cref="CrunException">It cannot be run.</exception>
public delegate Task<ProgramResult> RunProgram(string program, string argument, ReadOnlyMemory<byte> input, CancellationToken cancellationToken);

/// <summary>What became of a helper.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">What it wrote to its output.</param>
public readonly record struct ProgramResult(int ExitCode, ReadOnlyMemory<byte> Output)
{
    /// <summary>The exit code; the output may be secret.</summary>
    public override string ToString() => $"exit code {ExitCode}";
}

/// <summary>A program that keeps credentials: <c>docker-credential-NAME</c>.</summary>
/// <seealso href="https://github.com/docker/docker-credential-helpers"/>
internal sealed class CredentialProgram
{
    private const string NotThere = "credentials not found in native keychain";
    private const string TokenUser = "<token>";

    private static readonly JsonRecord<Entry> Json = new JsonRecord<Entry>(new Entry())
        .Field("ServerURL", JsonKind.Text, static e => e.ServerUrl, static (e, v) => e with { ServerUrl = v })
        .Field("Username", JsonKind.Text, static e => e.Username, static (e, v) => e with { Username = v })
        .Field("Secret", JsonKind.Text, static e => e.Secret, static (e, v) => e with { Secret = v });

    private readonly string _program;
    private readonly RunProgram _run;

    public CredentialProgram(string name, RunProgram run)
    {
        if (name.Length > 64 || name.AsSpan().ContainsAnyExcept("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"))
            throw CrunException.Invalid($"\"{Words.Clean(name)}\" is no credential helper");
        (_program, _run) = ("docker-credential-" + name, run);
    }

    public async Task<Credential?> GetAsync(string key, CancellationToken cancellationToken)
    {
        var result = await _run(_program, "get", Encoding.UTF8.GetBytes(key), cancellationToken);
        if (result.ExitCode != 0 && Said(result).Contains(NotThere, StringComparison.Ordinal)) return null;
        var entry = Json.Parse(Checked(result, "get").Span, "answer", $"{_program} get");
        return entry.Secret.Length == 0 ? null
            : entry.Username == TokenUser ? Credential.IdentityToken(entry.Secret) : Credential.Password(entry.Username, entry.Secret);
    }

    public async Task StoreAsync(string key, Credential credential, CancellationToken cancellationToken)
    {
        var entry = new Entry { ServerUrl = key, Username = credential.IsIdentityToken ? TokenUser : credential.Username, Secret = credential.RevealSecret() };
        Checked(await _run(_program, "store", Json.Format(entry), cancellationToken), "store");
    }

    public async Task EraseAsync(string key, CancellationToken cancellationToken) =>
        Checked(await _run(_program, "erase", Encoding.UTF8.GetBytes(key), cancellationToken), "erase");

    public async Task<IReadOnlyDictionary<string, string>> ListAsync(CancellationToken cancellationToken)
    {
        var result = await _run(_program, "list", default, cancellationToken);
        return JsonKind.TextMap.Parse(Checked(result, "list").Span, "answer", $"{_program} list");
    }

    // Helpers say on their output what went wrong. After a success that is where the secret is.
    private ReadOnlyMemory<byte> Checked(ProgramResult result, string verb) => result.ExitCode == 0 ? result.Output
        : throw new CrunException(ErrorKind.System, Said(result) is { Length: > 0 } said ? $"exit code {result.ExitCode}: {said}" : $"exit code {result.ExitCode}", $"{_program} {verb}");

    private static string Said(ProgramResult result) => Words.Clean(Encoding.UTF8.GetString(result.Output.Span[..Math.Min(result.Output.Length, 1024)]));

    private sealed record Entry
    {
        public string ServerUrl { get; init; } = "";

        public string Username { get; init; } = "";

        public string Secret { get; init; } = "";

        public override string ToString() => "credentials";
    }
}
