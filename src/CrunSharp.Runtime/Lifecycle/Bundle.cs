using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>A container as it comes: a directory with its configuration, and somewhere its root file system.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/bundle.md"/>
public sealed class Bundle
{
    /// <summary>The configuration's name.</summary>
    public const string ConfigName = "config.json";

    private const int MostBytes = 16 * 1024 * 1024;

    private Bundle(string path, byte[] json, RuntimeSpec spec) => (Path, Json, Spec) = (path, json, spec);

    /// <summary>The directory, absolute and without links.</summary>
    public string Path { get; }

    /// <summary>The configuration as it was read: what is changed later has no effect.</summary>
    internal byte[] Json { get; }

    /// <summary>The configuration.</summary>
    public RuntimeSpec Spec { get; }

    /// <summary>The root file system's directory.</summary>
    /// <exception cref="CrunException">The configuration names none.</exception>
    public string Rootfs
    {
        get
        {
            var root = Spec.Root ?? throw CrunException.Invalid("the configuration has no root", $"read {Path}/{ConfigName}", "config.md#root");
            return System.IO.Path.GetFullPath(root.Path, Path);
        }
    }

    /// <summary>Reads a bundle.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="config">The configuration's path when it is not in the bundle.</param>
    /// <exception cref="CrunException">There is no configuration, or it is none; the text gives the position.</exception>
    public static Bundle Load(string path, string? config = null)
    {
        using var directory = FileAt.Open(null, path, Kernel.Libc.OpenFlags.O_PATH | Kernel.Libc.OpenFlags.O_DIRECTORY);
        var full = FileAt.PathOf(directory);
        var file = config is null ? $"{full}/{ConfigName}" : System.IO.Path.GetFullPath(config);
        var json = AtomicFile.TryRead(null, file, MostBytes)
            ?? throw CrunException.NotFound($"JSON specification file {file} not found");
        return new Bundle(full, json, RuntimeSpec.Parse(json, file));
    }
}
