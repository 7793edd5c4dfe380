using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Runtime.Criu;

/// <summary>The program criu: where it is, and what it says went wrong.</summary>
internal static class CriuProgram
{
    private const string Name = "criu";
    private const string UsualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    private const int MostLog = 64 * 1024 * 1024;
    private const int LongestLine = 400;

    // Options that the administrator gives criu for all containers: ours, and where podman's and runc's users have them.
    private static readonly string[] Configurations = ["/etc/criu/crun-sharp.conf", "/etc/criu/runc.conf"];

    /// <summary>The program's path.</summary>
    /// <exception cref="CrunException">It is not there.</exception>
    public static string Find(string operation)
    {
        foreach (var folder in (Environment.GetEnvironmentVariable("PATH") ?? UsualPath).Split(':'))
        {
            if (!folder.StartsWith('/')) continue;
            var path = $"{folder}/{Name}";
            if (FileAt.TryStatus(null, path, followLinks: true) is { Kind: FileKind.Regular } file && (file.Mode & 0x49) != 0) return path;
        }
        throw CrunException.Unsupported("there is no criu in $PATH: install the package criu", operation);
    }

    /// <summary>The file that has more of criu's options for a container.</summary>
    /// <value>Null when its annotation says that there is none.</value>
    public static string? ConfigurationOf(IReadOnlyDictionary<string, string>? annotations)
    {
        if (annotations?.TryGetValue("org.criu.config", out var path) == true) return path.Length == 0 ? null : path;
        return Array.Find(Configurations, static path => FileAt.TryStatus(null, path, followLinks: true) is not null);
    }

    /// <summary>
    /// The last two errors in a log, what went wrong and what followed from it, but for the line that only says that all has
    /// failed. Earlier ones need not be any: criu goes on after some.
    /// </summary>
    /// <returns>Null when there is none.</returns>
    public static string? LastErrorsIn(string log)
    {
        var before = default(ReadOnlySpan<char>);
        var last = default(ReadOnlySpan<char>);
        foreach (var line in log.AsSpan().EnumerateLines())
        {
            var at = line.IndexOf("Error (", StringComparison.Ordinal);
            if (at < 0 || line.EndsWith("FAILED.", StringComparison.Ordinal)) continue;
            var text = line[at..];
            var place = text.IndexOf("): ", StringComparison.Ordinal);
            text = (place < 0 ? text : text[(place + 3)..]).Trim();
            if (text.IsEmpty || text.SequenceEqual(last)) continue;
            before = last;
            last = text;
        }
        if (last.IsEmpty) return null;
        var both = before.IsEmpty ? last.ToString() : $"{before}; {last}";
        return both.Length > LongestLine ? both[..LongestLine] + "..." : both;
    }

    /// <summary>Reads a log; null when there is none.</summary>
    public static string? ReadLog(string path)
    {
        try
        {
            return AtomicFile.TryRead(null, path, MostLog) is { } bytes ? System.Text.Encoding.UTF8.GetString(bytes) : null;
        }
        catch (CrunException)
        {
            return null; // too long, or no file: the error names its path
        }
    }
}
