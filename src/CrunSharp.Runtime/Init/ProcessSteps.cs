using System.Globalization;
using CrunSharp.Kernel.Libc;
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
    /// <summary>The event at which a filter's listener can be taken; its value is the descriptor.</summary>
    public const int Listener = 16;

    private const string Spec = "config.md#process";
    private const uint UsualMask = 0x12; // 022
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>
    /// Adds the steps that need the rights and the file system of the host. What they set is inherited by the clone.
    /// </summary>
    /// <exception cref="CrunException">The process names a limit that does not exist.</exception>
    public static void BeforeClone(StagePlan plan, ProcessSpec process)
    {
        if (process.OomScoreAdj is { } score)
        {
            var file = plan.NewSlot();
            plan.For($"set oom_score_adj to {score}", "config.md#linux-process").OpenTrusted(-100, "/proc/self/oom_score_adj", OpenFlags.O_WRONLY, file);
            plan.Write(file, System.Text.Encoding.ASCII.GetBytes(score.ToString(System.Globalization.CultureInfo.InvariantCulture)));
            plan.Close(file);
        }
        foreach (var limit in process.Rlimits ?? [])
        {
            // Raising a limit needs rights that a user namespace does not give; and what fails should fail at once.
            var (resource, now) = (ResourceLimits.Parse(limit.Type), ResourceLimits.OfThisProcess(ResourceLimits.Parse(limit.Type)));
            if (limit.Hard > now.Hard) plan.For($"raise {limit.Type}", "config.md#posix-process").SetResourceLimit((int)resource, Math.Min(now.Soft, limit.Hard), limit.Hard);
        }
    }

    /// <summary>Adds the steps after which the process waits for its start.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="process">The process.</param>
    /// <param name="linux">The container; null for a process that joins it.</param>
    /// <param name="options">What the specification does not say.</param>
    /// <param name="procfs">Where the kernel is told labels.</param>
    /// <exception cref="CrunException">This kernel cannot do what is asked for.</exception>
    public static void BeforeStart(StagePlan plan, ProcessSpec process, LinuxSpec? linux, LaunchOptions options, StageValue procfs)
    {
        Scheduling.Write(plan, process, linux);
        SecurityLabels.Require(process);
        SecurityLabels.Write(plan, process, procfs);
        if (process.Args is not { Count: > 0 } args) throw CrunException.Invalid("the process has no program", spec: Spec);
        plan.For($"exec: \"{args[0]}\"").CheckExecutable(PathsOf(process));
    }

    /// <summary>Adds the steps from the start on. Their number depends on nothing but the arguments.</summary>
    /// <exception cref="CrunException">The process has no program, or names a limit that does not exist.</exception>
    public static void Write(StagePlan plan, ProcessSpec process, LaunchOptions options)
    {
        if (options.NewKeyring)
        {
            plan.For("start a session keyring").NewSessionKeyring("_ses.crun-sharp")
                .Tolerating([Errno.ENOSYS, Errno.EPERM, Errno.EDQUOT]);
        }
        foreach (var limit in process.Rlimits ?? [])
            plan.For($"limit {limit.Type}", "config.md#posix-process").SetResourceLimit((int)ResourceLimits.Parse(limit.Type), limit.Soft, limit.Hard);
        // What needs no rights comes before the filter, which may refuse it.
        plan.For("close descriptors").CloseOnExec(options.PreservedDescriptors);
        var notEntered = EnterDirectory(plan, process.Cwd);
        BecomeUser(plan, process, options);
        // The kernel forgets this when the user changes: so after it.
        if (options.DiesWithStarter) plan.For("end with the starter").DieWithParent();
        EnterDirectoryAsUser(plan, process.Cwd, notEntered);
        if (options.Init)
        {
            plan.For("start the init").BecomeInit();
            plan.For("start a session").NewSession();
        }
        if (process.Terminal) plan.For("take the terminal").SetControllingTerminal(0);
        if (process.NoNewPrivileges) LoadFilter(plan, options);
        Execute(plan, process);
    }

    private static void BecomeUser(StagePlan plan, ProcessSpec process, LaunchOptions options)
    {
        var user = process.User ?? new UserSpec();
        var sets = GrantedCapabilities.Of(process.Capabilities ?? new CapabilitiesSpec(), options);
        plan.For("give up capabilities", "config.md#linux-process").DropBoundingCapabilities(sets.Bounding);
        plan.KeepCapabilities(true);
        plan.For($"become user {user.Uid.ToString(CultureInfo.InvariantCulture)}:{user.Gid.ToString(CultureInfo.InvariantCulture)}", "config.md#user");
        if (!options.KeepGroups)
        {
            var groups = plan.SetGroups(user.AdditionalGids ?? []);
            // In a user namespace that denies it, the container's or ours, nobody has groups but those that he came with.
            var isOwnOnly = user.AdditionalGids is null or [] || (user.AdditionalGids is [var only] && only == user.Gid);
            if (isOwnOnly && (options.HasUserNamespace || UserNamespaces.DenyGroups())) groups.Tolerating([Errno.EPERM]);
        }
        plan.SetGroup(user.Gid);
        plan.SetUserId(user.Uid);
        plan.SetMask(user.Umask ?? UsualMask);
        if (process.NoNewPrivileges)
        {
            plan.For("set no_new_privs", "config.md#linux-process").SetNoNewPrivileges();
        }
        else if (options.Filter.Length > 0)
        {
            // Without no_new_privs only CAP_SYS_ADMIN may load a filter: so before it is given up, and after the
            // change of the user, which took it out of the effective set.
            var admin = CapabilitySet.Of(Capability.CAP_SYS_ADMIN);
            plan.For("load the system call filter", "config-linux.md#seccomp").SetCapabilities(admin, sets.Permitted | admin, CapabilitySet.Empty);
            LoadFilter(plan, options);
        }
        plan.For("give up capabilities", "config.md#linux-process").KeepCapabilities(false);
        plan.SetCapabilities(sets.Effective, sets.Permitted, sets.Inheritable, sets.Ambient);
    }

    /// <returns>Whether it could not be entered: 0 when it was.</returns>
    private static StageValue EnterDirectory(StagePlan plan, string directory)
    {
        var notEntered = plan.NewSlot(1);
        var end = new StageLabel();
        plan.For($"change to the directory {directory}", Spec).ChangeDirectory(directory).Into(notEntered).Tolerating([Errno.EACCES]);
        plan.GoToUnlessZero(notEntered, end);
        plan.CheckCurrentDirectory();
        plan.Place(end);
        return notEntered;
    }

    // A directory that root may not enter (on a network file system) is entered as the user.
    private static void EnterDirectoryAsUser(StagePlan plan, string directory, StageValue notEntered)
    {
        var (enter, entered) = (new StageLabel(), new StageLabel());
        plan.For($"change to the directory {directory}", Spec).GoToUnlessZero(notEntered, enter);
        plan.GoTo(entered);
        plan.Place(enter);
        plan.ChangeDirectory(directory);
        plan.CheckCurrentDirectory();
        plan.Place(entered);
    }

    private static void LoadFilter(StagePlan plan, LaunchOptions options)
    {
        if (options.Filter.Length == 0) return;
        plan.For("load the system call filter", "config-linux.md#seccomp");
        if (((SeccompFilterFlags)options.FilterFlags).HasFlag(SeccompFilterFlags.SECCOMP_FILTER_FLAG_NEW_LISTENER))
            plan.LoadFilterAndMeet(options.Filter.Span, options.FilterFlags, Listener);
        else
            plan.LoadFilter(options.Filter.Span, options.FilterFlags);
    }

    private static void Execute(StagePlan plan, ProcessSpec process)
    {
        if (process.Args is not { Count: > 0 } args) throw CrunException.Invalid("the process has no program", spec: Spec);
        var environment = plan.Texts(process.Env ?? []);
        var arguments = plan.Texts(args);
        plan.For($"exec: \"{args[0]}\"");
        var paths = PathsOf(process);
        for (var i = 0; i < paths.Count; i++)
        {
            var step = plan.Execute(paths[i], arguments, environment);
            if (i < paths.Count - 1) step.Tolerating([Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES, Errno.ELOOP]);
        }
    }

    // As execvp, with the PATH of the process.
    private static IReadOnlyList<string> PathsOf(ProcessSpec process)
    {
        var program = process.Args![0];
        // Relative to the directory that the process starts in.
        if (program.Contains('/', StringComparison.Ordinal)) return [program.StartsWith('/') ? program : $"{process.Cwd}/{program}"];
        if (program.Length == 0) return [""];
        var path = DefaultPath;
        foreach (var variable in process.Env ?? [])
        {
            if (variable.StartsWith("PATH=", StringComparison.Ordinal)) path = variable["PATH=".Length..];
        }
        return [.. path.Split(':').Select(directory => directory.StartsWith('/') ? $"{directory}/{program}" : $"{process.Cwd}/{directory}/{program}")];
    }
}
