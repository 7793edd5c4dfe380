namespace CrunSharp.Kernel.Libc;

[CHeader("linux/nsfs.h")]
internal static class NSFS
{
    public const uint NS_GET_NSTYPE = 0xb703;
}

[CHeader("linux/sched/types.h", "struct sched_attr")]
internal struct sched_attr
{
    public uint size;
    public uint sched_policy;
    public ulong sched_flags;
    public int sched_nice;
    public uint sched_priority;
    public ulong sched_runtime;
    public ulong sched_deadline;
    public ulong sched_period;
    public uint sched_util_min;
    public uint sched_util_max;
}

[CHeader("linux/ioprio.h")]
internal static class IOPRIO
{
    public const int IOPRIO_WHO_PGRP = 2;
    public const int IOPRIO_CLASS_SHIFT = 13;
}
