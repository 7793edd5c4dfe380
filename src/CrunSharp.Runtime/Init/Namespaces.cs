using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Init;

/// <summary>The namespaces of a container: which it makes and which it joins.</summary>
internal static class Namespaces
{
    private const string Spec = "config-linux.md#namespaces";

    /// <summary>Joins, clones and says which namespaces are new.</summary>
    public static CloneFlags Enter(StagePlan plan, LinuxSpec linux, LaunchOptions options)
    {
        CloneFlags made = 0;
        foreach (var ns in linux.Namespaces ?? [])
        {
            var flag = FlagOf(ns.Type);
            if (ns.Path is null)
            {
                made |= flag;
                continue;
            }
            var file = FileAt.Open(null, ns.Path, OpenFlags.O_RDONLY);
            options.Owned.Add(file);
            plan.For($"join the {ns.Type} namespace {ns.Path}", Spec).JoinNamespaces(file, flag);
        }
        // clone3 would root the cgroup namespace at our cgroup: the child makes its own once it is in its cgroup.
        plan.For("make the namespaces", Spec).Clone(made & ~CloneFlags.CLONE_NEWCGROUP, options.Cgroup);
        return made;
    }

    private static CloneFlags FlagOf(string type) => type switch
    {
        "pid" => CloneFlags.CLONE_NEWPID,
        "network" => CloneFlags.CLONE_NEWNET,
        "mount" => CloneFlags.CLONE_NEWNS,
        "ipc" => CloneFlags.CLONE_NEWIPC,
        "uts" => CloneFlags.CLONE_NEWUTS,
        "user" => CloneFlags.CLONE_NEWUSER,
        "cgroup" => CloneFlags.CLONE_NEWCGROUP,
        "time" => CloneFlags.CLONE_NEWTIME,
        _ => throw CrunException.Invalid($"unknown namespace type \"{type}\"", spec: Spec),
    };
}
