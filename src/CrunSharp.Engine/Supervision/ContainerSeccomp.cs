using CrunSharp.Engine.Containers;

namespace CrunSharp.Engine.Supervision;

internal static class ContainerSeccomp
{
    public static (ReadOnlyMemory<byte> Filter, uint Flags) FilterOf(HostOptions host) => default;
}
