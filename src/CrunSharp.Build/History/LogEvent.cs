namespace CrunSharp.Build.History;

/// <summary>What a build's log is made of; the numbers are those of its files.</summary>
internal enum LogEvent
{
    /// <summary>A step began; its title.</summary>
    Started = 1,

    /// <summary>A step was found; its title.</summary>
    Cached,

    /// <summary>What a step's command wrote.</summary>
    Output,

    /// <summary>A step came to its end.</summary>
    Finished,

    /// <summary>A step failed; why.</summary>
    Failed,

    /// <summary>A warning.</summary>
    Warning,

    /// <summary>Lines as they are.</summary>
    Text,
}
