namespace CrunSharp.Runtime.Cgroups;

/// <summary>Who makes the cgroups of containers.</summary>
public enum CgroupDriver
{
    /// <summary>This program, as directories.</summary>
    Cgroupfs,

    /// <summary>systemd, as a scope with limits of its own; this program writes what systemd does not know.</summary>
    Systemd,

    /// <summary>Nobody: a container stays in the cgroup of the one who starts it, without limits.</summary>
    Disabled,
}
