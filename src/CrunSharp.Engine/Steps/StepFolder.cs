using CrunSharp.Engine.Supervision;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;

namespace CrunSharp.Engine.Steps;

/// <summary>
/// The directory of a running step. It is locked by the process that runs the step; the lock dies with that, and what
/// belongs to a step that nobody holds is taken away by the next build, or the next command that tidies up.
/// </summary>
internal sealed class StepFolder : IDisposable
{
    private const string ParentName = "cgroup-parent";

    private readonly FileLock _held;

    private StepFolder(string path, FileLock held) => (Path, _held) = (path, held);

    /// <summary>Its path.</summary>
    public string Path { get; }

    /// <summary>Makes the directory of a step.</summary>
    /// <param name="paths">Where the engine keeps what it knows.</param>
    /// <param name="id">The step's id.</param>
    public static StepFolder Begin(EnginePaths paths, string id)
    {
        FileAt.MakeDirectories(paths.RunSteps);
        for (; ; )
        {
            FileAt.MakeDirectory(null, $"{paths.RunSteps}/{id}", 0x1c0);
            // Between the two calls another process may find it without a lock and remove it: then try again.
            if (FileLock.TryExisting(null, $"{paths.RunSteps}/{id}", shared: false, wait: true) is { } held)
                return new StepFolder($"{paths.RunSteps}/{id}", held);
        }
    }

    /// <summary>Writes down where the step's cgroup is.</summary>
    /// <param name="cgroupParent">The cgroup that it is made in.</param>
    public void Note(string cgroupParent)
    {
        if (cgroupParent != "/") AtomicFile.Write(null, $"{Path}/{ParentName}", System.Text.Encoding.UTF8.GetBytes(cgroupParent));
    }

    /// <summary>Takes away what steps left whose process was killed; whether there were any.</summary>
    public static bool Sweep(EnginePaths paths)
    {
        using var folder = FileAt.TryOpen(null, paths.RunSteps, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
        if (folder is null) return false;
        var found = false;
        foreach (var id in FileAt.List(folder))
        {
            using var dead = FileLock.TryExisting(folder, id, shared: false, wait: false);
            if (dead is null) continue;
            var parent = AtomicFile.TryRead(folder, $"{id}/{ParentName}", 4096);
            ContainerCgroup.RemoveOf(id, parent is null ? "/" : System.Text.Encoding.UTF8.GetString(parent));
            ContainerNetwork.ReleaseStep(paths, id);
            FileAt.RemoveTree(folder, id);
            found = true;
        }
        return found;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        FileAt.RemoveTree(null, Path);
        _held.Dispose();
    }
}
