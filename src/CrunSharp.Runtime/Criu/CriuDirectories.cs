using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Criu;

/// <summary>Where criu reads and writes: images, and beside or apart from them its log.</summary>
internal sealed class CriuDirectories : IDisposable
{
    private const uint OthersSearch = 1;

    private readonly SafeFileHandle _work;
    private readonly string _logName;

    private CriuDirectories(SafeFileHandle images, SafeFileHandle work, string logName, string log) =>
        (Images, _work, _logName, Log) = (images, work, logName, log);

    /// <summary>The directory of the images.</summary>
    public SafeFileHandle Images { get; }

    /// <summary>The path of the log.</summary>
    public string Log { get; }

    /// <summary>Opens them.</summary>
    /// <param name="options">Where they are.</param>
    /// <param name="make">Whether the directory of the images is made.</param>
    /// <param name="logName">The log's name: the one that runc's callers know.</param>
    /// <exception cref="CrunException">There is no such directory.</exception>
    public static CriuDirectories Open(CriuOptions options, bool make, string logName)
    {
        var path = Path.GetFullPath(options.ImagePath);
        var workPath = Path.GetFullPath(options.WorkPath ?? path);
        if (make) FileAt.MakeDirectories(path);
        FileAt.MakeDirectories(workPath);
        var images = FileAt.OpenDirectory(path);
        try
        {
            var work = FileAt.OpenDirectory(workPath);
            // What an earlier run says must not be taken for this one's.
            FileAt.Remove(work, logName);
            return new CriuDirectories(images, work, logName, $"{workPath}/{logName}") { Paths = [path, workPath] };
        }
        catch
        {
            images.Dispose();
            throw;
        }
    }

    /// <summary>The paths of images and work.</summary>
    public required IReadOnlyList<string> Paths { get; init; }

    /// <summary>
    /// The images as everybody can open them, for criu's own mount namespace: in a user namespace the container's processes,
    /// which do that while they are restored, are first one user there and then another one. On the host nobody else may,
    /// because memory is in them.
    /// </summary>
    /// <param name="face">An empty directory that everybody can search.</param>
    /// <returns>A detached mount; null when none is needed, or the file system cannot be shown so.</returns>
    public SafeFileHandle? TryOpenForAll(SafeFileHandle face)
    {
        if ((FileAt.Status(Images).Mode & OthersSearch) != 0) return null;
        try
        {
            return DetachedMount.Overlay([Images, face], null, null, isVolatile: false);
        }
        catch (CrunException)
        {
            return null;
        }
    }

    /// <summary>Begins the options of a request.</summary>
    /// <param name="options">What it is told.</param>
    /// <param name="annotations">The container's annotations.</param>
    /// <param name="opened">Other descriptors of <see cref="Paths"/>; none for those that are open here.</param>
    public ProtobufMessage Begin(CriuOptions options, IReadOnlyDictionary<string, string>? annotations, params IReadOnlyList<SafeFileHandle> opened)
    {
        var (images, work) = opened is [var first, var second] ? (first, second) : (Images, _work);
        return CriuRequest.Begin(options, (int)images.DangerousGetHandle(), (int)work.DangerousGetHandle(), _logName, CriuProgram.ConfigurationOf(annotations));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Images.Dispose();
        _work.Dispose();
    }
}
