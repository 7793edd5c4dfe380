using System.Text.Json;
using System.Text.Json.Serialization;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Engine.Supervision;

/// <summary>A profile as <c>--security-opt seccomp=FILE</c> names it: the runtime's document with Docker's conditions.</summary>
/// <seealso href="https://docs.docker.com/engine/security/seccomp/"/>
internal sealed record SeccompProfile
{
    public required string DefaultAction { get; init; }
    public uint? DefaultErrnoRet { get; init; }
    public IReadOnlyList<string>? Flags { get; init; }
    public IReadOnlyList<ProfileRule>? Syscalls { get; init; }

    /// <summary>Reads a profile and takes the rules that hold for these capabilities on this host.</summary>
    /// <exception cref="CrunException">It is malformed; the text gives the position.</exception>
    public static SeccompSpec Read(ReadOnlySpan<byte> json, CapabilitySet granted)
    {
        try
        {
            var profile = JsonSerializer.Deserialize(json, SeccompProfileJson.Default.SeccompProfile)
                ?? throw CrunException.Invalid("the seccomp profile is null");
            return new SeccompSpec
            {
                DefaultAction = profile.DefaultAction,
                DefaultErrnoRet = profile.DefaultErrnoRet,
                Flags = profile.Flags,
                Syscalls = [.. (profile.Syscalls ?? []).Where(rule => rule.Holds(granted)).Select(static rule => rule.ToSpec())],
            };
        }
        catch (JsonException error)
        {
            throw CrunException.Invalid($"the seccomp profile is malformed at {error.Path ?? "$"} (line {error.LineNumber + 1})");
        }
    }
}

/// <summary>A rule with the conditions under which it holds.</summary>
internal sealed record ProfileRule
{
    public string? Name { get; init; }
    public IReadOnlyList<string>? Names { get; init; }
    public required string Action { get; init; }
    public uint? ErrnoRet { get; init; }
    public IReadOnlyList<SeccompArg>? Args { get; init; }
    public ProfileConditions? Includes { get; init; }
    public ProfileConditions? Excludes { get; init; }

    public bool Holds(CapabilitySet granted) =>
        (Includes is null || Includes.AllHold(granted)) && (Excludes is null || !Excludes.AnyHolds(granted));

    public SeccompRule ToSpec() => new() { Names = Names ?? (Name is null ? [] : [Name]), Action = Action, ErrnoRet = ErrnoRet, Args = Args };
}

/// <summary>Conditions on the container's capabilities and the host's architecture.</summary>
internal sealed record ProfileConditions
{
    public IReadOnlyList<string>? Caps { get; init; }
    public IReadOnlyList<string>? Arches { get; init; }

    public bool AllHold(CapabilitySet granted) => (Caps is null || Caps.All(name => Has(granted, name))) && (Arches is null || Arches.Any(IsOurs));

    public bool AnyHolds(CapabilitySet granted) => Caps?.Any(name => Has(granted, name)) == true || Arches?.Any(IsOurs) == true;

    private static bool Has(CapabilitySet granted, string name) => CapabilitySet.TryParse(name, out var set) && (granted & set) == set;

    private static bool IsOurs(string architecture) => architecture == Oci.Images.Platform.Host.Architecture;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(SeccompProfile))]
internal sealed partial class SeccompProfileJson : JsonSerializerContext;
