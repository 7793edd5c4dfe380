using CrunSharp.Cli.CommandLine;
using CrunSharp.Engine;
using CrunSharp.Engine.Containers;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary>How commands get to the engine.</summary>
internal static class EngineAccess
{
    /// <summary>The engine on the directories that the global options name.</summary>
    public static ContainerEngine Open(CommandContext context) => new(PathsOf(context), context.Clock);

    /// <summary>Where the engine keeps what it knows.</summary>
    public static EnginePaths PathsOf(CommandContext context) =>
        new() { Root = context.Global.RootOf(context), RunRoot = context.Global.RunRootOf(context) };

    /// <summary>Does something with each container; what fails does not keep the others from being done.</summary>
    /// <returns>The exit code: 1 when one failed.</returns>
    public static int ForEach(CommandContext context, IReadOnlyList<string> names, Action<ContainerEngine, Container> act) =>
        ForEach(context, names, (engine, container, name) =>
        {
            act(engine, container);
            return name;
        });

    /// <summary>As the other, with a line of its own for each.</summary>
    public static int ForEach(CommandContext context, IReadOnlyList<string> names, Func<ContainerEngine, Container, string, string> act)
    {
        var engine = Open(context);
        return Operands.ForEach(context, names, name => context.Out.WriteLine(act(engine, engine.Containers.Find(name), name)));
    }
}
