using CrunSharp.Build;
using CrunSharp.Build.History;
using CrunSharp.Build.Linting;
using CrunSharp.Build.Remote;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary>What the history tells of how a build was asked for: no secret, and no address with a password.</summary>
internal static class BuildNotes
{
    private const string Hidden = "xxxxx";
    private const int MostLetters = 1024;

    /// <summary>Notes it.</summary>
    /// <param name="options">The options.</param>
    /// <param name="context">The context as it was typed.</param>
    /// <param name="request">What was built.</param>
    public static BuildRecord Of(BuildOptions options, string context, BuildRequest request)
    {
        var notes = new List<string>();
        if (options.NoCache) notes.Add("no-cache");
        if (options.CacheTtl is { } ttl) notes.Add($"cache-ttl={ttl}");
        if (options.Network != "default") notes.Add($"network={options.Network}");
        foreach (var from in options.CacheFrom) notes.Add($"cache-from={from.Shown}");
        foreach (var to in options.CacheTo) notes.Add($"cache-to={to.Shown}");
        foreach (var (name, value) in options.Contexts) notes.Add($"build-context={name}={WebAddress.Redact(value)}");
        foreach (var stage in options.NoCacheStages) notes.Add($"no-cache-filter={stage}");
        foreach (var allowed in options.Allowed) notes.Add($"allow={allowed}");
        foreach (var id in request.Secrets.Keys) notes.Add($"secret={id}");
        foreach (var id in request.Agents.Keys) notes.Add($"ssh={id}");
        foreach (var (name, value) in options.Labels) notes.Add($"label={name}={value}");
        return new BuildRecord
        {
            Name = Short(NameOf(options, context)),
            Context = Short(request.ContextDirectory ?? WebAddress.Redact(context)),
            Dockerfile = options.File is { } file ? Short(file) : null,
            Target = options.Target is { } target ? Short(target) : null,
            Platforms = [.. options.Platforms.Select(static platform => platform.ToString())],
            Tags = [.. options.Tags.Select(static tag => Short(tag.Familiar))],
            Arguments = request.BuildArgs.ToDictionary(static argument => Short(argument.Key), static argument => ValueOf(argument.Key, argument.Value ?? "")),
            Options = [.. notes.Select(Short)],
        };
    }

    // As buildx: the context's last part, the Dockerfile where it is not the usual one, the stage.
    private static string NameOf(BuildOptions options, string context)
    {
        var path = Directory.Exists(context) ? Path.GetFullPath(context) : WebAddress.Redact(context);
        var name = path.TrimEnd('/') is { Length: > 0 } trimmed ? trimmed[(trimmed.LastIndexOf('/') + 1)..] : path;
        if (options.File is not null and not "-" and var file && Path.GetFileName(file) is var last && last != "Dockerfile") name = $"{name}/{last}";
        return options.Target is { } target ? $"{name} ({target})" : name;
    }

    private static string ValueOf(string name, string value) => SecretWords.IsSecret(name) ? Hidden : Short(WebAddress.Redact(value));

    private static string Short(string text) => text.Length <= MostLetters ? text : text[..MostLetters] + "…";
}
