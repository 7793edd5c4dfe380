using System.Globalization;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Seccomp;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>Annotations of crun's by which engines ask for what the specification has no word for.</summary>
/// <remarks>Those for systemd's scopes and for mounts are read where these are made.</remarks>
/// <seealso href="https://github.com/containers/crun/blob/main/crun.1.md"/>
internal static class CrunAnnotations
{
    private const string Receiver = "run.oci.seccomp.receiver";
    private const string Program = "run.oci.seccomp_bpf_data";
    private const string Offsets = "run.oci.timens_offset";
    private const int MostInstructions = 4096;

    /// <summary><c>run.oci.keep_original_groups</c>: whether processes keep the groups of their maker; podman's <c>--group-add keep-groups</c>.</summary>
    public static bool KeepsGroups(IReadOnlyDictionary<string, string>? annotations) => Find(annotations, "run.oci.keep_original_groups") == "1";

    /// <summary><c>run.oci.pidfd_receiver</c>: a socket that gets the pidfd of the first process; null for none.</summary>
    public static string? PidfdReceiver(IReadOnlyDictionary<string, string>? annotations) => Find(annotations, "run.oci.pidfd_receiver");

    /// <summary><c>run.oci.delegate-cgroup</c>: a cgroup below the container's, in which it starts and which it may divide; null for none.</summary>
    public static string? DelegatedCgroup(IReadOnlyDictionary<string, string>? annotations) => Find(annotations, "run.oci.delegate-cgroup");

    /// <summary><c>run.oci.hooks.stdout</c> and <c>run.oci.hooks.stderr</c>: files of the host that what hooks print is appended to.</summary>
    /// <param name="annotations">The container's.</param>
    /// <param name="bundle">What relative paths are relative to.</param>
    public static HookFiles HookFiles(IReadOnlyDictionary<string, string>? annotations, string bundle) => annotations is null ? default
        : new HookFiles(PathIn(bundle, Find(annotations, "run.oci.hooks.stdout")), PathIn(bundle, Find(annotations, "run.oci.hooks.stderr")));

    /// <summary>
    /// Says in the specification's own words what annotations ask for: <c>run.oci.seccomp.receiver</c> is the listener's path
    /// and <c>run.oci.timens_offset</c> are time offsets where the specification has none of its own.
    /// </summary>
    /// <exception cref="CrunException">
    /// One has no such value; or it cannot be followed: <c>run.oci.handler</c> and <c>run.oci.seccomp.plugins</c> name libraries of
    /// crun's, <c>run.oci.seccomp_fail_unknown_syscall</c> refuses the filter.
    /// </exception>
    public static RuntimeSpec Apply(RuntimeSpec spec)
    {
        if (spec.Annotations is not { Count: > 0 } annotations) return spec;
        Refuse(annotations, "run.oci.handler");
        Refuse(annotations, "run.oci.seccomp.plugins");
        if (spec.Linux is not { } linux) return spec;
        if (linux.Seccomp is { } seccomp && Find(annotations, "run.oci.seccomp_fail_unknown_syscall") is not (null or "0")) RequireKnownCalls(seccomp);
        if (Find(annotations, Receiver) is { } receiver) linux = WithReceiver(linux, receiver, isNeeded: Find(annotations, Program) is not null);
        if (Find(annotations, Offsets) is { } offsets) linux = WithOffsets(linux, offsets);
        return linux == spec.Linux ? spec : spec with { Linux = linux };
    }

    /// <summary><c>run.oci.seccomp_bpf_data</c>: a system call filter as the kernel takes it, in base64, instead of the specification's; null for none.</summary>
    /// <remarks>As with crun it has the flags of the specification's, and a listener if somebody receives it.</remarks>
    /// <exception cref="CrunException">It is none.</exception>
    public static SeccompFilter? Filter(RuntimeSpec spec)
    {
        if (Find(spec.Annotations, Program) is not { } text) return null;
        var program = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, program, out var length)) throw Invalid(Program, "it is not base64");
        if (length == 0 || length % 8 != 0 || length > MostInstructions * 8)
            throw Invalid(Program, $"{length} bytes are no program: each instruction has 8, and there are 1 to {MostInstructions}");
        var flags = default(SeccompFilterFlags);
        foreach (var flag in spec.Linux?.Seccomp?.Flags ?? []) flags |= SeccompWords.Flag(flag);
        if (spec.Linux?.Seccomp?.ListenerPath is { Length: > 0 }) flags |= SeccompFilterFlags.SECCOMP_FILTER_FLAG_NEW_LISTENER;
        return new SeccompFilter(program.AsMemory(0, length), flags);
    }

    private static void Refuse(IReadOnlyDictionary<string, string> annotations, string name)
    {
        if (Find(annotations, name) is { } library)
            throw CrunException.Unsupported($"\"{library}\" is a library that only crun loads: remove the annotation, or use crun", $"annotation {name}");
    }

    private static void RequireKnownCalls(SeccompSpec seccomp)
    {
        foreach (var rule in seccomp.Syscalls ?? [])
        {
            foreach (var name in rule.Names)
            {
                if (!Enum.GetValues<SyscallAbi>().Any(abi => SyscallTable.Number(abi, name) >= 0))
                    throw SeccompWords.Invalid($"the system call \"{name}\" is not known");
            }
        }
    }

    private static LinuxSpec WithReceiver(LinuxSpec linux, string receiver, bool isNeeded)
    {
        if (!receiver.StartsWith('/')) throw Invalid(Receiver, $"\"{receiver}\" is no absolute path");
        if (linux.Seccomp is null && !isNeeded || linux.Seccomp?.ListenerPath is { Length: > 0 }) return linux;
        return linux with { Seccomp = (linux.Seccomp ?? new SeccompSpec { DefaultAction = "SCMP_ACT_ALLOW" }) with { ListenerPath = receiver } };
    }

    // CLOCK SECONDS NANOSECONDS, as in /proc/PID/timens_offsets.
    private static LinuxSpec WithOffsets(LinuxSpec linux, string text)
    {
        if (linux.Namespaces?.Any(static ns => ns.Type == "time" && string.IsNullOrEmpty(ns.Path)) != true) throw Invalid(Offsets, "time offsets need a new time namespace");
        var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        var offsets = new Dictionary<string, TimeOffset>();
        for (var i = 0; i < words.Length; i += 3)
        {
            var clock = words[i] switch { "1" => "monotonic", "7" => "boottime", var name => name };
            if (clock is not ("monotonic" or "boottime") || i + 2 >= words.Length
                || !long.TryParse(words[i + 1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds)
                || !uint.TryParse(words[i + 2], NumberStyles.None, CultureInfo.InvariantCulture, out var nanoseconds) || nanoseconds > 999_999_999)
                throw Invalid(Offsets, $"\"{text}\" is not CLOCK SECONDS NANOSECONDS, where CLOCK is monotonic or boottime");
            offsets[clock] = new TimeOffset { Secs = seconds, Nanosecs = nanoseconds };
        }
        foreach (var (clock, offset) in linux.TimeOffsets ?? new Dictionary<string, TimeOffset>()) offsets[clock] = offset;
        return linux with { TimeOffsets = offsets };
    }

    private static string? PathIn(string bundle, string? path) => path is null ? null : Path.GetFullPath(path, bundle);

    private static string? Find(IReadOnlyDictionary<string, string>? annotations, string name) =>
        annotations is not null && annotations.TryGetValue(name, out var value) && value.Length > 0 ? value : null;

    private static CrunException Invalid(string annotation, string reason) => CrunException.Invalid(reason, $"annotation {annotation}");
}
