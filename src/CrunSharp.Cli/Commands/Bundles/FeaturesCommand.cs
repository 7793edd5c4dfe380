using System.Text.Json;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Cli.Commands.Bundles;

/// <summary><c>features</c>: what this runtime can do, whatever the host can.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/features.md"/>
internal sealed class FeaturesCommand : RuntimeCommand
{
    private static readonly string[] Hooks = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
    private static readonly string[] Namespaces = ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"];

    private static readonly string[] MountOptions =
    [
        "async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "idmap", "iversion", "lazytime", "loud", "mand", "noatime", "nodev",
        "nodiratime", "noexec", "noiversion", "nolazytime", "nomand", "norelatime", "nostrictatime", "nosuid", "nosymfollow", "private",
        "ratime", "rbind", "rdev", "rdiratime", "relatime", "remount", "rexec", "ridmap", "rnoatime", "rnodev", "rnodiratime", "rnoexec",
        "rnorelatime", "rnostrictatime", "rnosuid", "rnosymfollow", "ro", "rprivate", "rrelatime", "rro", "rrw", "rshared", "rslave",
        "rstrictatime", "rsuid", "rsymfollow", "runbindable", "rw", "shared", "silent", "slave", "strictatime", "suid", "symfollow", "sync",
        "tmpcopyup", "unbindable",
    ];

    private static readonly string[] Actions =
    [
        "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY",
        "SCMP_ACT_TRACE", "SCMP_ACT_TRAP",
    ];

    private static readonly string[] Operators =
        ["SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"];

    private static readonly string[] Architectures = ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"];

    private static readonly string[] Flags =
        ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"];

    private static readonly string[] MemoryModes =
        ["MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE", "MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_LOCAL"];

    private static readonly string[] MemoryFlags = ["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"];

    public override string Synopsis => "";
    public override int LeastOperands => 0;
    public override int MostOperands => 0;

    public override int Execute(CommandContext context, IReadOnlyList<string> operands)
    {
        using var output = context.OpenOutput();
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("ociVersionMin", RuntimeVersion.Oldest);
        json.WriteString("ociVersionMax", RuntimeVersion.Newest);
        Write(json, "hooks", Hooks);
        Write(json, "mountOptions", MountOptions);
        json.WriteStartObject("linux");
        Write(json, "namespaces", Namespaces);
        Write(json, "capabilities", CapabilitySet.All.ToNames());
        Write(json, "cgroup", ("v1", true), ("v2", true), ("systemd", true), ("systemdUser", false), ("rdma", true));
        json.WriteStartObject("seccomp");
        json.WriteBoolean("enabled", true);
        Write(json, "actions", Actions);
        Write(json, "operators", Operators);
        Write(json, "archs", Architectures);
        Write(json, "knownFlags", Flags);
        Write(json, "supportedFlags", Flags);
        json.WriteEndObject();
        Write(json, "apparmor", ("enabled", true));
        Write(json, "selinux", ("enabled", true));
        Write(json, "intelRdt", ("enabled", true), ("schemata", true), ("monitoring", true));
        json.WriteStartObject("memoryPolicy");
        Write(json, "modes", MemoryModes);
        Write(json, "flags", MemoryFlags);
        json.WriteEndObject();
        json.WriteStartObject("mountExtensions");
        Write(json, "idmap", ("enabled", true));
        json.WriteEndObject();
        Write(json, "netDevices", ("enabled", true));
        json.WriteEndObject();
        Write(json, "potentiallyUnsafeConfigAnnotations", ["org.criu.config", "org.systemd.property.", "run.oci."]);
        json.WriteEndObject();
        json.Flush();
        output.Write("\n"u8);
        return ExitCodes.Success;
    }

    private static void Write(Utf8JsonWriter json, string name, IReadOnlyList<string> words)
    {
        json.WriteStartArray(name);
        foreach (var word in words) json.WriteStringValue(word);
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, string name, params ReadOnlySpan<(string Name, bool Value)> flags)
    {
        json.WriteStartObject(name);
        foreach (var (flag, value) in flags) json.WriteBoolean(flag, value);
        json.WriteEndObject();
    }
}
