using CrunSharp.Kernel.Libc;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Rootfs;

/// <summary>The options of a mount, sorted into what the kernel takes where. Of options that contradict each other the last one counts.</summary>
/// <seealso href="https://github.com/opencontainers/runtime-spec/blob/main/config.md#linux-mount-options"/>
internal sealed class MountOptions
{
    // Options of mount(8) that are for the boot and not for the kernel.
    private static readonly string[] OfFstab =
        ["defaults", "auto", "noauto", "user", "nouser", "users", "nousers", "owner", "noowner", "group", "nogroup", "nofail", "_netdev"];

    private bool _isNoAtime, _isRelAtime, _isStrictAtime;

    /// <summary>Whether it is a bind mount.</summary>
    public bool IsBind { get; private set; }

    /// <summary>Whether a bind mount takes the mounts below its source along.</summary>
    public bool IsRecursive { get; private set; }

    /// <summary>Whether nothing new is mounted, but a mount that is there is changed.</summary>
    public bool IsRemount { get; private set; }

    /// <summary>Whether a new tmpfs gets a copy of what it hides.</summary>
    public bool CopiesUp { get; private set; }

    /// <summary>Whether its files have other owners than their file system says.</summary>
    public bool HasIdMap { get; private set; }

    /// <summary>Whether those of the mounts below it as well.</summary>
    public bool IdMapIsRecursive { get; private set; }

    /// <summary>Attributes to set on the mount.</summary>
    public MountAttributes Set { get; private set; }

    /// <summary>Attributes to clear on the mount; those of access times belong together.</summary>
    public MountAttributes Clear { get; private set; }

    /// <summary>Attributes to set on the mount and all below it.</summary>
    public MountAttributes RecursiveSet { get; private set; }

    /// <summary>Attributes to clear on the mount and all below it.</summary>
    public MountAttributes RecursiveClear { get; private set; }

    /// <summary>The propagations, each for the mount or for all below it as well, in their order.</summary>
    public List<(MountPropagation Propagation, bool IsRecursive)> Propagations { get; } = [];

    /// <summary>What every file system takes, such as <c>sync</c>.</summary>
    public List<string> OfSuperblock { get; } = [];

    /// <summary>What is for the file system itself; a null value is a flag.</summary>
    public List<KeyValuePair<string, string?>> Data { get; } = [];

    /// <summary>Sorts a mount's options.</summary>
    public static MountOptions Of(MountSpec mount)
    {
        var options = new MountOptions { IsBind = mount.Type == "bind", HasIdMap = mount.UidMappings is { Count: > 0 } };
        foreach (var option in mount.Options ?? []) options.Take(option);
        return options;
    }

    private void Take(string option)
    {
        switch (option)
        {
            case "bind":
                IsBind = true;
                break;
            case "rbind":
                IsBind = IsRecursive = true;
                break;
            case "remount":
                IsRemount = true;
                break;
            case "tmpcopyup":
                CopiesUp = true;
                break;
            case "idmap" or "ridmap":
                HasIdMap = true;
                IdMapIsRecursive = option == "ridmap";
                break;
            // Nothing (podman writes it), the kernel's log, and a mark that file systems set by themselves.
            case "" or "silent" or "loud" or "iversion" or "noiversion":
                break;
            case "sync" or "async" or "dirsync" or "lazytime" or "nolazytime" or "mand" or "nomand":
                OfSuperblock.Add(option);
                break;
            default:
                if (!Change(option) && !ChangeAccessTime(option) && !Propagate(option)) TakeData(option);
                break;
        }
    }

    private void TakeData(string option)
    {
        if (OfFstab.Contains(option) || option.StartsWith("x-", StringComparison.OrdinalIgnoreCase) || option.StartsWith("comment=", StringComparison.Ordinal)) return;
        var equals = option.IndexOf('=', StringComparison.Ordinal);
        Data.Add(equals < 0 ? new(option, null) : new(option[..equals], option[(equals + 1)..]));
    }

    private bool Change(string option)
    {
        if (AttributeOf(option) is { } simple)
        {
            (Set, Clear) = simple.IsSet ? (Set | simple.Attribute, Clear & ~simple.Attribute) : (Set & ~simple.Attribute, Clear | simple.Attribute);
            return true;
        }
        if (!option.StartsWith('r') || AttributeOf(option[1..]) is not { } recursive) return ChangeAccessTimeBelow(option);
        (RecursiveSet, RecursiveClear) = recursive.IsSet
            ? (RecursiveSet | recursive.Attribute, RecursiveClear & ~recursive.Attribute)
            : (RecursiveSet & ~recursive.Attribute, RecursiveClear | recursive.Attribute);
        return true;
    }

    private static (MountAttributes Attribute, bool IsSet)? AttributeOf(string option) => option switch
    {
        "ro" => (MountAttributes.MOUNT_ATTR_RDONLY, true),
        "rw" => (MountAttributes.MOUNT_ATTR_RDONLY, false),
        "nosuid" => (MountAttributes.MOUNT_ATTR_NOSUID, true),
        "suid" => (MountAttributes.MOUNT_ATTR_NOSUID, false),
        "nodev" => (MountAttributes.MOUNT_ATTR_NODEV, true),
        "dev" => (MountAttributes.MOUNT_ATTR_NODEV, false),
        "noexec" => (MountAttributes.MOUNT_ATTR_NOEXEC, true),
        "exec" => (MountAttributes.MOUNT_ATTR_NOEXEC, false),
        "nodiratime" => (MountAttributes.MOUNT_ATTR_NODIRATIME, true),
        "diratime" => (MountAttributes.MOUNT_ATTR_NODIRATIME, false),
        "nosymfollow" => (MountAttributes.MOUNT_ATTR_NOSYMFOLLOW, true),
        "symfollow" => (MountAttributes.MOUNT_ATTR_NOSYMFOLLOW, false),
        _ => null,
    };

    // The flags of mount(2) are three independent ones, of which strictatime wins over noatime, and relatime is what is
    // left; the attribute of mount_setattr(2) is one of three, and is only given as a whole.
    private bool ChangeAccessTime(string option)
    {
        switch (option)
        {
            case "noatime" or "atime":
                _isNoAtime = option == "noatime";
                if (_isNoAtime) _isRelAtime = _isStrictAtime = false;
                break;
            case "relatime" or "norelatime":
                _isRelAtime = option == "relatime";
                if (_isRelAtime) _isNoAtime = _isStrictAtime = false;
                break;
            case "strictatime" or "nostrictatime":
                _isStrictAtime = option == "strictatime";
                if (_isStrictAtime) _isNoAtime = _isRelAtime = false;
                break;
            default:
                return false;
        }
        Set = Set & ~MountAttributes.MOUNT_ATTR__ATIME
            | (_isStrictAtime ? MountAttributes.MOUNT_ATTR_STRICTATIME : _isNoAtime ? MountAttributes.MOUNT_ATTR_NOATIME : 0);
        Clear |= MountAttributes.MOUNT_ATTR__ATIME;
        return true;
    }

    private bool ChangeAccessTimeBelow(string option)
    {
        MountAttributes? attribute = option switch
        {
            "rnoatime" => MountAttributes.MOUNT_ATTR_NOATIME,
            "rstrictatime" => MountAttributes.MOUNT_ATTR_STRICTATIME,
            "rrelatime" or "ratime" or "rnorelatime" or "rnostrictatime" => MountAttributes.None,
            _ => null,
        };
        if (attribute is not { } set) return false;
        RecursiveSet = RecursiveSet & ~MountAttributes.MOUNT_ATTR__ATIME | set;
        RecursiveClear |= MountAttributes.MOUNT_ATTR__ATIME;
        return true;
    }

    private bool Propagate(string option)
    {
        var recursive = option.Length > 1 && option[0] == 'r';
        var propagation = PropagationOf(recursive ? option[1..] : option);
        if (propagation == MountPropagation.None) return false;
        Propagations.Add((propagation, recursive));
        return true;
    }

    /// <summary>The propagation that a word without its <c>r</c> stands for.</summary>
    public static MountPropagation PropagationOf(string word) => word switch
    {
        "private" => MountPropagation.MS_PRIVATE,
        "slave" => MountPropagation.MS_SLAVE,
        "shared" => MountPropagation.MS_SHARED,
        "unbindable" => MountPropagation.MS_UNBINDABLE,
        _ => MountPropagation.None,
    };
}
