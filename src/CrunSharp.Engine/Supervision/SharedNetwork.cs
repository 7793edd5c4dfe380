using CrunSharp.Engine.Containers;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Engine.Supervision;

/// <summary>The network namespace of a running container, for another one that joins it.</summary>
internal sealed class SharedNetwork : IDisposable
{
    private readonly SafeFileHandle _namespace;

    private SharedNetwork(SafeFileHandle space, string files) => (_namespace, Files) = (space, files);

    /// <summary>Where <c>hosts</c>, <c>hostname</c> and <c>resolv.conf</c> of the container lie whose network it is.</summary>
    public string Files { get; }

    /// <summary>Opens it.</summary>
    /// <param name="paths">Where containers are.</param>
    /// <param name="nameOrId">The container.</param>
    /// <exception cref="CrunException">It is not there or not running.</exception>
    public static SharedNetwork Open(EnginePaths paths, string nameOrId)
    {
        var containers = new ContainerStore(paths);
        var container = containers.Find(nameOrId);
        // While it starts, its process may still be in the host's: nobody may join that.
        using var process = container.WaitForProcess() ?? throw NotRunning(nameOrId);
        var space = FileAt.TryOpen(null, process.PathOf("ns/net"), OpenFlags.O_RDONLY, out _) ?? throw NotRunning(nameOrId);
        try
        {
            // If it has ended, its number may be another process's.
            if (process.HasEnded) throw NotRunning(nameOrId);
            // It may have joined that of another one itself.
            while (container.Config.Host.NetworkContainer is { } other) container = containers.Find(other);
            return new SharedNetwork(space, container.Path);
        }
        catch
        {
            space.Dispose();
            throw;
        }
    }

    /// <summary>A configuration whose container is in it.</summary>
    public RuntimeSpec Into(RuntimeSpec spec) => spec with
    {
        Linux = spec.Linux! with { Namespaces = [.. spec.Linux.Namespaces!.Select(n => n.Type == "network" ? n with { Path = $"/proc/self/fd/{_namespace.DangerousGetHandle()}" } : n)] },
    };

    private static CrunException NotRunning(string nameOrId) => CrunException.WrongState($"cannot join network of a non running container: {nameOrId}");

    /// <inheritdoc/>
    public void Dispose() => _namespace.Dispose();
}
