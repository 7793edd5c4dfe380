using CrunSharp.Build.Dockerfile;
using CrunSharp.Build.Dockerfile.Instructions;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Build.Graph;

/// <summary>The variables before the first FROM: those of the caller, of the platform, and of the ARGs there.</summary>
internal sealed class BuildArguments
{
    private static readonly string[] ProxyNames = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

    private readonly Dictionary<string, string> _given;
    private readonly Dictionary<string, string> _global;

    private BuildArguments(Dictionary<string, string> given, Dictionary<string, string> global, IReadOnlyList<string> declared) =>
        (_given, _global, Declared) = (given, global, declared);

    /// <summary>The names that FROM may use, whether they have a value or not.</summary>
    public IReadOnlyList<string> Declared { get; }

    /// <summary>Works the variables out.</summary>
    /// <param name="file">The Dockerfile.</param>
    /// <param name="given">The caller's values; null takes the value of the caller's environment.</param>
    /// <param name="target">The name of the stage to build.</param>
    /// <param name="platform">The platform to build for.</param>
    /// <exception cref="CrunException">A default cannot be expanded.</exception>
    public static BuildArguments Create(ParsedDockerfile file, IReadOnlyDictionary<string, string?> given, string? target, Platform platform)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in given)
            if ((value ?? Environment.GetEnvironmentVariable(name)) is { } known) values[name] = known;

        var global = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in OfPlatform(target, platform)) global[name] = values.GetValueOrDefault(name, value);
        foreach (var instruction in file.GlobalArguments)
        {
            foreach (var argument in instruction.Arguments)
            {
                if (values.TryGetValue(argument.Name, out var set)) global[argument.Name] = set;
                else if (argument.Default is not null) global[argument.Name] = Expand(file, instruction, argument.Default, global);
            }
        }
        return new BuildArguments(values, global, [.. global.Keys.Union(file.GlobalArguments.SelectMany(static instruction => instruction.Arguments).Select(static argument => argument.Name))]);
    }

    /// <summary>The value of a variable in FROM; null when it has none.</summary>
    public string? Global(string name) => _global.GetValueOrDefault(name);

    /// <summary>The value that the caller gave; null when it gave none.</summary>
    public string? Given(string name) => _given.GetValueOrDefault(name);

    /// <summary>The names that the caller gave a value and no ARG takes, sorted.</summary>
    public IReadOnlyList<string> Unused(ParsedDockerfile file)
    {
        var declared = file.GlobalArguments.Concat(file.Stages.SelectMany(static stage => stage.Instructions.OfType<ArgInstruction>()))
            .SelectMany(static instruction => instruction.Arguments).Select(static argument => argument.Name).ToHashSet(StringComparer.Ordinal);
        return [.. _given.Keys.Where(name => !declared.Contains(name) && !IsProxy(name) && !_global.ContainsKey(name)
            && name != "SOURCE_DATE_EPOCH" && !name.StartsWith("BUILDKIT_", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }

    /// <summary>Whether an argument is one of the proxies, which are told to commands only.</summary>
    public static bool IsProxy(string name) => ProxyNames.Contains(name, StringComparer.OrdinalIgnoreCase);

    /// <summary>The proxies, in capitals and in small letters, for the environment of RUN; they are in no key and no history.</summary>
    public IEnumerable<KeyValuePair<string, string>> Proxies
    {
        get
        {
            foreach (var name in ProxyNames)
            {
                var small = name.ToLowerInvariant();
                if ((Given(name) ?? Given(small)) is not { } value) continue;
                yield return new(name, value);
                yield return new(small, value);
            }
        }
    }

    private static string Expand(ParsedDockerfile file, ArgInstruction instruction, string text, Dictionary<string, string> global)
    {
        try
        {
            return Expansion.Word(text, file.Escape, global.GetValueOrDefault);
        }
        catch (CrunException error)
        {
            throw DockerfileError.At(file.Source, instruction.Range, error.Message);
        }
    }

    private static IEnumerable<KeyValuePair<string, string>> OfPlatform(string? target, Platform platform)
    {
        foreach (var (prefix, of) in ((string, Platform)[])[("BUILD", Platform.Host), ("TARGET", platform)])
        {
            yield return new(prefix + "PLATFORM", of.ToString());
            yield return new(prefix + "OS", of.Os);
            yield return new(prefix + "OSVERSION", of.OsVersion ?? "");
            yield return new(prefix + "ARCH", of.Architecture);
            yield return new(prefix + "VARIANT", of.Variant ?? "");
        }
        yield return new("TARGETSTAGE", target ?? "default");
    }
}
