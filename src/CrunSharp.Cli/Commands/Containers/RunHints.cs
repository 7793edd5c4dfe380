using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary>What people mean by command lines that cannot work, but that courses teach.</summary>
internal static class RunHints
{
    /// <summary>A line that follows the error; null when there is nothing to say.</summary>
    /// <param name="context">The context.</param>
    /// <param name="operands">The image and the command.</param>
    /// <param name="error">What went wrong.</param>
    public static string? For(CommandContext context, IReadOnlyList<string> operands, CrunException error)
    {
        var image = operands[0];
        if (error.Kind is ErrorKind.CommandNotFound or ErrorKind.CommandNotExecutable)
        {
            return operands.Count > 1 && operands[1].StartsWith('-')
                ? $"'{operands[1]}' was passed to the container: options come before the image"
                : null;
        }
        if (error.Kind is not (ErrorKind.NotFound or ErrorKind.Denied or ErrorKind.Network)) return null;
        if (MeansBuild(operands))
            return $"Did you mean: {context.Program} build {operands[1]}";
        return EngineAccess.Open(context).Containers.TryFind(image) is { } container
            ? $"'{image}' is a container: start it with '{context.Program} start {image}', or run its image {container.Config.Image}"
            : null;
    }

    /// <summary>Whether <c>run build .</c> stands for <c>build .</c>: there is a Dockerfile.</summary>
    public static bool MeansBuild(IReadOnlyList<string> operands) =>
        operands is ["build", var context, ..] && File.Exists(Path.Combine(context, "Dockerfile"));

    /// <summary>Whether <c>create volume NAME</c> stands for <c>volume create NAME</c>: there is no image of that name.</summary>
    public static bool MeansVolume(CommandContext context, IReadOnlyList<string> operands)
    {
        if (operands is not ["volume", _]) return false;
        using var store = StoreAccess.Open(context);
        return store.Images.TryResolve("volume") is null;
    }
}
