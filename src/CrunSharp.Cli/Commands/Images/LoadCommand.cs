using CrunSharp.Cli.CommandLine;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary><c>load</c>: reads images from an archive.</summary>
internal sealed class LoadCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<LoadCommand>("input", 'i', "string", "The archive or OCI layout; standard input without it", static (o, v) => o._input = v),
        ImagePlatform.Option<LoadCommand>("Only images for this platform", static (o, v) => o._platform = v),
        new Flag<LoadCommand>("quiet", 'q', "Show no progress; none is shown anyway", static (_, _) => { }),
    ];

    private string? _input;
    private Platform? _platform;

    public override string Synopsis => "[OPTIONS]";
    public override Option[] Options => Table;
    public override int MostOperands => 0;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (_input is null && context.InputIsTerminal()) throw CrunException.Invalid("requested load from stdin, but stdin is empty");
        using var store = StoreAccess.Open(context);
        var loaded = _input is not null && Directory.Exists(_input)
            ? ImageArchive.LoadDirectory(store, _input, _platform)
            : ImageArchive.Load(store, _input is null ? context.OpenInput() : InputFile.Open(_input), _platform);
        foreach (var (image, names) in loaded)
        {
            foreach (var name in names) context.Out.WriteLine($"Loaded image: {name.Familiar}");
            if (names.Count == 0) context.Out.WriteLine($"Loaded image ID: {image.Id}");
        }
        return ExitCodes.Success;
    }
}
