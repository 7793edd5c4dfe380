using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Options;
using CrunSharp.Cli.Output;
using CrunSharp.Oci;
using CrunSharp.Registry;

namespace CrunSharp.Cli.Commands.Registries;

/// <summary><c>search</c>: looks for repositories in a registry.</summary>
internal sealed class SearchCommand : Command
{
    private const int UsualCount = 25;
    private const int MostCount = 100;
    private const int DescriptionWidth = 45;

    private static readonly Option[] Table =
    [
        new Value<SearchCommand>("filter", 'f', "filter", "Only those with stars=least, is-official=true or is-automated=true", static (o, v) => o._filters.Add(v)),
        new Value<SearchCommand>("format", '\0', "string", "table, json, or a Go template", static (o, v) => o._format = v),
        new Value<SearchCommand>("limit", '\0', "int", "How many at most, from 1 to 100", static (o, v) => o._limit = Numbers.Whole32(v)) { Default = "25" },
        new Flag<SearchCommand>("no-trunc", '\0', "Do not shorten", static (o, v) => o._full = v),
        RegistryAccess.TlsOption<SearchCommand>(static (o, v) => o._verifyTls = v),
    ];

    private readonly Filters _filters = new("is-automated", "is-official", "stars");
    private string? _format;
    private bool _full;
    private int _limit;
    private bool _verifyTls = true;

    public override string Synopsis => "[OPTIONS] [REGISTRY/]TERM";
    public override Option[] Options => Table;
    public override int LeastOperands => 1;
    public override int MostOperands => 1;
    public override bool NeedsRoot => false;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        if (_limit is < 0 or > MostCount) throw CrunException.Invalid($"Limit {_limit} is outside the range of [1, {MostCount}]");
        var isWanted = Wanted();
        var (host, term) = Split(operands[0]);
        using var client = RegistryAccess.Open(context, host, _verifyTls);
        var found = client.SearchAsync(term, _limit == 0 ? UsualCount : _limit, CancellationToken.None).GetAwaiter().GetResult();
        List<SearchResult> rows = [.. found.Where(isWanted)];
        if (host != RegistryHost.Docker) rows = rows.ConvertAll(row => row with { Name = $"{host}/{row.Name}" });
        new ListFormat<SearchResult>(Columns()).Write(context.Out, rows, _format, ["Name", "Description", "StarCount", "IsOfficial"]);
        return ExitCodes.Success;
    }

    // Docker's rule: what comes before the first slash is a registry if it looks like a host.
    private static (string Host, string Term) Split(string text)
    {
        if (text.Contains("://", StringComparison.Ordinal)) throw CrunException.Invalid($"invalid repository name: repository name ({text}) should not have a scheme");
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var first = slash < 0 ? "" : text[..slash];
        var (host, term) = first == "localhost" || first.AsSpan().ContainsAny('.', ':') ? (RegistryHost.Of(first), text[(slash + 1)..]) : (RegistryHost.Docker, text);
        if (host == RegistryHost.Docker && term.StartsWith("library/", StringComparison.Ordinal)) term = term["library/".Length..];
        return (host, term);
    }

    private Func<SearchResult, bool> Wanted()
    {
        var (automated, official) = (_filters.Truth("is-automated"), _filters.Truth("is-official"));
        var least = _filters.Single("stars") is { } text
            ? int.TryParse(text, System.Globalization.NumberStyles.None, null, out var stars) ? stars : throw CrunException.Invalid($"invalid filter 'stars={text}'") : 0;
        return row => row.Stars >= least && (automated is null || row.IsAutomated == automated) && (official is null || row.IsOfficial == official);
    }

    // In tables a truth is a mark, in JSON a word.
    private Column<SearchResult>[] Columns()
    {
        var isJson = _format == "json";
        string Mark(bool truth) => isJson ? truth ? "true" : "false" : truth ? "[OK]" : "";
        return
        [
            new("Name", "NAME", static r => r.Name),
            new("Description", "DESCRIPTION", r => _full || r.Description.Length <= DescriptionWidth ? r.Description : r.Description[..(DescriptionWidth - 1)] + "…"),
            new("StarCount", "STARS", static r => r.Stars.ToString()),
            new("IsOfficial", "OFFICIAL", r => Mark(r.IsOfficial)),
            new("IsAutomated", "AUTOMATED", r => Mark(r.IsAutomated)),
        ];
    }
}
