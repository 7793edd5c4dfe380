using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Rootfs;

namespace CrunSharp.Runtime.Init;

/// <summary>
/// The steps of a container's first process, from clone to exec, as a plan for the stage. The order is the
/// specification's and security's: mounts, the new root, masks, kernel parameters, and then the process gives up what
/// it must not have, the system call filter last.
/// </summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/runtime.md#lifecycle"/>
internal static class InitPlan
{
    /// <summary>The event at which a container waits, with everything done but what its process gives up.</summary>
    public const int Ready = 1;

    /// <summary>Writes the plan of a container.</summary>
    /// <param name="spec">The container.</param>
    /// <param name="rootfs">Its prepared root file system.</param>
    /// <param name="namespaces">Its namespaces.</param>
    /// <param name="options">What the specification does not say.</param>
    public static StagePlan Write(RuntimeSpec spec, ContainerRootfs rootfs, ContainerNamespaces namespaces, LaunchOptions options)
    {
        var plan = new StagePlan();
        var linux = spec.Linux ?? new LinuxSpec();
        RequireNames(spec, namespaces);
        if (spec.Process is { } ahead) ProcessSteps.BeforeClone(plan, ahead);
        namespaces.Enter(plan, options);
        if (options.Points.HasFlag(LaunchPoints.NamespacesMade)) plan.For("wait at the new namespaces").Meet((int)LaunchPoints.NamespacesMade);
        if (namespaces.New.HasFlag(CloneFlags.CLONE_NEWCGROUP)) plan.For("make the cgroup namespace").Unshare(CloneFlags.CLONE_NEWCGROUP);
        plan.For("start a session");
        if (!options.Init) plan.NewSession();
        if (spec.Hostname is { Length: > 0 } name) plan.For($"set the host name to {name}").SetHostName(name);
        if (spec.Domainname is { Length: > 0 } domain) plan.For($"set the domain name to {domain}").SetDomainName(domain);
        var procfs = KernelParameters.NeedsProcfs(spec) ? KernelParameters.OpenProcfs(plan) : default;
        EnterRootfs(plan, spec, linux, rootfs, namespaces, options);
        KernelParameters.Write(plan, linux, namespaces, procfs);
        if (spec.Process is { } process) ProcessSteps.BeforeStart(plan, process, linux, options, procfs);
        if (KernelParameters.NeedsProcfs(spec)) plan.Close(procfs);
        plan.For("wait for the start").Meet(Ready);
        if (options.StartSocket is { } socket) plan.AwaitStarter(socket);
        options.FirstStartStep = plan.Count;
        if (spec.Process is not null) ProcessSteps.Write(plan, spec.Process, options);
        // It may be created, and can only be deleted then.
        else if (options.StartSocket is null) throw CrunException.Invalid("the container has no process", spec: "config.md#process");
        return plan;
    }

    private static void RequireNames(RuntimeSpec spec, ContainerNamespaces namespaces)
    {
        if (namespaces.Own.HasFlag(CloneFlags.CLONE_NEWUTS)) return;
        if (!string.IsNullOrEmpty(spec.Hostname)) throw CrunException.Invalid("a host name needs a UTS namespace of the container's own", spec: "config.md#hostname");
        if (!string.IsNullOrEmpty(spec.Domainname)) throw CrunException.Invalid("a domain name needs a UTS namespace of the container's own", spec: "config.md#domainname");
    }

    private static void EnterRootfs(StagePlan plan, RuntimeSpec spec, LinuxSpec linux, ContainerRootfs rootfs, ContainerNamespaces namespaces, LaunchOptions options)
    {
        var root = plan.Inherit(rootfs.Root);
        var hasNamespace = namespaces.Own.HasFlag(CloneFlags.CLONE_NEWNS);
        if (hasNamespace) MountSteps.Separate(plan, linux);
        if (hasNamespace || RootDirectory.IsMountedOnHost(spec)) MountSteps.Attach(plan, rootfs, root, options.RootPath);
        if (options.Points.HasFlag(LaunchPoints.MountsMade)) plan.For("wait at the mounts").Meet((int)LaunchPoints.MountsMade);
        // After the wait: it hides the host's /proc.
        MountSteps.Protect(plan, spec, linux, root);
        if (hasNamespace)
        {
            MountSteps.Enter(plan, linux, rootfs, root, options);
            return;
        }
        plan.For("change the root directory", "config.md#root").EnterDirectory(root);
        plan.ChangeRoot();
        plan.ChangeDirectory("/");
    }
}
