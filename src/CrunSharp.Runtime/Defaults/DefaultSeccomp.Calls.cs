using CrunSharp.Kernel.Processes;

namespace CrunSharp.Runtime.Defaults;

/// <content>
/// The table: every system call of x86-64, i386, x32, arm64 and arm up to Linux 6.18 is in exactly one of its lists, or
/// among those with conditions in <see cref="For"/>.
/// </content>
public static partial class DefaultSeccomp
{
    // By subject, so that a new call is put beside its older forms.
    private const string Allowed = """
        open openat openat2 creat close close_range read readv pread64 preadv preadv2 write writev pwrite64 pwritev
        pwritev2 lseek _llseek sendfile sendfile64 copy_file_range splice tee vmsplice dup dup2 dup3 fcntl fcntl64
        ioctl flock pipe pipe2 select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64
        epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2
        eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_gettime timerfd_gettime64
        timerfd_settime timerfd_settime64 inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark
        io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64

        access faccessat faccessat2 stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx statfs
        statfs64 fstatfs fstatfs64 statmount listmount file_getattr file_setattr readlink readlinkat readdir getdents
        getdents64 getcwd chdir fchdir mkdir mkdirat rmdir mknod mknodat link linkat symlink symlinkat unlink unlinkat
        rename renameat renameat2 chmod fchmod fchmodat fchmodat2 chown chown32 lchown lchown32 fchown fchown32
        fchownat utime utimes futimesat utimensat utimensat_time64 truncate truncate64 ftruncate ftruncate64 umask
        setxattr lsetxattr fsetxattr setxattrat getxattr lgetxattr fgetxattr getxattrat listxattr llistxattr
        flistxattr listxattrat removexattr lremovexattr fremovexattr removexattrat name_to_handle_at
        sync syncfs fsync fdatasync sync_file_range arm_sync_file_range fallocate fadvise64
        fadvise64_64 arm_fadvise64_64 readahead cachestat

        brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock munlockall mseal
        remap_file_pages membarrier memfd_create memfd_secret pkey_alloc pkey_free pkey_mprotect map_shadow_stack
        process_mrelease shmget shmat shmctl shmdt semget semop semctl semtimedop semtimedop_time64 msgget msgsnd
        msgrcv msgctl ipc mq_open mq_unlink mq_notify mq_getsetattr mq_timedsend mq_timedsend_time64 mq_timedreceive
        mq_timedreceive_time64

        fork vfork execve execveat exit exit_group wait4 waitid waitpid kill tkill tgkill getpid getppid gettid getpgid
        getpgrp setpgid getsid setsid getrusage getpriority setpriority ioprio_get ioprio_set pidfd_open
        pidfd_send_signal ptrace process_vm_readv process_vm_writev set_tid_address set_robust_list get_robust_list
        set_thread_area get_thread_area set_tls get_tls arch_prctl modify_ldt cacheflush breakpoint rseq futex
        futex_time64 futex_wait futex_waitv futex_wake futex_requeue uretprobe uprobe restart_syscall pause getcpu
        sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam
        sched_getscheduler sched_setscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval
        sched_rr_get_interval_time64 getrlimit ugetrlimit setrlimit prlimit64 prctl seccomp landlock_create_ruleset
        landlock_add_rule landlock_restrict_self lsm_get_self_attr lsm_list_modules
        sigaction rt_sigaction signal sigpending rt_sigpending sigprocmask rt_sigprocmask sigsuspend rt_sigsuspend
        sigreturn rt_sigreturn rt_sigqueueinfo rt_tgsigqueueinfo rt_sigtimedwait rt_sigtimedwait_time64 sigaltstack

        getuid getuid32 geteuid geteuid32 getresuid getresuid32 setuid setuid32 setreuid setreuid32 setresuid
        setresuid32 setfsuid setfsuid32 getgid getgid32 getegid getegid32 getresgid getresgid32 setgid setgid32
        setregid setregid32 setresgid setresgid32 setfsgid setfsgid32 getgroups getgroups32 setgroups setgroups32
        capget capset

        time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_adjtime clock_adjtime64
        adjtimex nanosleep clock_nanosleep clock_nanosleep_time64 alarm getitimer setitimer times timer_create
        timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
        uname sysinfo getrandom

        socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt send
        sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 socketcall
        """;

    // Of no use in a container without more rights, with a history of holes, or acting on the whole host.
    private const string Refused = """
        io_uring_setup io_uring_enter io_uring_register userfaultfd keyctl add_key request_key kexec_load
        kexec_file_load swapon swapoff nfsservctl uselib ustat sysfs _sysctl vm86 vm86old migrate_pages move_pages
        lsm_set_self_attr bdflush oldstat oldfstat oldlstat olduname oldolduname nice sgetmask ssetmask
        pciconfig_iobase pciconfig_read pciconfig_write usr26 usr32 create_module get_kernel_syms
        query_module
        """;

    // What any of some capabilities allows; the kernel asks for it as well, in the namespace where it counts.
    private static readonly (CapabilitySet Any, string Calls)[] Gated =
    [
        (CapabilitySet.Of(Capability.CAP_DAC_READ_SEARCH), "open_by_handle_at"),
        (CapabilitySet.Of(Capability.CAP_SYS_ADMIN), """
            mount umount umount2 pivot_root mount_setattr move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick
            unshare setns sethostname setdomainname fanotify_init lookup_dcookie quotactl quotactl_fd
            """),
        (CapabilitySet.Of(Capability.CAP_SYS_BOOT), "reboot"),
        (CapabilitySet.Of(Capability.CAP_SYS_CHROOT), "chroot"),
        (CapabilitySet.Of(Capability.CAP_SYS_MODULE), "init_module finit_module delete_module"),
        (CapabilitySet.Of(Capability.CAP_SYS_PACCT), "acct"),
        (CapabilitySet.Of(Capability.CAP_SYS_PTRACE), "kcmp pidfd_getfd process_madvise"),
        (CapabilitySet.Of(Capability.CAP_SYS_RAWIO), "iopl ioperm"),
        (CapabilitySet.Of(Capability.CAP_SYS_TIME), "stime settimeofday clock_settime clock_settime64"),
        (CapabilitySet.Of(Capability.CAP_SYS_TTY_CONFIG), "vhangup"),
        (CapabilitySet.Of(Capability.CAP_SYS_NICE), "get_mempolicy set_mempolicy set_mempolicy_home_node mbind"),
        (CapabilitySet.Of(Capability.CAP_BPF, Capability.CAP_SYS_ADMIN), "bpf"),
        (CapabilitySet.Of(Capability.CAP_PERFMON, Capability.CAP_SYS_ADMIN), "perf_event_open"),
        (CapabilitySet.Of(Capability.CAP_SYSLOG, Capability.CAP_SYS_ADMIN), "syslog"),
    ];
}
