namespace CrunSharp.Engine.Execution;

/// <summary>A command to run in a running container.</summary>
public sealed record ExecOptions
{
    /// <summary>The program and its arguments.</summary>
    public required IReadOnlyList<string> Args { get; init; }

    /// <summary>Variables beside the container's.</summary>
    public IReadOnlyList<string> Env { get; init; } = [];

    /// <summary>Where it starts; null for the container's directory.</summary>
    public string? WorkingDir { get; init; }

    /// <summary><c>user[:group]</c>; null for the container's user.</summary>
    public string? User { get; init; }

    /// <summary>Whether it has a terminal.</summary>
    public bool Tty { get; init; }

    /// <summary>Whether it gets our standard input.</summary>
    public bool Interactive { get; init; }

    /// <summary>Whether nobody waits for it.</summary>
    public bool Detach { get; init; }

    /// <summary>Whether it gets all capabilities.</summary>
    public bool Privileged { get; init; }
}
