using System.Globalization;
using System.Text;
using System.Text.Json;
using CrunSharp.Build.Contexts;
using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Build.Graph;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Build.Linting;

/// <summary>What a build may be given: the answer to <c>--call=outline</c>.</summary>
public sealed class Outline
{
    private readonly ParsedDockerfile _file;
    private readonly BuildArguments _arguments;
    private readonly Stage _target;
    private readonly Dictionary<string, Argument> _found = new(StringComparer.Ordinal);
    private readonly List<Mount> _mounts = [];

    private Outline(ParsedDockerfile file, BuildArguments arguments, BuildGraph graph)
    {
        (_file, _arguments, _target) = (file, arguments, graph.Target.Stage);
        var globals = new Dictionary<string, Argument>(StringComparer.Ordinal);
        foreach (var arg in file.GlobalArguments) Declare(globals, arg, _arguments.Global);
        foreach (var stage in graph.Stages) AddStage(stage, globals);
    }

    /// <summary>Works it out.</summary>
    /// <param name="source">The Dockerfile.</param>
    /// <param name="request">What a build would be asked for.</param>
    /// <exception cref="CrunException">The Dockerfile is wrong.</exception>
    internal static Outline Of(DockerfileSource source, BuildRequest request)
    {
        var file = Parser.Parse(source);
        var platform = request.Platforms.Count > 0 ? request.Platforms[0] : null;
        var arguments = BuildArguments.Create(file, request.BuildArgs, request.Target, platform ?? Platform.Host);
        return new Outline(file, arguments, BuildGraph.Create(file, arguments, platform, request.Target ?? (file.Stages.Count - 1).ToString(CultureInfo.InvariantCulture),
            ContextAddress.NamedOf(request), static _ => [], isCheck: true));
    }

    /// <summary>The outline for people.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        var name = _target.From.StageName ?? "";
        var description = DescriptionOf(_target.From, name);
        if (name.Length > 0 || description.Length > 0)
        {
            text.Append(Columns.Align([["TARGET:", name.Length > 0 ? name : "(default)"], .. description.Length > 0 ? (string[][])[["DESCRIPTION:", description]] : []], 1)).Append('\n');
        }
        Add("BUILD ARG", ["VALUE", "DESCRIPTION"], Arguments.Select(static a => (string[])[a.Name, a.Value ?? "", a.Description]));
        Add("SECRET", ["REQUIRED"], Mounts("secret").Select(static m => (string[])[m.Name, m.Required ? "true" : ""]));
        Add("SSH", ["REQUIRED"], Mounts("ssh").Select(static m => (string[])[m.Name, m.Required ? "true" : ""]));
        return text.ToString();

        void Add(string first, string[] others, IEnumerable<string[]> rows)
        {
            var all = rows.ToList();
            if (all.Count > 0) text.Append(Columns.Align([[first, .. others], .. all], 3)).Append('\n');
        }
    }

    /// <summary>The outline as JSON.</summary>
    public string ToJson() => CallJson.Write(json =>
    {
        if (_target.From.StageName is { } name)
        {
            json.WriteString("name", name);
            if (DescriptionOf(_target.From, name) is { Length: > 0 } description) json.WriteString("description", description);
        }
        WriteArray(json, "args", Arguments, static (json, argument) =>
        {
            json.WriteString("name", argument.Name);
            if (argument.Description.Length > 0) json.WriteString("description", argument.Description);
            if (!string.IsNullOrEmpty(argument.Value)) json.WriteString("value", argument.Value);
            CallJson.WriteLocation(json, argument.Range);
        });
        foreach (var (field, kind, id) in (ReadOnlySpan<(string, string, string)>)[("secrets", "secret", "name"), ("ssh", "ssh", "name"), ("cache", "cache", "ID")])
        {
            WriteArray(json, field, Mounts(kind), (json, mount) =>
            {
                json.WriteString(id, mount.Name);
                if (mount.Required) json.WriteBoolean("required", true);
                CallJson.WriteLocation(json, mount.Range);
            });
        }
        Targets.WriteSources(json, _file.Source);
    });

    private IEnumerable<Argument> Arguments => _found.Values.OrderBy(static a => a.Range.Start);

    private IEnumerable<Mount> Mounts(string kind) => _mounts.Where(mount => mount.Kind == kind).OrderBy(static mount => mount.Range.Start);

    private static void WriteArray<T>(Utf8JsonWriter json, string name, IEnumerable<T> items, Action<Utf8JsonWriter, T> write)
    {
        var all = items.ToList();
        if (all.Count == 0) return;
        json.WriteStartArray(name);
        foreach (var item in all)
        {
            json.WriteStartObject();
            write(json, item);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private void AddStage(StageNode stage, Dictionary<string, Argument> globals)
    {
        var known = new Dictionary<string, Argument>(globals, StringComparer.Ordinal);
        Use(known, stage.Stage.From.Image);
        Use(known, stage.Stage.From.Platform ?? "");
        foreach (var node in stage.Instructions)
        {
            if (node.Instruction is ArgInstruction arg)
            {
                Declare(known, arg, name => known.GetValueOrDefault(name)?.Value ?? _arguments.Global(name), isGlobal: false);
                foreach (var declared in arg.Arguments) Use(known, "$" + declared.Name);
            }
            if (node.Instruction is RunInstruction run) AddMounts(run);
        }
    }

    // What a value is made of may be given too.
    private void Use(Dictionary<string, Argument> known, string word)
    {
        try
        {
            Expansion.Word(word, _file.Escape, name =>
            {
                if (known.TryGetValue(name, out var argument) && _found.TryAdd(name, argument) && argument.Default is { } text && text != "$" + name) Use(known, text);
                return "";
            });
        }
        catch (CrunException)
        {
            // The build says what is wrong with it.
        }
    }

    private void Declare(Dictionary<string, Argument> known, ArgInstruction arg, Func<string, string?> lookUp, bool isGlobal = true)
    {
        foreach (var (name, text) in arg.Arguments.Select(static argument => (argument.Name, argument.Default)))
        {
            if (!isGlobal && text is null && known.ContainsKey(name)) continue;
            var value = _arguments.Given(name) ?? (text is null ? null : Expansion.Word(text, _file.Escape, lookUp));
            known[name] = new Argument(name, value, text, DescriptionOf(arg, name), arg.Range);
        }
    }

    private void AddMounts(RunInstruction run)
    {
        foreach (var mount in run.MountList)
        {
            var (kind, name) = mount.Type switch
            {
                RunMountType.Secret => ("secret", mount.Source ?? mount.Id ?? PosixPath.Name(mount.Target ?? "")),
                RunMountType.Ssh => ("ssh", mount.Id ?? "default"),
                RunMountType.Cache => ("cache", mount.Id ?? PosixPath.InRoot(mount.Target ?? "/")),
                _ => ("", ""),
            };
            if (kind.Length == 0) continue;
            var index = _mounts.FindIndex(known => known.Kind == kind && known.Name == name);
            if (index < 0) _mounts.Add(new Mount(kind, name, mount.Required, run.Range));
            else if (mount.Required) _mounts[index] = _mounts[index] with { Required = true };
        }
    }

    /// <summary>What the comments above an instruction say of a name: the rest of the first line that begins with it.</summary>
    internal static string DescriptionOf(Instruction instruction, string name)
    {
        if (name.Length == 0) return "";
        var line = instruction.Comments.FirstOrDefault(comment => comment.StartsWith(name + " ", StringComparison.Ordinal));
        return line is null ? "" : line[(name.Length + 1)..];
    }

    private sealed record Argument(string Name, string? Value, string? Default, string Description, SourceRange Range);

    private sealed record Mount(string Kind, string Name, bool Required, SourceRange Range);
}
