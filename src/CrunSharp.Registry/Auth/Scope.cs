namespace CrunSharp.Registry;

/// <summary>What a token is asked for, in the words of Docker's token servers.</summary>
/// <seealso href="https://distribution.github.io/distribution/spec/auth/scope/"/>
internal static class Scope
{
    /// <summary>No repository: only who one is.</summary>
    public static string[] None { get; } = [];

    /// <summary>Reading of a repository.</summary>
    public static string[] Pull(string repository) => [$"repository:{repository}:pull"];

    /// <summary>Writing to a repository, and reading of others from which blobs are mounted.</summary>
    public static string[] Push(string repository, string? mountFrom = null) =>
        mountFrom is null ? [$"repository:{repository}:pull,push"] : [$"repository:{repository}:pull,push", $"repository:{mountFrom}:pull"];

    /// <summary>Deletion in a repository.</summary>
    public static string[] Delete(string repository) => [$"repository:{repository}:delete,pull"];
}
