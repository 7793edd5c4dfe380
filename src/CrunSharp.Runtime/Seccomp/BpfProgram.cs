using System.Runtime.InteropServices;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Runtime.Seccomp;

/// <summary>Where a jump goes: to a verdict, or to an instruction that is already written.</summary>
internal readonly record struct BpfTarget
{
    private BpfTarget(int label, uint verdict) => (Label, Verdict) = (label, verdict);

    /// <summary>The instruction; -1 for a verdict.</summary>
    public int Label { get; }

    public uint Verdict { get; }

    public bool IsVerdict => Label < 0;

    public static BpfTarget Return(uint verdict) => new(-1, verdict);

    public static BpfTarget At(int label) => new(label, 0);
}

/// <summary>
/// Writes classic BPF from its end to its start. Jumps of BPF only go forward, so each target is already there when
/// the jump to it is written, and how far it is, is known.
/// </summary>
internal sealed class BpfProgram
{
    // A conditional jump skips 255 instructions at most; one is kept for a trampoline between it and its target.
    private const int Reach = 254;

    private readonly List<sock_filter> _reversed = new(512);
    private readonly List<(uint Verdict, int Label)> _returns = [];

    /// <summary>Compares the accumulator with a constant and jumps.</summary>
    /// <param name="comparison">BPF_JEQ, BPF_JGT or BPF_JGE.</param>
    /// <param name="k">The constant.</param>
    /// <param name="whenTrue">Where to when it holds.</param>
    /// <param name="whenFalse">Where to when not.</param>
    public BpfTarget Jump(ushort comparison, uint k, BpfTarget whenTrue, BpfTarget whenFalse)
    {
        if (whenTrue == whenFalse) return whenTrue;
        var yes = Near(whenTrue);
        var no = Near(whenFalse);
        return Write(new sock_filter
        {
            code = (ushort)(BPF.BPF_JMP | comparison | BPF.BPF_K),
            jt = (byte)(_reversed.Count - yes - 1),
            jf = (byte)(_reversed.Count - no - 1),
            k = k,
        });
    }

    /// <summary>Loads 32 bits of what the filter looks at, and goes on with the instruction just written.</summary>
    public BpfTarget Load(int offset, BpfTarget next) => Before(next, BPF.BPF_LD | BPF.BPF_W | BPF.BPF_ABS, (uint)offset);

    /// <summary>Masks the accumulator, and goes on with the instruction just written.</summary>
    public BpfTarget And(uint mask, BpfTarget next) =>
        mask == uint.MaxValue ? next : Before(next, BPF.BPF_ALU | BPF.BPF_AND | BPF.BPF_K, mask);

    /// <summary>The program that starts at the instruction just written, as bytes.</summary>
    /// <exception cref="CrunException">It is longer than the kernel takes.</exception>
    public byte[] Finish(BpfTarget start)
    {
        // What was written last is the start, except for a program that is nothing but a verdict.
        if (start.IsVerdict) Return(start.Verdict);
        if (_reversed.Count > BPF.BPF_MAXINSNS)
            throw CrunException.Invalid($"the filter needs {_reversed.Count} instructions, more than {BPF.BPF_MAXINSNS}", "compile seccomp");
        _reversed.Reverse();
        return MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_reversed)).ToArray();
    }

    private BpfTarget Before(BpfTarget next, int code, uint k)
    {
        if (next.IsVerdict) return next;
        if (next.Label != _reversed.Count - 1) Write(new sock_filter { code = BPF.BPF_JMP | BPF.BPF_JA, k = (uint)(_reversed.Count - next.Label - 1) });
        return Write(new sock_filter { code = (ushort)code, k = k });
    }

    // An instruction within reach that does what the target does: itself, a return, or a trampoline.
    private int Near(BpfTarget target)
    {
        if (!target.IsVerdict)
        {
            return _reversed.Count - target.Label <= Reach
                ? target.Label
                : Write(new sock_filter { code = BPF.BPF_JMP | BPF.BPF_JA, k = (uint)(_reversed.Count - target.Label - 1) }).Label;
        }
        for (var i = _returns.Count - 1; i >= 0; i--)
        {
            if (_returns[i].Verdict == target.Verdict && _reversed.Count - _returns[i].Label <= Reach) return _returns[i].Label;
        }
        return Return(target.Verdict);
    }

    private int Return(uint verdict)
    {
        var label = Write(new sock_filter { code = BPF.BPF_RET | BPF.BPF_K, k = verdict }).Label;
        _returns.Add((verdict, label));
        return label;
    }

    private BpfTarget Write(sock_filter instruction)
    {
        _reversed.Add(instruction);
        return BpfTarget.At(_reversed.Count - 1);
    }
}
