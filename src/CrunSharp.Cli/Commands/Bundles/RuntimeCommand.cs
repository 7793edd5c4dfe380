using CrunSharp.Cli.CommandLine;
using CrunSharp.Kernel;
using CrunSharp.Oci;
using CrunSharp.Runtime.Lifecycle;

namespace CrunSharp.Cli.Commands.Bundles;

/// <summary>A command of the OCI runtime.</summary>
internal abstract class RuntimeCommand : Command
{
    /// <summary>The options before the command.</summary>
    public RuntimeOptions Global { get; set; } = new();

    public override string Synopsis => "[OPTIONS] CONTAINER";
    public override int LeastOperands => 1;
    public override int MostOperands => 1;

    /// <summary>The containers of the root that was asked for.</summary>
    protected RuntimeStore OpenStore(CommandContext context) => Global.OpenStore(context);

    /// <summary>Does something with the container that the first operand names.</summary>
    protected int With(CommandContext context, IReadOnlyList<string> operands, Action<RuntimeContainer> act)
    {
        using var container = OpenStore(context).Get(operands[0]);
        act(container);
        Tell(context, container);
        return ExitCodes.Success;
    }

    /// <summary>Does something with each container whose id a regular expression matches; what fails for one is a warning.</summary>
    protected int WithEach(CommandContext context, string pattern, Action<RuntimeContainer> act)
    {
        using var expression = new PosixPattern(pattern);
        foreach (var container in OpenStore(context).List())
        {
            using var closing = container;
            if (!expression.Matches(container.Id)) continue;
            try
            {
                act(container);
            }
            catch (CrunException error)
            {
                RuntimeShell.Warn(context, Global, $"container {container.Id}: {error.Message}");
            }
            Tell(context, container);
        }
        return ExitCodes.Success;
    }

    /// <summary>A file that an option names.</summary>
    /// <exception cref="CrunException">It cannot be read.</exception>
    protected static byte[] Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CrunException.Of(error, $"read {path}");
        }
    }

    /// <summary>Tells what could not be done and is no failure.</summary>
    protected void Tell(CommandContext context, RuntimeContainer container)
    {
        foreach (var warning in container.Warnings) RuntimeShell.Warn(context, Global, warning);
        container.Warnings.Clear();
    }
}
