using System.Globalization;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Init;

/// <summary>The capabilities that a process gets: those that were asked for, without what is not known here or cannot be granted.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config.md#linux-process"/>
internal static class GrantedCapabilities
{
    /// <summary>The five sets; what is left out is told once in <see cref="LaunchOptions.Warnings"/>.</summary>
    public static ProcessCapabilities Of(CapabilitiesSpec asked, LaunchOptions options)
    {
        var available = options.HasUserNamespace ? OfThisKernel() : OfThisProcess();
        return new ProcessCapabilities
        {
            Bounding = Grant(asked.Bounding, available, options.Warnings),
            Effective = Grant(asked.Effective, available, options.Warnings),
            Permitted = Grant(asked.Permitted, available, options.Warnings),
            Inheritable = Grant(asked.Inheritable, available, options.Warnings),
            Ambient = Grant(asked.Ambient, available, options.Warnings),
        };
    }

    private static CapabilitySet Grant(IReadOnlyList<string>? names, CapabilitySet available, List<string> warnings)
    {
        var unknown = new List<string>();
        var set = CapabilitySet.FromNames(names, unknown);
        foreach (var name in unknown) Warn(warnings, $"unknown capability \"{name}\" is left out");
        foreach (var name in (set - available).ToNames()) Warn(warnings, $"capability {name} cannot be granted and is left out");
        return set & available;
    }

    private static void Warn(List<string> warnings, string text)
    {
        if (!warnings.Contains(text)) warnings.Add(text);
    }

    private static CapabilitySet OfThisProcess()
    {
        var ours = CapabilitySet.OfThisProcess();
        return ours.Permitted & ours.Bounding;
    }

    // In a new user namespace its first process has all that there are.
    private static CapabilitySet OfThisKernel()
    {
        var last = int.TryParse(KernelFile.TryRead(null, "/proc/sys/kernel/cap_last_cap"), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var number) ? number : 63;
        return CapabilitySet.All & new CapabilitySet(last >= 63 ? ulong.MaxValue : (1UL << (last + 1)) - 1);
    }
}
