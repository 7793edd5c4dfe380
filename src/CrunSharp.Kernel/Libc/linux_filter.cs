namespace CrunSharp.Kernel.Libc;

#pragma warning disable CS1591 // C's names, documented by the kernel's headers
/// <summary>One instruction of classic BPF.</summary>
/// <seealso href="https://docs.kernel.org/networking/filter.html"/>
[CHeader("linux/filter.h", "struct sock_filter")]
public struct sock_filter
{
    public ushort code;
    public byte jt;
    public byte jf;
    public uint k;
}

/// <summary>The parts of which an instruction's code is made.</summary>
[CHeader("linux/filter.h")]
public static class BPF
{
    public const ushort BPF_LD = 0x00;
    public const ushort BPF_ALU = 0x04;
    public const ushort BPF_JMP = 0x05;
    public const ushort BPF_RET = 0x06;
    public const ushort BPF_W = 0x00;
    public const ushort BPF_ABS = 0x20;
    public const ushort BPF_AND = 0x50;
    public const ushort BPF_JA = 0x00;
    public const ushort BPF_JEQ = 0x10;
    public const ushort BPF_JGT = 0x20;
    public const ushort BPF_JGE = 0x30;
    public const ushort BPF_K = 0x00;
    public const int BPF_MAXINSNS = 4096;
}
