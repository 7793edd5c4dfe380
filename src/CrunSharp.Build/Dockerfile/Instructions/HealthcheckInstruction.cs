namespace CrunSharp.Build.Dockerfile.Instructions;

/// <summary>HEALTHCHECK: how to tell whether the program is healthy.</summary>
/// <param name="Command">The check; null for NONE.</param>
public sealed record HealthcheckInstruction(CommandForm? Command) : Instruction
{
    /// <inheritdoc/>
    public override string Name => "HEALTHCHECK";

    /// <summary>Between checks.</summary>
    /// <value>Nanoseconds; 0 inherits the default.</value>
    public long Interval { get; init; }

    /// <summary>How long a check may take.</summary>
    /// <value>Nanoseconds; 0 inherits the default.</value>
    public long Timeout { get; init; }

    /// <summary>How long failures do not count after the start.</summary>
    /// <value>Nanoseconds; 0 inherits the default.</value>
    public long StartPeriod { get; init; }

    /// <summary>Between checks during the start.</summary>
    /// <value>Nanoseconds; 0 inherits the default.</value>
    public long StartInterval { get; init; }

    /// <summary>How many failures in a row make it unhealthy.</summary>
    /// <value>0 inherits the default.</value>
    public int Retries { get; init; }
}
