using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Init;

/// <summary>
/// What a process does to itself before it executes its program: the same for a container's first process and for one
/// that joins a container.
/// </summary>
internal static class ProcessSteps
{
    private const string Spec = "config.md#process";
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>Adds the steps.</summary>
    /// <exception cref="CrunException">The process has no program, or names a capability or limit that does not exist.</exception>
    public static void Write(StagePlan plan, ProcessSpec process, LaunchOptions options)
    {
        if (options.NewKeyring)
        {
            plan.For("start a session keyring").NewSessionKeyring("_ses.crun-sharp")
                .Tolerating([Errno.ENOSYS, Errno.EPERM, Errno.EDQUOT]);
        }
        foreach (var limit in process.Rlimits ?? [])
            plan.For($"limit {limit.Type}", "config.md#posix-process").SetResourceLimit((int)ResourceLimits.Parse(limit.Type), limit.Soft, limit.Hard);
        var notEntered = plan.NewSlot(1);
        plan.For($"change to the directory {process.Cwd}", Spec).ChangeDirectory(process.Cwd).Into(notEntered).Tolerating([Errno.EACCES]);
        BecomeUser(plan, process, options);
        // The kernel forgets this when the user changes: so after it.
        if (options.DiesWithStarter) plan.For("end with the starter").DieWithParent();
        EnterDirectory(plan, process.Cwd, notEntered);
        if (options.Init)
        {
            plan.For("start the init").BecomeInit();
            plan.For("start a session").NewSession();
        }
        if (process.Terminal) plan.For("take the terminal").SetControllingTerminal(0);
        if (process.NoNewPrivileges) LoadFilter(plan, options);
        plan.For("close descriptors").CloseOnExec(options.PreservedDescriptors);
        Execute(plan, process);
    }

    private static void BecomeUser(StagePlan plan, ProcessSpec process, LaunchOptions options)
    {
        var user = process.User ?? new UserSpec();
        var capabilities = process.Capabilities ?? new CapabilitiesSpec();
        plan.For("give up capabilities", "config.md#linux-process").DropBoundingCapabilities(CapabilitySet.FromNames(capabilities.Bounding));
        plan.KeepCapabilities(true);
        plan.For($"become user {user.Uid}:{user.Gid}", "config.md#user").SetUser(user.Uid, user.Gid, user.AdditionalGids ?? []);
        if (user.Umask is { } mask) plan.SetMask(mask);
        var permitted = CapabilitySet.FromNames(capabilities.Permitted);
        if (process.NoNewPrivileges)
        {
            plan.For("set no_new_privs", "config.md#linux-process").SetNoNewPrivileges();
        }
        else if (options.Filter.Length > 0)
        {
            // Without no_new_privs only CAP_SYS_ADMIN may load a filter: so before it is given up, and after the
            // change of the user, which took it out of the effective set.
            var admin = CapabilitySet.Of(Capability.CAP_SYS_ADMIN);
            plan.For("load the system call filter", "config-linux.md#seccomp").SetCapabilities(admin, permitted | admin, CapabilitySet.Empty);
            LoadFilter(plan, options);
        }
        plan.For("give up capabilities", "config.md#linux-process").KeepCapabilities(false);
        plan.SetCapabilities(CapabilitySet.FromNames(capabilities.Effective), permitted,
            CapabilitySet.FromNames(capabilities.Inheritable), CapabilitySet.FromNames(capabilities.Ambient));
    }

    // A directory that root may not enter (on a network file system) is entered as the user.
    private static void EnterDirectory(StagePlan plan, string directory, StageValue notEntered)
    {
        var (enter, entered) = (new StageLabel(), new StageLabel());
        plan.For($"change to the directory {directory}", Spec).GoToUnlessZero(notEntered, enter);
        plan.GoTo(entered);
        plan.Place(enter);
        plan.ChangeDirectory(directory);
        plan.Place(entered);
        plan.CheckCurrentDirectory();
    }

    private static void LoadFilter(StagePlan plan, LaunchOptions options)
    {
        if (options.Filter.Length > 0)
            plan.For("load the system call filter", "config-linux.md#seccomp").LoadFilter(options.Filter.Span, options.FilterFlags);
    }

    private static void Execute(StagePlan plan, ProcessSpec process)
    {
        if (process.Args is not { Count: > 0 } args) throw CrunException.Invalid("the process has no program", spec: Spec);
        var environment = plan.Texts(process.Env ?? []);
        var arguments = plan.Texts(args);
        var program = args[0];
        plan.For($"exec: \"{program}\"");
        if (program.Contains('/', StringComparison.Ordinal))
        {
            plan.Execute(program, arguments, environment);
            return;
        }
        var path = DefaultPath;
        foreach (var variable in process.Env ?? [])
        {
            if (variable.StartsWith("PATH=", StringComparison.Ordinal)) path = variable["PATH=".Length..];
        }
        var directories = path.Split(':');
        for (var i = 0; i < directories.Length; i++)
        {
            var step = plan.Execute($"{(directories[i].Length == 0 ? "." : directories[i])}/{program}", arguments, environment);
            if (i < directories.Length - 1) step.Tolerating([Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES, Errno.ELOOP]);
        }
    }
}
