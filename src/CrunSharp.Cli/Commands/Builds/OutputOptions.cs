using CrunSharp.Build;
using CrunSharp.Build.Outputs;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Cli.Options;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary>The options of <c>build</c> that say what becomes of the result.</summary>
internal sealed class OutputOptions
{
    private const string Epoch = "SOURCE_DATE_EPOCH";

    public static readonly Option Annotation = new Value<BuildOptions>("annotation", '\0', "stringArray", "Add an annotation to the image ([PLACE:]key=value)", static (o, v) => o.Outputs._annotations.AddRange(Build.Outputs.Annotation.Parse(v)));
    public static readonly Option Attest = new Value<BuildOptions>("attest", '\0', "stringArray", "Attestation parameters (type=provenance[,mode=min|max])", static (o, v) => o.Outputs._provenance = ProvenanceSyntax.ParseAttestation(v));
    public static readonly Option Load = new Flag<BuildOptions>("load", '\0', "Keep the image in the store, whatever --output says", static (o, v) => o.Outputs._load = v);
    public static readonly Option MetadataFile = new Value<BuildOptions>("metadata-file", '\0', "string", "Write the result's metadata to a file", static (o, v) => o.Outputs._metadataFile = v);
    public static readonly Option Output = new Value<BuildOptions>("output", 'o', "stringArray", "What to make of the result (DIRECTORY, - for a tar, or type=TYPE[,ATTRIBUTE=VALUE])", static (o, v) => o.Outputs._outputs.Add(OutputSyntax.Parse(v)));
    public static readonly Option Provenance = new Value<BuildOptions>("provenance", '\0', "string", "Tell how the image was made: true, false, min, max", static (o, v) => o.Outputs._provenance = ProvenanceSyntax.Parse(v));
    public static readonly Option Push = new Flag<BuildOptions>("push", '\0', "Push the image to the registries of its names", static (o, v) => o.Outputs._push = v);
    public static readonly Option Sbom = new Value<BuildOptions>("sbom", '\0', "string", "Not supported but for false", static (_, v) => ProvenanceSyntax.RefuseSbom(v)) { Hidden = true };
    public static readonly Option Squash = new Flag<BuildOptions>("squash", '\0', "Make one layer of the new ones", static (o, v) => o.Outputs._squash = v);
    public static readonly Option SquashAll = new Flag<BuildOptions>("squash-all", '\0', "Make one layer of all, the base's included", static (o, v) => o.Outputs._squashAll = v);

    private readonly List<Annotation> _annotations = [];
    private readonly List<OutputSpec> _outputs = [];
    private bool _load;
    private string? _metadataFile;
    private ProvenanceOptions? _provenance;
    private bool _push;
    private bool _squash;
    private bool _squashAll;

    /// <summary>Whether the layer of each step is one of the image.</summary>
    public bool HasLayers { get; set; } = true;

    /// <summary>Whether an output goes to standard output.</summary>
    public bool TakesOutput => _outputs.Exists(static output => output.Destination == OutputSpec.StandardOutput);

    /// <summary>Build arguments with the time that the environment gives, unless there is one among them.</summary>
    public static Dictionary<string, string?> WithEpoch(IEnumerable<KeyValuePair<string, string>> arguments, Func<string, string?> variable)
    {
        var all = Repeated.Last(arguments.Select(static argument => KeyValuePair.Create(argument.Key, (string?)argument.Value)));
        if (variable(Epoch) is { Length: > 0 } time) all.TryAdd(Epoch, time);
        return all;
    }

    /// <summary>Refuses, before there is any work, what cannot be written to.</summary>
    /// <exception cref="CrunException">A file's directory is not there, or standard output is a terminal.</exception>
    public void Check(CommandContext context)
    {
        if (TakesOutput && context.OutputIsTerminal()) throw CrunException.Invalid("cowardly refusing to write a tar to a terminal: use dest=FILE or redirect");
        foreach (var output in _outputs)
        {
            if (output is { Destination: { } path, IsTar: true, Type: not OutputType.Local } && path != OutputSpec.StandardOutput) OutputFile.Check(path);
            if (output is { Destination: { } directory } && (output.Type == OutputType.Local || !output.IsTar) && File.Exists(directory))
                throw CrunException.Invalid("not a directory", $"write {directory}");
        }
        if (_metadataFile is { Length: > 0 } file) OutputFile.Check(file);
    }

    /// <summary>What they ask for.</summary>
    public OutputRequest Request(CommandContext context) => new()
    {
        Outputs = All(),
        Annotations = _annotations,
        Squash = _squash || _squashAll || !HasLayers,
        SquashBase = _squashAll,
        Provenance = _provenance,
        OpenOutput = context.OpenOutput,
        WriteFile = (path, write) => OutputFile.Write(context, path, write),
        OpenRegistry = (host, verifyTls) => RegistryAccess.Open(context, host, verifyTls),
    };

    /// <summary>Writes the file of <c>--metadata-file</c>.</summary>
    public void WriteMetadata(BuildResult result)
    {
        if (_metadataFile is { Length: > 0 } file) OutputFile.Write(file, BuildMetadata.Format(result));
    }

    private List<OutputSpec> All()
    {
        var outputs = _outputs.ToList();
        if (_push)
        {
            var at = outputs.FindIndex(static output => output.Type == OutputType.Image);
            if (at >= 0) outputs[at] = outputs[at] with { Push = true };
            else outputs.Add(OutputSyntax.Parse("type=registry") with { Store = outputs.Count == 0 });
        }
        if (_load && !outputs.Exists(static output => output.Type == OutputType.Docker && output.Destination is null) && outputs.Count > 0) outputs.Add(OutputSyntax.Parse("type=docker"));
        return outputs;
    }
}
