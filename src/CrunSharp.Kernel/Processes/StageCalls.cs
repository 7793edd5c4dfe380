using System.Buffers.Binary;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Processes;

/// <summary>How a path of a plan is resolved.</summary>
public enum StageResolve
{
    /// <summary>As in a root: links stay inside; magic links of procfs are refused.</summary>
    InRoot,

    /// <summary>As in a root, and any symbolic link is refused with ELOOP.</summary>
    WithoutLinks,
}

public sealed partial class StagePlan
{
    /// <summary>The number of an event is a report's first word with the top bit set.</summary>
    internal const uint EventBit = 0x80000000;

    private const int SupervisorWait = 1;

    /// <summary>
    /// Clones: the parent reports the child's process id as event 0 and ends, the child goes on with the next step. The
    /// child is a child of the process that spawned the stage.
    /// </summary>
    /// <param name="flags">The namespaces that the child gets.</param>
    /// <param name="cgroup">The directory of the cgroup that it is born in.</param>
    public unsafe void Clone(CloneFlags flags, SafeFileHandle? cgroup)
    {
        var arguments = new clone_args { flags = (ulong)(flags | CloneFlags.CLONE_PARENT) };
        if (cgroup is not null)
        {
            arguments.flags |= (ulong)CloneFlags.CLONE_INTO_CGROUP;
            arguments.cgroup = Inherit(cgroup).Value;
        }
        var child = new StageLabel();
        var report = Data(stackalloc byte[8]);
        _data[(int)(report - Address) - DataOffset + 3] = 0x80;
        Add(NR.__NR_clone3, Structure(arguments), sizeof(clone_args)).Into32(report + 4).OnZero(child);
        Add(NR_OLD.__NR_write, Report, report, 8).Expecting(8);
        Add(NR_OLD.__NR_exit_group, 0);
        Place(child);
        FirstChildStep = Count;
        // glibc's posix_spawn leaves its two internal signals ignored; no program expects that.
        var byDefault = Reserve(32);
        for (var signal = 32; signal <= 33; signal++) Add(NR_OLD.__NR_rt_sigaction, signal, byDefault, 0, 8);
    }

    /// <summary>Reports event <paramref name="number"/> and waits until the caller lets the stage go on.</summary>
    /// <param name="number">The event, 1 to 1000.</param>
    public void Meet(int number)
    {
        var report = new byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(report, EventBit | (uint)number);
        Add(NR_OLD.__NR_write, Report, Data(report), 8).Expecting(8);
        Await();
    }

    /// <summary>Waits until the caller lets the stage go on; fails when the caller is gone.</summary>
    public void Await() => Add(NR_OLD.__NR_read, Report, Reserve(8), 1).Expecting(SupervisorWait);

    /// <summary>
    /// Leaves the one who started the stage, and waits at a listening socket for the one who lets it go on, with
    /// <see cref="StageStarter"/>. Errors of later steps are reported to that one.
    /// </summary>
    /// <param name="listener">A listening socket of packets (SOCK_SEQPACKET).</param>
    public void AwaitStarter(SafeFileHandle listener)
    {
        var (accept, gone, go) = (new StageLabel(), new StageLabel(), new StageLabel());
        Place(accept);
        Add(NR_OLD.__NR_accept4, Inherit(listener), 0, 0, SOCK.SOCK_CLOEXEC).Into32(Address + 8);
        Add(NR_OLD.__NR_read, Report, Reserve(8), 1).Tolerating([Errno.ECONNRESET], gone).OnZero(gone);
        GoTo(go);
        // A starter that was killed: the next one may come.
        Place(gone);
        Close(Report);
        GoTo(accept);
        Place(go);
    }

    /// <summary>setns: joins namespaces of a process (by its pidfd) or one namespace (by its file).</summary>
    public Step JoinNamespaces(SafeFileHandle handle, CloneFlags flags) => Add(NR_OLD.__NR_setns, Inherit(handle), (long)flags);

    /// <summary>unshare: new namespaces for this process.</summary>
    public Step Unshare(CloneFlags flags) => Add(NR_OLD.__NR_unshare, (long)flags);

    /// <summary>openat2 below a directory, into a slot.</summary>
    public unsafe Step Open(StageValue directory, string path, OpenFlags flags, StageResolve resolve, StageValue into)
    {
        var how = new open_how
        {
            flags = (ulong)(uint)(flags | OpenFlags.O_CLOEXEC),
            resolve = (ulong)(ResolveFlags.RESOLVE_NO_MAGICLINKS | ResolveFlags.RESOLVE_IN_ROOT
                | (resolve == StageResolve.WithoutLinks ? ResolveFlags.RESOLVE_NO_SYMLINKS : 0)),
        };
        return Add(NR.__NR_openat2, directory, Text(path), Structure(how), sizeof(open_how)).Into(into).RetryingAgain();
    }

    /// <summary>openat with a trusted path, into a slot.</summary>
    public Step OpenTrusted(StageValue directory, string path, OpenFlags flags, StageValue into) =>
        Add(NR_OLD.__NR_openat, directory, Text(path), (long)(flags | OpenFlags.O_CLOEXEC), 0).Into(into);

    /// <summary>close.</summary>
    public Step Close(StageValue file) => Add(NR_OLD.__NR_close, file);

    /// <summary>write of all these bytes.</summary>
    public Step Write(StageValue file, ReadOnlySpan<byte> bytes) => Add(NR_OLD.__NR_write, file, Data(bytes), bytes.Length).Expecting(bytes.Length);

    /// <summary>mkdirat.</summary>
    public Step MakeDirectory(StageValue directory, string name, uint mode) => Add(NR_OLD.__NR_mkdirat, directory, Text(name), (int)mode);

    /// <summary>fsopen, into a slot.</summary>
    public Step OpenFileSystem(string type, StageValue into) => Add(NR.__NR_fsopen, Text(type), MOUNT.FSOPEN_CLOEXEC).Into(into);

    /// <summary>fsconfig with a string, or with a flag when there is no value.</summary>
    public Step Configure(StageValue fileSystem, string key, string? value) => value is null
        ? Add(NR.__NR_fsconfig, fileSystem, MOUNT.FSCONFIG_SET_FLAG, Text(key), 0, 0)
        : Add(NR.__NR_fsconfig, fileSystem, MOUNT.FSCONFIG_SET_STRING, Text(key), Text(value), 0);

    /// <summary>fsconfig that makes the file system.</summary>
    public Step Create(StageValue fileSystem) => Add(NR.__NR_fsconfig, fileSystem, MOUNT.FSCONFIG_CMD_CREATE, 0, 0, 0);

    /// <summary>fsmount, into a slot.</summary>
    public Step Mount(StageValue fileSystem, MountAttributes attributes, StageValue into) =>
        Add(NR.__NR_fsmount, fileSystem, MOUNT.FSMOUNT_CLOEXEC, (long)attributes).Into(into);

    /// <summary>open_tree that copies the mount at an open file, into a slot.</summary>
    public Step CopyTree(StageValue file, bool recursive, StageValue into) => Add(NR.__NR_open_tree, file, Text(""),
        MOUNT.OPEN_TREE_CLONE | (int)OpenFlags.O_CLOEXEC | AT.AT_EMPTY_PATH | (recursive ? AT.AT_RECURSIVE : 0)).Into(into);

    /// <summary>open_tree that copies the mount at a trusted path, into a slot.</summary>
    public Step CopyTree(string path, bool recursive, StageValue into) => Add(NR.__NR_open_tree, AT.AT_FDCWD, Text(path),
        MOUNT.OPEN_TREE_CLONE | (int)OpenFlags.O_CLOEXEC | (recursive ? AT.AT_RECURSIVE : 0)).Into(into);

    /// <summary>mount_setattr on a mount.</summary>
    public unsafe Step SetAttributes(StageValue mount, MountAttributes set, MountAttributes clear, MountPropagation propagation, bool recursive) =>
        Add(NR.__NR_mount_setattr, mount, Text(""), AT.AT_EMPTY_PATH | (recursive ? AT.AT_RECURSIVE : 0),
            Structure(new mount_attr { attr_set = (ulong)set, attr_clr = (ulong)clear, propagation = (ulong)propagation }), sizeof(mount_attr));

    /// <summary>mount_setattr on the mount at a trusted path.</summary>
    public unsafe Step SetPropagation(string path, MountPropagation propagation, bool recursive) =>
        Add(NR.__NR_mount_setattr, AT.AT_FDCWD, Text(path), recursive ? AT.AT_RECURSIVE : 0,
            Structure(new mount_attr { propagation = (ulong)propagation }), sizeof(mount_attr));

    /// <summary>move_mount of a detached mount onto an open file.</summary>
    public Step MoveMount(StageValue mount, StageValue onto) => Add(NR.__NR_move_mount, mount, Text(""), onto, Text(""),
        MOUNT.MOVE_MOUNT_F_EMPTY_PATH | MOUNT.MOVE_MOUNT_T_EMPTY_PATH);

    /// <summary>move_mount of a detached mount onto a trusted path.</summary>
    public Step MoveMount(StageValue mount, string onto) =>
        Add(NR.__NR_move_mount, mount, Text(""), AT.AT_FDCWD, Text(onto), MOUNT.MOVE_MOUNT_F_EMPTY_PATH);

    /// <summary>Makes a mount the root directory and lets go of the old one, with up to two mounts that lie on top of it.</summary>
    public void PivotRoot(StageValue root)
    {
        var old = NewSlot();
        OpenTrusted(AT.AT_FDCWD, "/", OpenFlags.O_PATH | OpenFlags.O_DIRECTORY, old);
        Add(NR_OLD.__NR_fchdir, root);
        Add(NR_OLD.__NR_pivot_root, Text("."), Text("."));
        // The old root is on top of the new one now, where a process that joins the namespace would enter. umount takes
        // what is topmost on the current directory: first what lies on the old root, and at last that itself.
        Add(NR_OLD.__NR_fchdir, old);
        Add(NR_OLD.__NR_umount2, Text("."), UMOUNT.MNT_DETACH);
        for (var i = 0; i < 2; i++) Add(NR_OLD.__NR_umount2, Text("."), UMOUNT.MNT_DETACH).Tolerating([Errno.EINVAL]);
        Close(old);
        Add(NR_OLD.__NR_chdir, Text("/"));
    }

    /// <summary>Goes on at a label.</summary>
    public void GoTo(StageLabel label) => Add(StageCallText.Check, 0, 0, 1).Tolerating([Errno.EPERM], label);

    /// <summary>Goes on at a label if a slot is not 0.</summary>
    public void GoToUnlessZero(StageValue slot, StageLabel label) =>
        Add(StageCallText.Check, slot, -1L, 0).Tolerating([Errno.EPERM], label);

    /// <summary>A slot that has this value until a step stores its result in it.</summary>
    public StageValue NewSlot(long value) => StageValue.Slot(Structure(value));

    /// <summary>
    /// Fails unless a mount is the very top of the root directory: what lay on it would be what <c>/..</c> is, and the
    /// root of those that join the mount namespace.
    /// </summary>
    public unsafe void CheckNothingLiesOnRoot(StageValue root)
    {
        var (expected, seen) = (Reserve(sizeof(statx)), Reserve(sizeof(statx)));
        var sample = default(statx);
        var mountId = (ulong)((byte*)&sample.stx_mnt_id - (byte*)&sample);
        Add(NR_OLD.__NR_statx, root, Text(""), AT.AT_EMPTY_PATH, (long)STAT.STATX_MNT_ID, expected);
        Add(NR_OLD.__NR_statx, AT.AT_FDCWD, Text("/.."), 0, (long)STAT.STATX_MNT_ID, seen);
        Add(StageCallText.Check, StageValue.Slot(seen + mountId), -1L, StageValue.Slot(expected + mountId))
            .FailingAs(ErrorKind.Denied, "something is still mounted on the container's root directory");
    }

    /// <summary>chdir.</summary>
    public Step ChangeDirectory(string path) => Add(NR_OLD.__NR_chdir, Text(path));

    /// <summary>Fails unless the current directory lies below the root directory.</summary>
    public void CheckCurrentDirectory()
    {
        var buffer = Reserve(4096);
        Add(NR_OLD.__NR_getcwd, buffer, 4096);
        Add(StageCallText.Check, StageValue.Slot(buffer), 0xff, (int)'/')
            .FailingAs(ErrorKind.Denied, "the working directory is outside of the container");
    }

    /// <summary>Fails unless an open file lies on a file system of this type.</summary>
    /// <param name="file">The file.</param>
    /// <param name="magic">The type's number of linux/magic.h.</param>
    /// <param name="what">What a failure says.</param>
    public void CheckFileSystem(StageValue file, long magic, string what)
    {
        var buffer = Reserve(120);
        Add(NR_OLD.__NR_fstatfs, file, buffer);
        Add(StageCallText.Check, StageValue.Slot(buffer), -1L, magic).FailingAs(ErrorKind.Denied, what);
    }

    /// <summary>sethostname.</summary>
    public Step SetHostName(string name)
    {
        var address = Text(name);
        return Add(NR_OLD.__NR_sethostname, address, System.Text.Encoding.UTF8.GetByteCount(name));
    }

    /// <summary>setdomainname.</summary>
    public Step SetDomainName(string name) => Add(NR_OLD.__NR_setdomainname, Text(name), System.Text.Encoding.UTF8.GetByteCount(name));

    /// <summary>Brings up the loopback interface of this process's network namespace.</summary>
    /// <seealso href="https://man7.org/linux/man-pages/man7/netdevice.7.html"/>
    public void BringUpLoopback()
    {
        Span<byte> request = stackalloc byte[40]; // struct ifreq: a name, here of lo, and flags
        request.Clear();
        "lo"u8.CopyTo(request);
        BinaryPrimitives.WriteUInt16LittleEndian(request[(int)IFF.IFNAMSIZ..], (ushort)IFF.IFF_UP);
        var socket = NewSlot();
        Add(NR_OLD.__NR_socket, SOCK.AF_INET, SOCK.SOCK_DGRAM | SOCK.SOCK_CLOEXEC, 0).Into(socket);
        Add(NR_OLD.__NR_ioctl, socket, (long)SIO.SIOCSIFFLAGS, Data(request));
        Close(socket);
    }

    /// <summary>setsid.</summary>
    public Step NewSession() => Add(NR_OLD.__NR_setsid);

    /// <summary>Makes the terminal at a descriptor the session's.</summary>
    public Step SetControllingTerminal(StageValue terminal) => Add(NR_OLD.__NR_ioctl, terminal, (long)TIOC.TIOCSCTTY, 0);

    /// <summary>dup3 to a number, without O_CLOEXEC.</summary>
    public Step Duplicate(StageValue file, int to) => Add(NR_OLD.__NR_dup3, file, to, 0);

    /// <summary>The other end of the pseudo-terminal whose master is open, into a slot.</summary>
    public Step OpenTerminalPeer(StageValue master, StageValue into) =>
        Add(NR_OLD.__NR_ioctl, master, (long)TIOC.TIOCGPTPEER, (long)(OpenFlags.O_RDWR | OpenFlags.O_NOCTTY | OpenFlags.O_CLOEXEC)).Into(into);

    /// <summary>Unlocks the pseudo-terminal whose master is open.</summary>
    public Step UnlockTerminal(StageValue master) => Add(NR_OLD.__NR_ioctl, master, (long)TIOC.TIOCSPTLCK, Reserve(8));

    /// <summary>Sends an open file over a socket.</summary>
    public void SendDescriptor(StageValue socket, StageValue file)
    {
        // struct cmsghdr { size_t len; int level; int type; int fd; } and struct msghdr around it and one byte of data.
        Span<byte> control = stackalloc byte[24];
        BinaryPrimitives.WriteInt64LittleEndian(control, 20);
        BinaryPrimitives.WriteInt32LittleEndian(control[8..], 1); // SOL_SOCKET, SCM_RIGHTS
        BinaryPrimitives.WriteInt32LittleEndian(control[12..], 1);
        var controlAddress = Data(control);
        Span<byte> vector = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(vector, Reserve(8));
        BinaryPrimitives.WriteInt64LittleEndian(vector[8..], 1);
        Span<byte> message = stackalloc byte[56];
        BinaryPrimitives.WriteUInt64LittleEndian(message[16..], Data(vector));
        BinaryPrimitives.WriteInt64LittleEndian(message[24..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(message[32..], controlAddress);
        BinaryPrimitives.WriteInt64LittleEndian(message[40..], control.Length);
        // A copy, for the sake of its number: the result of fcntl goes into the control message.
        Add(NR_OLD.__NR_fcntl, file, AT.F_DUPFD_CLOEXEC, 3).Into32(controlAddress + 16);
        Add(NR_OLD.__NR_sendmsg, socket, Data(message), 0).Expecting(1);
    }

    /// <summary>fchown.</summary>
    public Step SetOwner(StageValue file, uint uid, uint gid) => Add(NR_OLD.__NR_fchown, file, (long)uid, (long)gid);

    /// <summary>umask.</summary>
    public Step SetMask(uint mask) => Add(NR_OLD.__NR_umask, (int)mask);

    /// <summary>prlimit.</summary>
    public Step SetResourceLimit(int resource, ulong soft, ulong hard)
    {
        Span<byte> limits = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(limits, soft);
        BinaryPrimitives.WriteUInt64LittleEndian(limits[8..], hard);
        return Add(NR_OLD.__NR_prlimit64, 0, resource, Data(limits), 0);
    }

    /// <summary>keyctl that starts a session keyring of the process's own.</summary>
    public Step NewSessionKeyring(string name) => Add(NR_OLD.__NR_keyctl, KEYCTL.KEYCTL_JOIN_SESSION_KEYRING, Text(name));

    /// <summary>Takes capabilities out of the bounding set: all that the kernel has and <paramref name="kept"/> has not.</summary>
    public void DropBoundingCapabilities(CapabilitySet kept)
    {
        var last = new StageLabel();
        for (var capability = 0; capability < 64; capability++)
        {
            // One step for each, so that the number of steps does not depend on the set.
            var isKept = (kept.Mask & (1UL << capability)) != 0;
            Add(NR_OLD.__NR_prctl, isKept ? PR.PR_CAPBSET_READ : PR.PR_CAPBSET_DROP, capability, 0, 0, 0).Tolerating([Errno.EINVAL], last);
        }
        Place(last);
    }

    /// <summary>Whether capabilities stay permitted when the process leaves user 0.</summary>
    public Step KeepCapabilities(bool keep) => Add(NR_OLD.__NR_prctl, PR.PR_SET_KEEPCAPS, keep ? 1 : 0, 0, 0, 0);

    /// <summary>capset, and the ambient set after it.</summary>
    public void SetCapabilities(CapabilitySet effective, CapabilitySet permitted, CapabilitySet inheritable, CapabilitySet ambient)
    {
        SetCapabilities(effective, permitted, inheritable);
        Add(NR_OLD.__NR_prctl, PR.PR_CAP_AMBIENT, PR.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        for (var capability = 0; capability < 64; capability++)
        {
            if ((ambient.Mask & (1UL << capability)) != 0) Add(NR_OLD.__NR_prctl, PR.PR_CAP_AMBIENT, PR.PR_CAP_AMBIENT_RAISE, capability, 0, 0).Tolerating([Errno.EPERM]);
        }
    }

    /// <summary>capset.</summary>
    public Step SetCapabilities(CapabilitySet effective, CapabilitySet permitted, CapabilitySet inheritable)
    {
        Span<byte> header = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(header, CAP._LINUX_CAPABILITY_VERSION_3);
        Span<byte> data = stackalloc byte[24];
        for (var i = 0; i < 2; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(data[(i * 12)..], (uint)(effective.Mask >> (32 * i)));
            BinaryPrimitives.WriteUInt32LittleEndian(data[(i * 12 + 4)..], (uint)(permitted.Mask >> (32 * i)));
            BinaryPrimitives.WriteUInt32LittleEndian(data[(i * 12 + 8)..], (uint)(inheritable.Mask >> (32 * i)));
        }
        return Add(NR_OLD.__NR_capset, Data(header), Data(data));
    }

    /// <summary>Hides the process from others of the same user until it executes its program.</summary>
    public Step Hide() => Add(NR_OLD.__NR_prctl, PR.PR_SET_DUMPABLE, 0, 0, 0, 0);

    /// <summary>The process is killed when the thread that started the stage ends.</summary>
    public Step DieWithParent() => Add(NR_OLD.__NR_prctl, PR.PR_SET_PDEATHSIG, 9, 0, 0, 0);

    /// <summary>execve gives no new privileges from here on.</summary>
    public Step SetNoNewPrivileges() => Add(NR_OLD.__NR_prctl, PR.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

    /// <summary>Loads a system call filter.</summary>
    /// <param name="program">The instructions, 8 bytes each.</param>
    /// <param name="flags">SECCOMP_FILTER_FLAG_….</param>
    public Step LoadFilter(ReadOnlySpan<byte> program, uint flags)
    {
        Span<byte> descriptor = stackalloc byte[16];
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor, (ushort)(program.Length / 8));
        BinaryPrimitives.WriteUInt64LittleEndian(descriptor[8..], Data(program));
        return Add(NR_OLD.__NR_seccomp, SECCOMP.SECCOMP_SET_MODE_FILTER, (long)flags, Data(descriptor));
    }

    /// <summary>Marks all descriptors from 3 on to be closed by execve, but for the first few after 2.</summary>
    public Step CloseOnExec(int preserved = 0) => Add(NR.__NR_close_range, 3 + preserved, 0xffffffffL, CLOSE_RANGE.CLOSE_RANGE_CLOEXEC);

    /// <summary>From here on the process is the child of an init that forwards signals and reaps (<c>--init</c>).</summary>
    public Step BecomeInit() => Add(StageCallText.BecomeInit);

    /// <summary>Stays as the parent of a child: gives signals on, reaps, and ends as the child does.</summary>
    internal Step Attend(int child) => Add(StageCallText.Attend, child);

    /// <summary>The name that ps shows.</summary>
    internal Step SetName(string name) => Add(NR_OLD.__NR_prctl, PR.PR_SET_NAME, Text(name), 0, 0, 0);

    /// <summary>execve.</summary>
    /// <param name="path">The program.</param>
    /// <param name="arguments">From <see cref="Texts"/>.</param>
    /// <param name="environment">From <see cref="Texts"/>.</param>
    public Step Execute(string path, ulong arguments, ulong environment) => Add(NR_OLD.__NR_execve, Text(path), arguments, environment);

    // The report descriptor's number is known when the plan is written: the header has it, at the plan's third word.
    private static StageValue Report => StageValue.Slot(Address + 8);
}
