using CrunSharp.Network;

namespace CrunSharp.Engine;

/// <summary>Where the engine keeps what it knows.</summary>
public sealed record EnginePaths
{
    /// <summary>What outlives a reboot: images, layers, containers, volumes.</summary>
    public string Root { get; init; } = "/var/lib/crun-sharp";

    /// <summary>What does not: sockets, locks, leases. It need not be a tmpfs.</summary>
    public string RunRoot { get; init; } = "/run/crun-sharp";

    /// <summary>The program that supervises containers: this one.</summary>
    public string SupervisorProgram { get; init; } = "/proc/self/exe";

    internal string Containers => Path.Combine(Root, "containers");

    internal string Names => Path.Combine(Root, "containers", ".names");

    internal string Volumes => Path.Combine(Root, "volumes");

    internal NetworkPaths Networks => new() { Run = Path.Combine(RunRoot, "net"), Definitions = Path.Combine(Root, "networks") };

    internal string RunContainers => Path.Combine(RunRoot, "containers");

    internal string RunSteps => Path.Combine(RunRoot, "steps");
}
