using System.Runtime.InteropServices;

namespace CrunSharp.Kernel.Libc;

#pragma warning disable CS1591 // C's names, documented by the kernel's headers
/// <summary>One instruction of eBPF.</summary>
/// <seealso href="https://docs.kernel.org/bpf/standardization/instruction-set.html"/>
[CHeader("linux/bpf.h", "struct bpf_insn")]
public readonly struct bpf_insn(int code, int destination, int source, short off, int imm)
{
    public readonly byte code = (byte)code;
    // Two bit fields, the destination in the lower one on little-endian machines.
    private readonly byte _registers = (byte)(destination | source << 4);
    public readonly short off = off;
    public readonly int imm = imm;

    /// <summary>The number of the register that is written.</summary>
    public int Destination => _registers & 15;

    /// <summary>The number of the register that is read.</summary>
    public int Source => _registers >> 4;
}

/// <summary>The parts of which an instruction's code is made, beside those of <see cref="BPF"/>.</summary>
[CHeader("linux/bpf.h")]
public static class EBPF
{
    public const int BPF_JMP32 = 0x06;
    public const int BPF_ALU64 = 0x07;
    public const int BPF_LDX = 0x01;
    public const int BPF_MEM = 0x60;
    public const int BPF_MOV = 0xb0;
    public const int BPF_RSH = 0x70;
    public const int BPF_X = 0x08;
    public const int BPF_JNE = 0x50;
    public const int BPF_JSET = 0x40;
    public const int BPF_EXIT = 0x90;
    public const int BPF_DEVCG_ACC_MKNOD = 1;
    public const int BPF_DEVCG_ACC_READ = 2;
    public const int BPF_DEVCG_ACC_WRITE = 4;
    public const int BPF_DEVCG_DEV_BLOCK = 1;
    public const int BPF_DEVCG_DEV_CHAR = 2;
}

[CHeader("linux/bpf.h")]
internal static class BPF_COMMAND
{
    public const int BPF_PROG_LOAD = 5;
    public const int BPF_PROG_ATTACH = 8;
    public const uint BPF_PROG_TYPE_CGROUP_DEVICE = 15;
    public const uint BPF_CGROUP_DEVICE = 6;
    public const uint BPF_F_ALLOW_MULTI = 2;
}

/// <summary>What a device program looks at.</summary>
[CHeader("linux/bpf.h", "struct bpf_cgroup_dev_ctx")]
public struct bpf_cgroup_dev_ctx
{
    public uint access_type;
    public uint major;
    public uint minor;
}

/// <summary>The fields for loading and attaching a program of the union that bpf takes.</summary>
[CHeader("linux/bpf.h", "union bpf_attr"), StructLayout(LayoutKind.Explicit, Size = 144)]
internal struct bpf_attr
{
    [FieldOffset(0)] public uint prog_type;
    [FieldOffset(4)] public uint insn_cnt;
    [FieldOffset(8)] public ulong insns;
    [FieldOffset(16)] public ulong license;
    [FieldOffset(24)] public uint log_level;
    [FieldOffset(28)] public uint log_size;
    [FieldOffset(32)] public ulong log_buf;
    [FieldOffset(0)] public uint target_fd;
    [FieldOffset(4)] public uint attach_bpf_fd;
    [FieldOffset(8)] public uint attach_type;
    [FieldOffset(12)] public uint attach_flags;
}
