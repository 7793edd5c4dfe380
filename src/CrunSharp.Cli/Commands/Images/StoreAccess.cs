using CrunSharp.Cli.CommandLine;
using CrunSharp.Engine;
using CrunSharp.Engine.Containers;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>How commands get to images.</summary>
internal static class StoreAccess
{
    /// <summary>The store in the directory that the global options name.</summary>
    public static Store Open(CommandContext context) => Store.Open(context.Global.RootOf(context));

    /// <summary>The containers, which keep their images from being removed.</summary>
    public static IReadOnlyList<Container> Containers(CommandContext context) => new ContainerStore(new EnginePaths
    {
        Root = context.Global.RootOf(context),
        RunRoot = context.Global.RunRootOf(context),
    }).List();

    /// <summary>Does something with each name; what fails does not keep the others from being done.</summary>
    /// <returns>The exit code: 1 when one failed.</returns>
    public static int ForEach(CommandContext context, IReadOnlyList<string> names, Action<string> act)
    {
        var code = ExitCodes.Success;
        foreach (var name in names)
        {
            try
            {
                act(name);
            }
            catch (CrunException error)
            {
                context.Out.Flush();
                context.Complain(error.Message);
                code = ExitCodes.Failure;
            }
        }
        return code;
    }
}
