using System.Globalization;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Build.Graph;
using CrunSharp.Build.Outputs;
using CrunSharp.Build.Remote;
using CrunSharp.Oci;

namespace CrunSharp.Build.Contexts;

/// <summary>
/// SOURCE_DATE_EPOCH where it says whose time is meant: <c>context</c>, a named context, or a stage that is nothing but one ADD
/// from elsewhere. A directory of this host has no time that means anything: there is no epoch then.
/// </summary>
/// <param name="file">The Dockerfile, which may have the value as the default of a global ARG.</param>
/// <param name="contexts">What comes from elsewhere.</param>
/// <param name="show">Shows that something is fetched, until the result is disposed.</param>
internal sealed class EpochSource(ParsedDockerfile file, FetchedContexts contexts, Func<string, IDisposable> show)
{
    /// <summary>The request with the number of seconds in its arguments.</summary>
    /// <param name="request">The request.</param>
    /// <param name="arguments">The variables before the first FROM.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CrunException">The value means nothing, or what it names cannot be had.</exception>
    public async Task<BuildRequest> ResolveAsync(BuildRequest request, BuildArguments arguments, CancellationToken cancellationToken)
    {
        var isGlobal = arguments.Global(SourceDateEpoch.Name) is not null;
        if ((SourceDateEpoch.TextOf(request) ?? arguments.Global(SourceDateEpoch.Name)) is not { Length: > 0 } text) return request;
        var isNumber = SourceDateEpoch.TryParse(text, out var seconds);
        var time = isNumber ? seconds : await TimeOfAsync(request, arguments, text, cancellationToken).ConfigureAwait(false);
        var all = new Dictionary<string, string?>(request.BuildArgs, StringComparer.Ordinal);
        if (time is { } known) all[SourceDateEpoch.Name] = known.ToString(CultureInfo.InvariantCulture);
        // The default of the Dockerfile is not to be seen either.
        else if (isGlobal) all[SourceDateEpoch.Name] = "";
        else all.Remove(SourceDateEpoch.Name);
        return request with { BuildArgs = all };
    }

    private async Task<long?> TimeOfAsync(BuildRequest request, BuildArguments arguments, string text, CancellationToken cancellationToken)
    {
        if (text == SourceDateEpoch.OfContext) return contexts.Time;
        if (ContextAddress.NamedOf(request).TryGetValue(text, out var named))
        {
            if (named.Kind == ContextKind.Directory) return null;
            if (!named.IsRemote) throw CrunException.Invalid($"{SourceDateEpoch.Name}: the context {text} has no time: it has to be a git repository, or a file of a server");
            return contexts.TimeOf(await contexts.FetchAsync(text, named, show, cancellationToken).ConfigureAwait(false));
        }
        var stage = file.Stages.FirstOrDefault(stage => text.Equals(stage.From.StageName, StringComparison.OrdinalIgnoreCase));
        if (stage is null) throw CrunException.Invalid($"invalid {SourceDateEpoch.Name}: {text}: it has to be a number of seconds since 1970, context, or the name of a context or stage that comes from elsewhere");
        var (source, add) = SourceOf(stage, arguments);
        try
        {
            return contexts.TimeOf(await contexts.FetchAsync($"{SourceDateEpoch.Name}:{text}", ContextAddress.OfBuild(source), show, cancellationToken).ConfigureAwait(false));
        }
        catch (CrunException error)
        {
            throw DockerfileError.Within(file.Source, add.Range, error);
        }
    }

    // FROM scratch, ARGs, and one ADD of one source that is no file of the context.
    private (string Source, AddInstruction Add) SourceOf(Stage stage, BuildArguments arguments)
    {
        var own = new Dictionary<string, string>(StringComparer.Ordinal);
        var expand = new WordExpander(file.Escape, name => own.GetValueOrDefault(name) ?? arguments.Global(name));
        if (!expand.Word(stage.From.Image).Equals(BuildGraph.Scratch, StringComparison.OrdinalIgnoreCase)) throw Refuse(stage.From, "must use FROM scratch");
        (string, AddInstruction)? found = null;
        foreach (var instruction in stage.Instructions)
        {
            switch (instruction)
            {
                case ArgInstruction declared:
                    foreach (var argument in declared.Arguments)
                        if ((arguments.Given(argument.Name) ?? (argument.Default is { } value ? expand.Word(value) : arguments.Global(argument.Name))) is { } known) own[argument.Name] = known;
                    break;
                case AddInstruction add when found is null && add is { Sources: [var source], Heredocs.Count: 0 } && expand.Word(source) is var address && (WebAddress.IsWeb(address) || GitLocation.IsGit(address)):
                    found = (address, add);
                    break;
                case AddInstruction add: throw Refuse(add, "must contain exactly one remote ADD");
                default: throw Refuse(instruction, $"does not meet source-only requirements: unsupported {instruction.Name} instruction");
            }
        }
        return found ?? throw Refuse(stage.From, "must contain exactly one remote ADD");
    }

    private CrunException Refuse(Instruction instruction, string reason) =>
        DockerfileError.Within(file.Source, instruction.Range, CrunException.Invalid($"{SourceDateEpoch.Name} stage {reason}"));
}
