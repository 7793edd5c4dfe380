using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Processes;

/// <summary>A program in the kernel that decides which devices the processes of a cgroup may use.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/bpf.2.html"/>
public static unsafe class DeviceProgram
{
    /// <summary>Loads a program.</summary>
    /// <exception cref="CrunException">
    /// EPERM without CAP_BPF or CAP_SYS_ADMIN, or before Linux 5.11 when RLIMIT_MEMLOCK is used up; EINVAL and EACCES
    /// when the kernel does not accept it.
    /// </exception>
    public static SafeFileHandle Load(ReadOnlySpan<bpf_insn> program)
    {
        fixed (bpf_insn* instructions = program)
        fixed (byte* license = "MIT\0"u8)
        {
            var attribute = new bpf_attr
            {
                prog_type = BPF_COMMAND.BPF_PROG_TYPE_CGROUP_DEVICE,
                insn_cnt = (uint)program.Length,
                insns = (ulong)instructions,
                license = (ulong)license,
            };
            for (; ; )
            {
                var fd = C.syscall_raw(NR_OLD.__NR_bpf, BPF_COMMAND.BPF_PROG_LOAD, (nint)(&attribute), sizeof(bpf_attr), 0, 0, 0);
                if (fd >= 0) return new SafeFileHandle(fd, ownsHandle: true);
                // The verifier gives up with EAGAIN at a signal.
                if (SystemCall.LastErrno is Errno.EAGAIN or Errno.EINTR) continue;
                throw SystemCall.Failure("load device rules",
                    $"bpf(BPF_PROG_LOAD, {{prog_type=BPF_PROG_TYPE_CGROUP_DEVICE, insn_cnt={program.Length}}})");
            }
        }
    }

    /// <summary>
    /// Puts a program in force for the processes of a cgroup and of those below it, beside others: what any of them
    /// refuses is refused. It stays when its handle is closed, until the cgroup is removed.
    /// </summary>
    /// <exception cref="CrunException">EPERM when a cgroup above allows no program below it.</exception>
    public static void Attach(SafeFileHandle program, SafeFileHandle cgroup)
    {
        var attribute = new bpf_attr
        {
            target_fd = (uint)cgroup.DangerousGetHandle(),
            attach_bpf_fd = (uint)program.DangerousGetHandle(),
            attach_type = BPF_COMMAND.BPF_CGROUP_DEVICE,
            attach_flags = BPF_COMMAND.BPF_F_ALLOW_MULTI,
        };
        if (C.syscall_raw(NR_OLD.__NR_bpf, BPF_COMMAND.BPF_PROG_ATTACH, (nint)(&attribute), sizeof(bpf_attr), 0, 0, 0) != 0)
            throw SystemCall.Failure("put device rules in force",
                $"bpf(BPF_PROG_ATTACH, {{target_fd={SystemCall.Fd(cgroup)}, attach_type=BPF_CGROUP_DEVICE, attach_flags=BPF_F_ALLOW_MULTI}})");
    }
}
