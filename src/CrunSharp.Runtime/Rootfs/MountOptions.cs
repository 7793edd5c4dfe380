using CrunSharp.Kernel.Libc;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Rootfs;

/// <summary>The options of a mount, sorted into what the kernel takes where.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config.md#linux-mount-options"/>
internal sealed class MountOptions
{
    private const MountAttributes Atime = MountAttributes.MOUNT_ATTR__ATIME;

    /// <summary>Whether it is a bind mount.</summary>
    public bool IsBind { get; private set; }

    /// <summary>Whether a bind mount takes the mounts below its source along.</summary>
    public bool IsRecursive { get; private set; }

    /// <summary>Whether a new tmpfs gets a copy of what it hides.</summary>
    public bool CopiesUp { get; private set; }

    /// <summary>Attributes to set on the mount.</summary>
    public MountAttributes Set { get; private set; }

    /// <summary>Attributes to clear on the mount.</summary>
    public MountAttributes Clear { get; private set; }

    /// <summary>Attributes to set on the mount and all below it.</summary>
    public MountAttributes RecursiveSet { get; private set; }

    /// <summary>Attributes to clear on the mount and all below it.</summary>
    public MountAttributes RecursiveClear { get; private set; }

    /// <summary>The propagation.</summary>
    public MountPropagation Propagation { get; private set; }

    /// <summary>Whether it is for all mounts below as well.</summary>
    public bool PropagationIsRecursive { get; private set; }

    /// <summary>What is for the file system itself; a null value is a flag.</summary>
    public List<KeyValuePair<string, string?>> Data { get; } = [];

    /// <summary>Sorts a mount's options.</summary>
    public static MountOptions Of(MountSpec mount)
    {
        var options = new MountOptions { IsBind = mount.Type == "bind" };
        foreach (var option in mount.Options ?? []) options.Take(option);
        return options;
    }

    private void Take(string option)
    {
        switch (option)
        {
            case "defaults" or "async" or "dev" or "suid" or "exec" or "rw" or "diratime" or "symfollow" or "norelatime" or "nostrictatime":
                Change(option);
                break;
            case "bind":
                IsBind = true;
                break;
            case "rbind":
                IsBind = IsRecursive = true;
                break;
            case "tmpcopyup":
                CopiesUp = true;
                break;
            default:
                if (!Change(option) && !Propagate(option)) TakeData(option);
                break;
        }
    }

    private void TakeData(string option)
    {
        var equals = option.IndexOf('=', StringComparison.Ordinal);
        Data.Add(equals < 0 ? new(option, null) : new(option[..equals], option[(equals + 1)..]));
    }

    private bool Change(string option)
    {
        if (AttributeOf(option) is { } simple)
        {
            Set = Set & ~simple.Clear & ~simple.Set | simple.Set;
            Clear |= simple.Clear;
            return true;
        }
        if (option.StartsWith('r') && AttributeOf(option[1..]) is { } recursive && option is not "relatime")
        {
            RecursiveSet = RecursiveSet & ~recursive.Clear | recursive.Set;
            RecursiveClear |= recursive.Clear;
            return true;
        }
        return option is "defaults" or "async";
    }

    private static (MountAttributes Set, MountAttributes Clear)? AttributeOf(string option) => option switch
    {
        "ro" => (MountAttributes.MOUNT_ATTR_RDONLY, 0),
        "rw" => (0, MountAttributes.MOUNT_ATTR_RDONLY),
        "nosuid" => (MountAttributes.MOUNT_ATTR_NOSUID, 0),
        "suid" => (0, MountAttributes.MOUNT_ATTR_NOSUID),
        "nodev" => (MountAttributes.MOUNT_ATTR_NODEV, 0),
        "dev" => (0, MountAttributes.MOUNT_ATTR_NODEV),
        "noexec" => (MountAttributes.MOUNT_ATTR_NOEXEC, 0),
        "exec" => (0, MountAttributes.MOUNT_ATTR_NOEXEC),
        "noatime" => (MountAttributes.MOUNT_ATTR_NOATIME, Atime),
        "atime" or "norelatime" or "nostrictatime" or "relatime" => (0, Atime),
        "strictatime" => (MountAttributes.MOUNT_ATTR_STRICTATIME, Atime),
        "nodiratime" => (MountAttributes.MOUNT_ATTR_NODIRATIME, 0),
        "diratime" => (0, MountAttributes.MOUNT_ATTR_NODIRATIME),
        "nosymfollow" => (MountAttributes.MOUNT_ATTR_NOSYMFOLLOW, 0),
        "symfollow" => (0, MountAttributes.MOUNT_ATTR_NOSYMFOLLOW),
        _ => null,
    };

    private bool Propagate(string option)
    {
        var recursive = option.Length > 1 && option[0] == 'r';
        var propagation = (recursive ? option[1..] : option) switch
        {
            "private" => MountPropagation.MS_PRIVATE,
            "slave" => MountPropagation.MS_SLAVE,
            "shared" => MountPropagation.MS_SHARED,
            "unbindable" => MountPropagation.MS_UNBINDABLE,
            _ => MountPropagation.None,
        };
        if (propagation == MountPropagation.None) return false;
        (Propagation, PropagationIsRecursive) = (propagation, recursive);
        return true;
    }
}
