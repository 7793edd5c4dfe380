using CrunSharp.Build.Cache;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Containers;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Output;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary><c>cache ls</c>: lists the caches that RUN keeps.</summary>
internal sealed class ListCachesCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<ListCachesCommand>("format", '\0', "string", "table, json, or a Go template", static (o, v) => o._format = v),
        new Flag<ListCachesCommand>("quiet", 'q', "Only show ids", static (o, v) => o._quiet = v),
    ];

    private string? _format;
    private bool _quiet;

    public override string Synopsis => "[OPTIONS]";
    public override Option[] Options => Table;
    public override int MostOperands => 0;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        var caches = NamedCaches.List(context.Global.RootOf(context));
        if (_quiet)
        {
            foreach (var cache in caches) context.Out.WriteLine(cache.Id);
            return ExitCodes.Success;
        }
        var now = context.Clock.GetUtcNow();
        Column<NamedCache>[] columns =
        [
            new("ID", "CACHE ID", static c => c.Id),
            new("Size", "SIZE", static c => Human.Size(c.Size)),
            new("Bytes", "BYTES", static c => c.Size),
            new("LastUsedSince", "LAST USED", c => Human.Ago(c.LastUsed, now)),
            new("LastUsedAt", "LAST USED AT", static c => Human.Moment(c.LastUsed)),
            new("InUse", "IN USE", static c => c.InUse ? "true" : "false"),
        ];
        new ListFormat<NamedCache>(columns).Write(context.Out, caches, _format, ["ID", "Size", "LastUsedSince", "InUse"]);
        return ExitCodes.Success;
    }
}

/// <summary><c>cache rm</c>: removes caches.</summary>
internal sealed class RemoveCachesCommand : Command
{
    public override string Synopsis => "CACHE [CACHE...]";
    public override int LeastOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        return Operands.ForEach(context, operands, id =>
        {
            NamedCaches.Remove(context.Global.RootOf(context), id);
            context.Out.WriteLine(id);
        });
    }
}

/// <summary><c>cache export</c>: writes a cache as a tar that is compressed with zstd.</summary>
internal sealed class ExportCacheCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<ExportCacheCommand>("output", 'o', "string", "The file; standard output without it", static (o, v) => o._output = v),
    ];

    private string? _output;

    public override string Synopsis => "[OPTIONS] CACHE";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;
    public override int MostOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        OutputFile.Check(context, _output);
        OutputFile.Write(context, _output, output => NamedCaches.Export(context.Global.RootOf(context), operands[0], output));
        return ExitCodes.Success;
    }
}

/// <summary><c>cache import</c>: reads a cache from a tar, compressed or not.</summary>
internal sealed class ImportCacheCommand : Command
{
    private static readonly Option[] Table =
    [
        new Value<ImportCacheCommand>("input", 'i', "string", "The file; standard input without it", static (o, v) => o._input = v),
    ];

    private string? _input;

    public override string Synopsis => "[OPTIONS] CACHE";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;
    public override int MostOperands => 1;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (_input is null && context.InputIsTerminal()) throw CrunException.Invalid("a tar is wanted on standard input, which is a terminal");
        using var cancel = new CancellationTokenSource();
        using var signals = AttachedSession.Stop(cancel);
        using var input = _input is null ? context.OpenInput() : InputFile.Open(_input);
        try
        {
            NamedCaches.Import(context.Global.RootOf(context), operands[0], input, StoreAccess.LimitsOf(context), cancel.Token);
            return ExitCodes.Success;
        }
        catch (OperationCanceledException)
        {
            context.Complain("the import was interrupted");
            return ImageFetch.Interrupted;
        }
    }
}
