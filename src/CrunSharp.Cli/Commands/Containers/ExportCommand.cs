using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Engine.Containers;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary><c>export</c>: writes a container's files as a tar.</summary>
internal sealed class ExportCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<ExportCommand>("output", 'o', "string", "The file; standard output without it", static (o, v) => o._output = v),
    ];

    private string? _output;

    public override string Synopsis => "[OPTIONS] CONTAINER";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;
    public override int MostOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        OutputFile.Check(context, _output);
        using var files = ContainerFiles.Open(EngineAccess.Open(context).Containers.Find(operands[0]));
        OutputFile.Write(context, _output, output => ViewTar.Write(files.View, output));
        return ExitCodes.Success;
    }
}
