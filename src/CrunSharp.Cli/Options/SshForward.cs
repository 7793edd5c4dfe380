using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Options;

/// <summary>The values of <c>build --ssh</c>.</summary>
internal static class SshForward
{
    private const int MostPathBytes = 107;

    /// <summary>Reads all of them: sockets by id.</summary>
    /// <exception cref="CrunException">One is wrong, or an id is given twice.</exception>
    public static Dictionary<string, string> ParseAll(IEnumerable<string> texts, Func<string, string?> variable)
    {
        var sockets = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in texts)
        {
            var (id, socket) = Parse(text, variable);
            if (!sockets.TryAdd(id, socket)) throw CrunException.Invalid($"--ssh {id}: it is given twice");
        }
        return sockets;
    }

    /// <summary>Reads <c>default</c>, <c>ID</c> or <c>ID=SOCKET</c>.</summary>
    /// <param name="text">The value.</param>
    /// <param name="variable">The caller's variables.</param>
    /// <returns>The id, and the agent's socket.</returns>
    /// <exception cref="CrunException">There is no agent, or what is named is none.</exception>
    private static (string Id, string Socket) Parse(string text, Func<string, string?> variable)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        var id = equals < 0 ? text : text[..equals];
        if (id.Length == 0) throw CrunException.Invalid($"invalid ssh forward {text}: it has no id");
        var paths = equals < 0 || equals == text.Length - 1 ? [] : text[(equals + 1)..].Split(',');
        if (paths.Length == 0)
        {
            paths = variable("SSH_AUTH_SOCK") is { Length: > 0 } socket ? [socket]
                : throw CrunException.NotFound($"--ssh {id}: there is no SSH agent, as SSH_AUTH_SOCK is not set");
        }
        foreach (var path in paths)
        {
            var status = FileAt.TryStatus(null, Path.GetFullPath(path), followLinks: true) ?? throw CrunException.NotFound($"--ssh {id}: {path}: no such file");
            if (status.Kind == FileKind.Regular)
                throw CrunException.Unsupported($"--ssh {id}: {path} is a key file: give it to ssh-agent (ssh-add {path}), and forward that: --ssh {id}=$SSH_AUTH_SOCK");
            if (status.Kind != FileKind.Socket) throw CrunException.Invalid($"--ssh {id}: {path} is no socket");
        }
        if (paths.Length > 1) throw CrunException.Invalid($"--ssh {id}: only one agent can be forwarded under one id");
        var full = Path.GetFullPath(paths[0]);
        return System.Text.Encoding.UTF8.GetByteCount(full) <= MostPathBytes ? (id, full)
            : throw CrunException.Invalid($"--ssh {id}: the socket's path has more than {MostPathBytes} bytes");
    }
}
