using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Cgroups;

/// <summary>How a new process gets into a container's cgroups: it is born in one of them, and put into the others.</summary>
public sealed class CgroupEntry : IDisposable
{
    private readonly List<CgroupV1> _others;

    internal CgroupEntry(SafeFileHandle? directory, List<CgroupV1> others) => (Directory, _others) = (directory, others);

    /// <summary>The directory for clone3's CLONE_INTO_CGROUP; null on a host without cgroup v2.</summary>
    public SafeFileHandle? Directory { get; }

    /// <summary>Whether <see cref="Add"/> does anything: whether there are cgroups of version 1.</summary>
    public bool HasOthers => _others.Count > 0;

    /// <summary>
    /// Puts a process into the cgroups that it cannot be born in. To be done before it makes its cgroup namespace and
    /// before it runs anything that is not ours.
    /// </summary>
    /// <param name="pid">The process.</param>
    /// <exception cref="Oci.CrunException">ESRCH when there is no such process.</exception>
    public void Add(int pid)
    {
        foreach (var cgroup in _others) cgroup.Add(pid);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Directory?.Dispose();
        foreach (var cgroup in _others) cgroup.Dispose();
    }
}
