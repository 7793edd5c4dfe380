using CrunSharp.Cli.Templates;
using CrunSharp.Oci.Images;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Images;

/// <summary>An image as <c>inspect</c> shows it, in docker's schema.</summary>
internal static class ImageDocument
{
    public static DomObject Of(Image image)
    {
        var config = image.Config;
        var document = new DomObject
        {
            ["Id"] = image.Id.ToString(),
            ["RepoTags"] = Strings(image.Names.Where(static n => n.Tag is not null && n.Digest is null).Select(static n => n.Familiar)),
            ["RepoDigests"] = Strings(RepoDigests(image)),
            ["Parent"] = "",
            ["Comment"] = config.History is [.., var last] ? last.Comment ?? "" : "",
            ["Created"] = config.Created,
            ["DockerVersion"] = "",
            ["Author"] = config.Author ?? "",
            ["Config"] = Config(config.Config ?? new ContainerConfig()),
            ["Architecture"] = config.Architecture,
        };
        if (config.Variant is not null) document["Variant"] = config.Variant;
        document["Os"] = config.Os;
        document["Size"] = image.Size;
        document["GraphDriver"] = GraphDriver(image);
        document["RootFS"] = new DomObject { ["Type"] = "layers", ["Layers"] = Strings(image.DiffIds.Select(static d => d.ToString())) };
        document["Metadata"] = new DomObject { ["LastTagTime"] = image.LastTagged ?? "0001-01-01T00:00:00Z" };
        return document;
    }

    private static IEnumerable<string> RepoDigests(Image image)
    {
        var seen = new HashSet<string>();
        foreach (var name in image.Names)
        {
            // What was pulled has a digest in its names, of the index if there was one; else the manifest's is right.
            if (name.Digest is null && image.Names.Any(other => other.Digest is not null && other.FamiliarName == name.FamiliarName)) continue;
            if ((name.Digest ?? image.ManifestDigest) is { } digest && seen.Add($"{name.FamiliarName}@{digest}")) yield return $"{name.FamiliarName}@{digest}";
        }
    }

    private static DomObject Config(ContainerConfig c)
    {
        var config = new DomObject
        {
            ["Hostname"] = "",
            ["Domainname"] = "",
            ["User"] = c.User ?? "",
            ["AttachStdin"] = false,
            ["AttachStdout"] = false,
            ["AttachStderr"] = false,
        };
        if (c.ExposedPorts is { Count: > 0 }) config["ExposedPorts"] = Set(c.ExposedPorts.Keys);
        config["Tty"] = false;
        config["OpenStdin"] = false;
        config["StdinOnce"] = false;
        config["Env"] = c.Env is null ? null : Strings(c.Env);
        config["Cmd"] = c.Cmd is null ? null : Strings(c.Cmd);
        if (c.Healthcheck is { } health) config["Healthcheck"] = Health(health);
        if (c.ArgsEscaped is true) config["ArgsEscaped"] = true;
        config["Image"] = "";
        config["Volumes"] = c.Volumes is { Count: > 0 } ? Set(c.Volumes.Keys) : null;
        config["WorkingDir"] = c.WorkingDir ?? "";
        config["Entrypoint"] = c.Entrypoint is null ? null : Strings(c.Entrypoint);
        config["OnBuild"] = c.OnBuild is null ? null : Strings(c.OnBuild);
        config["Labels"] = c.Labels is null ? null : Map(c.Labels);
        if (c.StopSignal is not null) config["StopSignal"] = c.StopSignal;
        if (c.StopTimeout is { } timeout) config["StopTimeout"] = (long)timeout;
        if (c.Shell is { Count: > 0 }) config["Shell"] = Strings(c.Shell);
        return config;
    }

    private static DomObject Health(HealthConfig health)
    {
        var document = new DomObject { ["Test"] = health.Test is null ? null : Strings(health.Test) };
        if (health.Interval is { } interval) document["Interval"] = interval;
        if (health.Timeout is { } timeout) document["Timeout"] = timeout;
        if (health.StartPeriod is { } period) document["StartPeriod"] = period;
        if (health.StartInterval is { } start) document["StartInterval"] = start;
        if (health.Retries is { } retries) document["Retries"] = (long)retries;
        return document;
    }

    // Overlay's directories, the topmost first, as overlay2 names them.
    private static DomObject GraphDriver(Image image)
    {
        var paths = image.GetLayers().Select(static l => l.Path).Reverse().ToList();
        var data = new DomObject { IsMap = true };
        if (paths.Count > 1) data["LowerDir"] = string.Join(':', paths.Skip(1));
        if (paths.Count > 0) data["UpperDir"] = paths[0];
        return new DomObject { ["Data"] = data, ["Name"] = "overlay2" };
    }

    private static List<object?> Strings(IEnumerable<string> texts) => [.. texts];

    private static DomObject Set(IEnumerable<string> names)
    {
        var set = new DomObject { IsMap = true };
        foreach (var name in names.Order(StringComparer.Ordinal)) set[name] = new DomObject();
        return set;
    }

    private static DomObject Map(IReadOnlyDictionary<string, string> pairs)
    {
        var map = new DomObject { IsMap = true };
        foreach (var (name, value) in pairs.OrderBy(static p => p.Key, StringComparer.Ordinal)) map[name] = value;
        return map;
    }
}
