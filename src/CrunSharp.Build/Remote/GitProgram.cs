using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;

namespace CrunSharp.Build.Remote;

/// <summary>
/// The host's <c>git</c>, kept from all that a hostile repository or address could make of it: no settings of the host, no
/// hooks, no programs but its own and ssh, no questions, no terminal, and protocols of the network only.
/// </summary>
internal sealed class GitProgram
{
    private const int MostOutput = 1024 * 1024;
    private const int MostReason = 300;
    private const int LooksPerWatch = 10;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    // What git is always told. A protocol that names a program (ext) is not on the list of the environment either.
    private static readonly string[] Settings =
    [
        "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.autocrlf=false", "credential.helper=", "protocol.ext.allow=never",
        "protocol.file.allow=never", "advice.detachedHead=false", "init.defaultBranch=master", "gc.auto=0", "maintenance.auto=false",
        "submodule.recurse=false", "http.lowSpeedLimit=1", "http.lowSpeedTime=60",
    ];

    private readonly string _path;
    private readonly List<string> _environment;

    private GitProgram(string path, List<string> environment) => (_path, _environment) = (path, environment);

    /// <summary>Finds the program.</summary>
    /// <exception cref="CrunException">It is not installed.</exception>
    public static GitProgram Find()
    {
        var search = Environment.GetEnvironmentVariable("PATH") is { Length: > 0 } own ? own : "/usr/local/bin:/usr/bin:/bin";
        foreach (var folder in search.Split(':'))
        {
            var path = $"{folder}/git";
            if (folder.StartsWith('/') && FileAt.TryStatus(null, path, followLinks: true) is { Kind: FileKind.Regular } file && (file.Mode & 0x49) != 0)
                return new GitProgram(path, EnvironmentOf(search));
        }
        throw CrunException.NotFound("git is not installed: a git repository needs the program", "find git");
    }

    /// <summary>Runs it; what it prints.</summary>
    /// <param name="operation">What errors call it.</param>
    /// <param name="directory">Where it runs.</param>
    /// <param name="arguments">The command and its arguments.</param>
    /// <param name="cancellationToken">Ends it and all that it started.</param>
    /// <param name="watch">Is called about every second; what it throws ends the program.</param>
    /// <exception cref="CrunException">It failed; the reason is what it said.</exception>
    public string Run(string operation, string directory, IReadOnlyList<string> arguments, CancellationToken cancellationToken, Action? watch = null)
    {
        var (status, output) = TryRun(directory, arguments, cancellationToken, watch);
        return status == 0 ? output : throw new CrunException(ErrorKind.Network, ReasonOf(output, status), operation);
    }

    /// <summary>Runs it; its exit status, and what it prints to both of its outputs.</summary>
    /// <param name="directory">Where it runs.</param>
    /// <param name="arguments">The command and its arguments.</param>
    /// <param name="cancellationToken">Ends it and all that it started.</param>
    /// <param name="watch">Is called about every second; what it throws ends the program.</param>
    public (int Status, string Output) TryRun(string directory, IReadOnlyList<string> arguments, CancellationToken cancellationToken, Action? watch = null)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var all = new List<string> { "git" };
        foreach (var setting in Settings) all.AddRange(["-c", setting]);
        all.AddRange(arguments);
        using var output = new ProcessOutput(MostOutput);
        using var nothing = FileAt.Open(null, "/dev/null", OpenFlags.O_RDWR);
        using var process = ChildProcess.Start(_path, all, _environment, nothing, output.Target, output.Target, directory, newSession: true);
        try
        {
            for (var looks = 1; !output.ReadUntilEndOf(process, Look); looks++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (looks % LooksPerWatch == 0) watch?.Invoke();
            }
        }
        catch
        {
            ChildProcess.KillGroup(process);
            process.Reap();
            throw;
        }
        // It may have left others behind, which have nothing to do without it.
        ChildProcess.KillGroup(process);
        return (process.Reap().Code, Encoding.UTF8.GetString(output.Kept));
    }

    /// <summary>What a failed run said last that says something, in one line.</summary>
    public static string ReasonOf(string output, int status)
    {
        string? reason = null;
        foreach (var line in output.Split('\n', '\r'))
        {
            var text = string.Concat(line.Where(static c => !char.IsControl(c))).Trim();
            if (text.Length == 0) continue;
            // The first that is fatal is the cause, or else the last of all.
            if (text.StartsWith("fatal: ", StringComparison.Ordinal) || text.StartsWith("error: ", StringComparison.Ordinal))
            {
                reason = text[7..];
                break;
            }
            reason = text;
        }
        reason ??= $"git ended with {status}";
        reason = WebAddress.RedactAll(reason).TrimEnd('.');
        return reason.Length > MostReason ? reason[..MostReason] + "…" : reason;
    }

    private static List<string> EnvironmentOf(string path)
    {
        var environment = new List<string>
        {
            $"PATH={path}", "LC_ALL=C", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1",
            "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=/bin/false", "SSH_ASKPASS=/bin/false", "GIT_ALLOW_PROTOCOL=http:https:ssh:git",
            "GIT_PROTOCOL_FROM_USER=0", "GIT_NO_REPLACE_OBJECTS=1", "GIT_OPTIONAL_LOCKS=0",
            // No settings that could run a program, no questions, and no host that is not known.
            "GIT_SSH_COMMAND=ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=30 -o PermitLocalCommand=no",
        };
        foreach (var name in (string[])["SSH_AUTH_SOCK", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"])
            if (Environment.GetEnvironmentVariable(name) is { Length: > 0 } value) environment.Add($"{name}={value}");
        return environment;
    }
}
