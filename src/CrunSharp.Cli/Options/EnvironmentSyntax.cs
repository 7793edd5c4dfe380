using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Options;

/// <summary>Variables as <c>--env</c> and <c>--env-file</c> write them, and labels, which are alike.</summary>
internal static class EnvironmentSyntax
{
    private const int MostBytes = 1024 * 1024;

    /// <summary>Reads <c>NAME=value</c>, or <c>NAME</c>, which takes the host's value.</summary>
    /// <param name="text">The text.</param>
    /// <param name="host">The host's variables.</param>
    public static EnvSpec Variable(string text, Func<string, string?> host)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (text.Length == 0 || equals == 0) throw CrunException.Invalid($"invalid environment variable: {text}");
        return equals < 0 ? new EnvSpec(text, host(text)) : new EnvSpec(text[..equals], text[(equals + 1)..]);
    }

    /// <summary>Reads a file of lines; empty ones and those that begin with <c>#</c> are skipped, quotes are kept.</summary>
    /// <param name="path">The file.</param>
    /// <param name="host">The host's variables; one that it does not have is left out.</param>
    /// <exception cref="CrunException">It cannot be read, or a line has no or a bad name.</exception>
    public static IReadOnlyList<EnvSpec> File(string path, Func<string, string?> host) => Lines(Read(path), $"env file ({path})", host);

    /// <summary>Reads a file of build arguments.</summary>
    /// <param name="path">The file.</param>
    /// <param name="host">The host's variables; one that it does not have is left out.</param>
    /// <exception cref="CrunException">It cannot be read, or a line has no or a bad name.</exception>
    public static IReadOnlyList<EnvSpec> ArgumentFile(string path, Func<string, string?> host) => Lines(Read(path), $"build argument file ({path})", host);

    /// <summary>Reads a file of labels.</summary>
    /// <exception cref="CrunException">It cannot be read, or a line has no or a bad name.</exception>
    public static IReadOnlyList<EnvSpec> LabelFile(string path) => Lines(Read(path), $"label file ({path})", static _ => "");

    /// <summary>Reads <c>NAME=value</c> or <c>NAME</c>, whose value is empty.</summary>
    public static KeyValuePair<string, string> Label(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (text.Length == 0 || equals == 0) throw CrunException.Invalid($"invalid label '{text}': empty name");
        return equals < 0 ? new(text, "") : new(text[..equals], text[(equals + 1)..]);
    }

    /// <summary>Reads the text of an environment file.</summary>
    internal static IReadOnlyList<EnvSpec> Lines(ReadOnlySpan<byte> bytes, string what, Func<string, string?> host)
    {
        if (bytes.StartsWith(Encoding.UTF8.Preamble)) bytes = bytes[Encoding.UTF8.Preamble.Length..];
        var variables = new List<EnvSpec>();
        for (var number = 1; bytes.Length > 0; number++)
        {
            var end = bytes.IndexOf((byte)'\n');
            var line = end < 0 ? bytes : bytes[..end];
            bytes = end < 0 ? default : bytes[(end + 1)..];
            if (line.EndsWith("\r"u8)) line = line[..^1];
            if (!System.Text.Unicode.Utf8.IsValid(line)) throw CrunException.Invalid($"invalid {what}: invalid utf8 bytes at line {number}");
            var text = Encoding.UTF8.GetString(line).TrimStart(' ', '\t');
            if (text.Length == 0 || text[0] == '#') continue;
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? text : text[..equals];
            if (name.Length == 0) throw CrunException.Invalid($"invalid {what}: no variable name on line '{text}'");
            if (name.AsSpan().ContainsAny(' ', '\t')) throw CrunException.Invalid($"invalid {what}: variable '{name}' contains whitespaces");
            if (equals >= 0) variables.Add(new EnvSpec(name, text[(equals + 1)..]));
            else if (host(name) is { } value) variables.Add(new EnvSpec(name, value));
        }
        return variables;
    }

    private static byte[] Read(string path)
    {
        try
        {
            return AtomicFile.TryRead(null, path, MostBytes) ?? throw CrunException.NotFound("no such file or directory", $"open {path}");
        }
        catch (CrunException error) when (error.Kind != ErrorKind.InvalidInput)
        {
            // A wrong file name is a mistake in the command line.
            throw CrunException.Invalid(error.Message);
        }
    }
}
