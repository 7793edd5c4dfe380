using System.Text;
using CrunSharp.Engine.Containers;
using CrunSharp.Engine.Specs;
using CrunSharp.Oci;
using CrunSharp.Runtime.Defaults;
using CrunSharp.Runtime.Seccomp;

namespace CrunSharp.Engine.Supervision;

/// <summary>A container's system call filter.</summary>
internal static class ContainerSeccomp
{
    /// <summary>The filter's instructions and flags; none for a privileged or unconfined container.</summary>
    /// <exception cref="CrunException">The profile cannot be understood.</exception>
    public static (ReadOnlyMemory<byte> Filter, uint Flags) FilterOf(HostOptions host)
    {
        if (host.Privileged || host.Seccomp == "unconfined") return default;
        var spec = host.Seccomp.Length == 0
            ? DefaultSeccomp.For(SpecGenerator.Grant(host))
            : SeccompProfile.Read(Encoding.UTF8.GetBytes(host.Seccomp), SpecGenerator.Grant(host));
        var filter = FilterCompiler.Compile(spec);
        return (filter.Program, (uint)filter.Flags);
    }
}
