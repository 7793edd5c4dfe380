namespace CrunSharp.Cli.Templates;

/// <summary>What docker's documents leave out when it is empty, and which of their objects have free names.</summary>
internal static class DockerFields
{
    /// <summary>Whether a field exists in docker's types though its JSON may lack it: a template may ask for it.</summary>
    public static bool MayBeAbsent(string name) => name is
        "Health" or "Healthcheck" or "StopTimeout" or "StopSignal" or "Shell" or "OnBuild" or "ArgsEscaped" or "Variant"
        or "OsVersion" or "MacAddress" or "NetworkDisabled" or "Mounts" or "SizeRw" or "SizeRootFs" or "Annotations" or "ExposedPorts"
        or "Volumes" or "Tmpfs" or "Sysctls" or "Init" or "UsageData" or "CreatedAt" or "Status" or "Labels" or "Options"
        or "RepoTags" or "RepoDigests" or "Comment" or "Author" or "Parent" or "DockerVersion" or "Descriptor" or "Manifests";

    /// <summary>Whether the object of this name holds data under free names (labels, ports), not fields.</summary>
    public static bool IsMap(string name) => name is
        "Labels" or "Annotations" or "Ports" or "PortBindings" or "Networks" or "Volumes" or "ExposedPorts" or "Options" or "DriverOpts"
        or "Sysctls" or "Tmpfs" or "StorageOpt" or "Data" or "Containers" or "Config.Options" or "LogOpts";
}
