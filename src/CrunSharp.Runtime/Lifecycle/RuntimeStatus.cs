namespace CrunSharp.Runtime.Lifecycle;

/// <summary>Where a container is in its life.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/runtime.md#state"/>
public enum RuntimeStatus
{
    /// <summary>It is being made.</summary>
    Creating,

    /// <summary>It is made; its program has not run yet.</summary>
    Created,

    /// <summary>Its program runs.</summary>
    Running,

    /// <summary>Its processes are frozen.</summary>
    Paused,

    /// <summary>Its program has ended.</summary>
    Stopped,
}
