using System.Buffers.Binary;
using CrunSharp.Kernel.Libc;

namespace CrunSharp.Kernel.Processes;

public sealed partial class StagePlan
{
    /// <summary>
    /// Loads a system call filter that has a listener, reports its descriptor as the value of event
    /// <paramref name="number"/>, and waits until the caller, who has taken it, lets the stage go on.
    /// </summary>
    /// <param name="program">The instructions, 8 bytes each.</param>
    /// <param name="flags">SECCOMP_FILTER_FLAG_…, with that for a listener.</param>
    /// <param name="number">The event, 1 to 1000.</param>
    public void LoadFilterAndMeet(ReadOnlySpan<byte> program, uint flags, int number)
    {
        var report = new byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(report, EventBit | (uint)number);
        var address = Data(report);
        LoadFilter(program, flags).Into32(address + 4);
        Add(NR_OLD.__NR_write, Report, address, 8).Expecting(8);
        Await();
    }

    /// <summary>chroot to the current directory.</summary>
    public Step ChangeRoot() => Add(NR_OLD.__NR_chroot, Text("."));

    /// <summary>fchdir.</summary>
    public Step EnterDirectory(StageValue directory) => Add(NR_OLD.__NR_fchdir, directory);

    /// <summary>setns with a file that a slot holds.</summary>
    public Step JoinNamespaces(StageValue file, CloneFlags flags) => Add(NR_OLD.__NR_setns, file, (long)flags);

    /// <summary>setgroups without any.</summary>
    public Step ClearGroups() => Add(NR_OLD.__NR_setgroups, 0, 0);

    /// <summary>setresgid.</summary>
    public Step SetGroup(uint gid) => Add(NR_OLD.__NR_setresgid, (long)gid, (long)gid, (long)gid);

    /// <summary>setresuid.</summary>
    public Step SetUserId(uint uid) => Add(NR_OLD.__NR_setresuid, (long)uid, (long)uid, (long)uid);

    /// <summary>setgroups.</summary>
    public Step SetGroups(IReadOnlyList<uint> groups)
    {
        var list = new byte[groups.Count * 4];
        for (var i = 0; i < groups.Count; i++) BinaryPrimitives.WriteUInt32LittleEndian(list.AsSpan(i * 4), groups[i]);
        return Add(NR_OLD.__NR_setgroups, groups.Count, Data(list));
    }

    /// <summary>sched_setattr of this process.</summary>
    /// <param name="policy">SCHED_….</param>
    /// <param name="flags">SCHED_FLAG_….</param>
    /// <param name="nice">The nice value, for SCHED_OTHER and SCHED_BATCH.</param>
    /// <param name="priority">The static priority, for SCHED_FIFO and SCHED_RR.</param>
    /// <param name="runtime">For SCHED_DEADLINE, as the next two: nanoseconds.</param>
    /// <param name="deadline">Nanoseconds.</param>
    /// <param name="period">Nanoseconds.</param>
    public unsafe Step SetScheduler(uint policy, ulong flags, int nice, uint priority, ulong runtime, ulong deadline, ulong period) =>
        Add(NR_OLD.__NR_sched_setattr, 0, Structure(new sched_attr
        {
            size = (uint)sizeof(sched_attr),
            sched_policy = policy,
            sched_flags = flags,
            sched_nice = nice,
            sched_priority = priority,
            sched_runtime = runtime,
            sched_deadline = deadline,
            sched_period = period,
        }), 0);

    /// <summary>ioprio_set of this process's group.</summary>
    /// <param name="class">1 real-time, 2 best effort, 3 idle.</param>
    /// <param name="priority">0 (highest) to 7.</param>
    public Step SetIoPriority(int @class, int priority) =>
        Add(NR_OLD.__NR_ioprio_set, IOPRIO.IOPRIO_WHO_PGRP, 0, (@class << IOPRIO.IOPRIO_CLASS_SHIFT) | priority);

    /// <summary>sched_setaffinity of this process.</summary>
    /// <param name="mask">Bit n is CPU n; a multiple of 8 bytes.</param>
    public Step SetAffinity(ReadOnlySpan<byte> mask) => Add(NR_OLD.__NR_sched_setaffinity, 0, mask.Length, Data(mask));

    /// <summary>set_mempolicy of this process.</summary>
    /// <param name="mode">MPOL_… with MPOL_F_….</param>
    /// <param name="nodes">Bit n is node n; a multiple of 8 bytes; may be empty.</param>
    public Step SetMemoryPolicy(int mode, ReadOnlySpan<byte> nodes) => nodes.IsEmpty
        ? Add(NR_OLD.__NR_set_mempolicy, mode, 0, 0)
        : Add(NR_OLD.__NR_set_mempolicy, mode, Data(nodes), nodes.Length * 8 + 1);

    /// <summary>personality.</summary>
    /// <param name="domain">PER_….</param>
    public Step SetPersonality(uint domain) => Add(NR_OLD.__NR_personality, (long)domain);

    /// <summary>
    /// Fails as executing a program would, unless one of these paths is a file that can be executed. The error is that of
    /// the last path, or EACCES when there is a file that cannot be executed.
    /// </summary>
    /// <param name="paths">Where the program may be.</param>
    public void CheckExecutable(IReadOnlyList<string> paths)
    {
        var found = new StageLabel();
        for (var i = 0; i < paths.Count; i++)
        {
            var (isLast, next) = (i == paths.Count - 1, new StageLabel());
            var (status, sample) = (Reserve(256), default(statx));
            var step = Add(NR_OLD.__NR_statx, AT.AT_FDCWD, Text(paths[i]), 0, (long)STAT.STATX_BASIC_STATS, status);
            if (!isLast) step.Tolerating([Oci.Errno.ENOENT, Oci.Errno.ENOTDIR, Oci.Errno.EACCES, Oci.Errno.ELOOP], next);
            var mode = status + ModeOffset(sample);
            // A directory and a file that nobody may execute: EACCES at the end.
            var check = Add(StageCallText.Check, StageValue.Slot(mode), (long)STAT.S_IFMT, (long)STAT.S_IFREG);
            if (isLast) check.FailingWith(Oci.Errno.EACCES);
            else check.Tolerating([Oci.Errno.EPERM], next);
            var access = Add(NR.__NR_faccessat2, AT.AT_FDCWD, Text(paths[i]), 1, AT.AT_EACCESS).OnZero(found);
            if (!isLast) access.Tolerating([Oci.Errno.EACCES, Oci.Errno.ENOENT], next);
            Place(next);
        }
        Place(found);

        static unsafe ulong ModeOffset(in statx s)
        {
            fixed (statx* start = &s) return (ulong)((byte*)&start->stx_mode - (byte*)start);
        }
    }
}
