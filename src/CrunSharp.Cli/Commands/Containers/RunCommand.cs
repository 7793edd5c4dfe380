using System.Text;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Engine;
using CrunSharp.Engine.Containers;
using CrunSharp.Engine.Supervision;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary><c>run</c>: makes a container and starts it.</summary>
internal sealed class RunCommand : Command
{
    private readonly RunOptions _options = new();

    public override string Synopsis => "[OPTIONS] IMAGE [COMMAND] [ARG...]";
    public override Option[] Options => RunOptions.Table;
    public override object OptionTarget => _options;
    public override int LeastOperands => 1;
    public override bool StopsAtOperand => true;
    public override int FailureCode => ExitCodes.Engine;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        _options.Check(context);
        var engine = EngineAccess.Open(context);
        using var connection = engine.PrepareStart();
        var container = CreateCommand.Create(engine, _options, context, operands, isStarting: true);
        try
        {
            engine.Start(container, connection);
            return _options.Detach ? Detach(context, container, connection) : Attach(container, connection);
        }
        catch (CrunException)
        {
            if (_options.Remove && engine.Containers.TryFind(container.Id) is not null) engine.Remove(container, force: true, withVolumes: true);
            throw;
        }
    }

    public override string? HintFor(CommandContext context, IReadOnlyList<string> operands, CrunException error) =>
        RunHints.For(context, operands, error);

    private static int Detach(CommandContext context, Container container, AttachConnection connection)
    {
        connection.WaitForStart();
        context.Out.WriteLine(container.Id);
        return ExitCodes.Success;
    }

    private int Attach(Container container, AttachConnection connection) =>
        AttachedSession.Run(container, connection, withInput: _options.Interactive, _options.DetachKeys) ?? ExitCodes.Success;
}

/// <summary><c>create</c>: makes a container.</summary>
internal sealed class CreateCommand : Command
{
    private readonly RunOptions _options = new();

    public override string Synopsis => "[OPTIONS] IMAGE [COMMAND] [ARG...]";
    public override Option[] Options => Array.FindAll(RunOptions.Table, static option => option.Name is not ("detach" or "detach-keys"));
    public override object OptionTarget => _options;
    public override int LeastOperands => 1;
    public override bool StopsAtOperand => true;
    public override int FailureCode => ExitCodes.Engine;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (RunHints.MeansVolume(context, operands))
        {
            context.Complain($"taken as '{context.Program} volume create {operands[1]}'");
            context.Out.WriteLine(EngineAccess.Open(context).Volumes.Create(operands[1]).Name);
            return ExitCodes.Success;
        }
        context.Out.WriteLine(Create(EngineAccess.Open(context), _options, context, operands).Id);
        return ExitCodes.Success;
    }

    public override string? HintFor(CommandContext context, IReadOnlyList<string> operands, CrunException error) =>
        RunHints.For(context, operands, error);

    /// <summary>Makes the container, and the file with its id.</summary>
    public static Container Create(ContainerEngine engine, RunOptions options, CommandContext context, IReadOnlyList<string> operands, bool isStarting = false)
    {
        if (options.IdFile is { } idFile && FileAt.TryStatus(null, idFile) is not null)
            throw CrunException.Exists($"container ID file found, make sure the other container isn't running or delete {idFile}");
        var container = engine.Create(RequestBuilder.Build(options, context, operands), isStarting);
        if (options.IdFile is { } file) AtomicFile.Write(null, Path.GetFullPath(file), Encoding.ASCII.GetBytes(container.Id), mode: 0x1a4);
        return container;
    }
}
