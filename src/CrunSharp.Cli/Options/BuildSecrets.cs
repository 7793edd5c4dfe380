using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Options;

/// <summary>The values of <c>build --secret</c>.</summary>
internal static class BuildSecrets
{
    // As BuildKit: a secret is no file of data.
    private const int MostBytes = 500 * 1024;

    /// <summary>Reads <c>id=NAME[,src=FILE|,env=VARIABLE][,type=file|env]</c>; without a source it is the variable, else the file, of that name.</summary>
    /// <param name="text">The value.</param>
    /// <param name="variable">The caller's variables.</param>
    /// <returns>The id, and what reads it.</returns>
    /// <exception cref="CrunException">A field is unknown, or there is no id.</exception>
    public static KeyValuePair<string, Func<byte[]>> Parse(string text, Func<string, string?> variable)
    {
        string? id = null, type = null, file = null, name = null;
        foreach (var field in text.Split(','))
        {
            var equals = field.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0) throw CrunException.Invalid($"invalid field '{field}' must be a key=value pair");
            var value = field[(equals + 1)..];
            switch (field[..equals].Trim().ToLowerInvariant())
            {
                case "id": id = value; break;
                case "type": type = value is "file" or "env" ? value : throw CrunException.Invalid($"unsupported secret type \"{value}\""); break;
                case "source" or "src": file = value; break;
                case "env": name = value; break;
                default: throw CrunException.Invalid($"unexpected key '{field[..equals]}' in '{field}'");
            }
        }
        if (string.IsNullOrEmpty(id)) throw CrunException.Invalid("secret id must be specified");
        if (type == "env" && name is null) (name, file) = (file ?? id, null);
        if (name is null && file is null && type is null && variable(id) is not null) name = id;
        // A file that is not there is told before there is any work, as docker does; without a word on where it is from, only the step that needs it fails.
        if (file is not null && FileAt.TryStatus(null, Path.GetFullPath(file)) is null) throw CrunException.NotFound($"secret {id}: {file}: no such file");
        return name is null ? new(id, () => ReadFile(id, file ?? id)) : new(id, () => Encoding.UTF8.GetBytes(variable(name)
            ?? throw CrunException.NotFound($"secret {id}: the variable {name} is not set")));
    }

    private static byte[] ReadFile(string id, string path) => AtomicFile.TryRead(null, Path.GetFullPath(path), MostBytes)
        ?? throw CrunException.NotFound($"secret {id}: {path}: no such file");
}
