using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Init;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>
/// Containers of users other than root. Only root can make mounts, so that this program runs once more, as the root user
/// of the container's user namespace and in a mount namespace of its own, and makes the container there; all other
/// commands need no rights but those of who made the namespace.
/// </summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/user_namespaces.7.html"/>
public static class UserNamespaceProcess
{
    private const string Variable = "_CRUN_SHARP_USER_NAMESPACE";
    private const string Spec = "config-linux.md#user-namespace-mappings";

    /// <summary>Whether this process may not make containers itself.</summary>
    public static bool IsNeeded => !CapabilitySet.OfThisProcess().Effective.Contains(Capability.CAP_SYS_ADMIN);

    /// <summary>Whether this process is the one in the user namespace.</summary>
    public static bool IsThis => Environment.GetEnvironmentVariable(Variable) is not null;

    /// <summary>Runs this program once more, in the user namespace of a container.</summary>
    /// <param name="spec">The container.</param>
    /// <param name="arguments">The program's arguments, its name first.</param>
    /// <param name="environment">Variables that it gets beside ours, <c>NAME=value</c>.</param>
    /// <param name="preserved">How many descriptors from 3 on it gets.</param>
    /// <returns>The process, a child of this one.</returns>
    /// <exception cref="CrunException">The container has no user namespace, or its mappings are not allowed to this user.</exception>
    public static PidHandle Start(RuntimeSpec spec, IReadOnlyList<string> arguments, IReadOnlyList<string> environment, int preserved)
    {
        var linux = spec.Linux ?? new LinuxSpec();
        if (linux.Namespaces?.FirstOrDefault(static ns => ns.Type == "user") is not { } user)
            throw CrunException.Invalid("a container of a user other than root needs a user namespace", spec: Spec);
        var owned = new List<SafeFileHandle>();
        try
        {
            var namespaces = ContainerNamespaces.Open(linux with { Namespaces = [user, new NamespaceSpec { Type = "mount" }], TimeOffsets = null }, owned);
            var plan = new StagePlan();
            namespaces.Enter(plan, new LaunchOptions());
            plan.For("separate the mounts").SetPropagation("/", MountPropagation.MS_SLAVE, recursive: true);
            for (var descriptor = 3; descriptor < 3 + preserved; descriptor++) plan.Inherit(new SafeFileHandle(descriptor, ownsHandle: false));
            plan.CloseOnExec(preserved);
            var program = Environment.ProcessPath!;
            plan.For($"run {program}").Execute(program, plan.Texts(arguments), plan.Texts([.. Inherited(), .. environment, $"{Variable}=1"]));
            using var stage = Stage.Start(plan, null, null, null);
            var process = stage.WaitForProcess();
            try
            {
                if (namespaces.NeedsSetUp)
                {
                    stage.WaitForEvent(ContainerNamespaces.Made);
                    namespaces.SetUp(process);
                    stage.Continue();
                }
                stage.WaitForExec();
                return process;
            }
            catch
            {
                process.Send(Signal.SIGKILL.Number);
                process.Reap();
                process.Dispose();
                throw;
            }
        }
        finally
        {
            foreach (var file in owned) file.Dispose();
        }
    }

    /// <summary>What is left to be done of a container in its user namespace.</summary>
    /// <remarks>The devices that it may use are those that its user may use anyway.</remarks>
    internal static RuntimeSpec Inside(RuntimeSpec spec)
    {
        // A variable alone must never be what lets a container do without its namespace.
        if (KernelFile.Read(null, "/proc/self/uid_map").Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries) is ["0", "0", "4294967295"])
            throw CrunException.Invalid($"{Variable} is set, and this is no process in a user namespace");
        var linux = spec.Linux!;
        return spec with
        {
            Linux = linux with
            {
                Namespaces = [.. linux.Namespaces!.Where(static ns => ns.Type != "user")],
                UidMappings = null,
                GidMappings = null,
                Resources = linux.Resources is { } resources ? resources with { Devices = null } : null,
            },
        };
    }

    private static IEnumerable<string> Inherited()
    {
        foreach (System.Collections.DictionaryEntry variable in Environment.GetEnvironmentVariables()) yield return $"{variable.Key}={variable.Value}";
    }
}
