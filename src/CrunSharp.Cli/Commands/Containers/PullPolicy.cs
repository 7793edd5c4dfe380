namespace CrunSharp.Cli.Commands.Containers;

/// <summary>When <c>run</c> and <c>create</c> fetch their image.</summary>
internal enum PullPolicy
{
    /// <summary>When it is not there.</summary>
    Missing,

    /// <summary>Each time.</summary>
    Always,

    /// <summary>Not at all.</summary>
    Never,
}
