using System.Runtime.InteropServices;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Runtime.Seccomp;

/// <summary>All 2^32 numbers of calls of an architecture, in ranges that the filter treats alike.</summary>
internal sealed class CallRanges(uint defaultVerdict)
{
    // From here on all architectures have the same numbers; a profile that names one of these calls is not old.
    private const uint FirstCommonNumber = 424;

    // The number that a tracer sets to skip a call.
    private const uint Skipped = uint.MaxValue;

    private const uint NewCallVerdict = SECCOMP.SECCOMP_RET_ERRNO | (uint)Errno.ENOSYS;

    private readonly List<(ulong Key, ArgumentRule Rule, bool Narrow)> _rules = new(512);
    private readonly List<Range> _ranges = [];
    private readonly List<(uint From, uint To, uint Verdict)> _blocks = [];

    /// <summary>Adds what the rules say of an ABI's calls.</summary>
    public void Add(SyscallAbi abi, List<NamedRule> rules)
    {
        var newest = 0u;
        var narrow = SyscallTable.HasNarrowArguments(abi);
        foreach (var (names, rule) in rules)
        {
            foreach (var name in names)
            {
                var number = SyscallTable.Number(abi, name);
                if (number >= 0)
                {
                    newest = Math.Max(newest, (uint)number);
                    Add((uint)number, rule, narrow);
                }
                if (abi == SyscallAbi.X86 && MultiplexedCalls.Find(name) is var (through, inside)
                    && MultiplexedCalls.Translate(rule, inside, rule.Verdict is SECCOMP.SECCOMP_RET_LOG or SECCOMP.SECCOMP_RET_ALLOW) is { } translated)
                    Add((uint)SyscallTable.Number(abi, through), translated, narrow);
            }
        }
        // A list that ends with the calls of its day and answers EPERM to later ones would break programs that try
        // those first. ENOSYS refuses as well, and lets them go on.
        var first = abi == SyscallAbi.X32 ? (uint)SyscallTable.X32Bit : 0;
        if (defaultVerdict == (SECCOMP.SECCOMP_RET_ERRNO | (uint)Errno.EPERM) && newest - first >= FirstCommonNumber && newest - first < 1000)
            _blocks.Add((newest + 1, first + SyscallTable.X32Bit - 1, NewCallVerdict));
    }

    /// <summary>Ends processes that call what a 64-bit x86 kernel has beside the ABIs that the filter knows.</summary>
    public void RefuseMissing(List<SyscallAbi> known)
    {
        const uint bit = SyscallTable.X32Bit;
        if (!known.Contains(SyscallAbi.X86_64)) _blocks.Add((0, bit - 1, SECCOMP.SECCOMP_RET_KILL_PROCESS));
        if (!known.Contains(SyscallAbi.X32)) _blocks.Add((bit, Skipped - 1, SECCOMP.SECCOMP_RET_KILL_PROCESS));
    }

    /// <summary>Writes the search; the accumulator has the number.</summary>
    public BpfTarget Write(BpfProgram program)
    {
        CollectionsMarshal.AsSpan(_rules).Sort(static (left, right) => left.Key.CompareTo(right.Key));
        var next = 0UL;
        for (var i = 0; i < _rules.Count;)
        {
            var number = (uint)(_rules[i].Key >> 32);
            var first = i;
            while (i < _rules.Count && (uint)(_rules[i].Key >> 32) == number) i++;
            Fill(next, number);
            Append(number, CallOf(first, i));
            next = number + 1UL;
        }
        Fill(next, 1UL << 32);
        return Search(program, 0, _ranges.Count);
    }

    // By number, and those of one number in the order of the document.
    private void Add(uint number, ArgumentRule rule, bool narrow) => _rules.Add(((ulong)number << 32 | (uint)_rules.Count, rule, narrow));

    private Call CallOf(int first, int end)
    {
        for (var i = first; i < end; i++)
        {
            if (_rules[i].Rule.Tests.Count == 0) return new Call(_rules[i].Rule.Verdict);
        }
        return new Call(null, first, end);
    }

    // Numbers from and up to, but not including, another that no rule names.
    private void Fill(ulong from, ulong to)
    {
        while (from < to)
        {
            var (verdict, end) = (defaultVerdict, to);
            foreach (var (first, last, blocked) in _blocks)
            {
                if (from >= first && from <= last) (verdict, end) = (blocked, Math.Min(to, last + 1UL));
                else if (first > from && first < end) end = first;
            }
            Append((uint)from, new Call(verdict));
            from = end;
        }
    }

    private void Append(uint from, Call call)
    {
        if (_ranges.Count > 0 && _ranges[^1].Call.Final is { } before && before == call.Final) return;
        _ranges.Add(new Range(from, call));
    }

    private BpfTarget Search(BpfProgram program, int from, int to)
    {
        if (to - from == 1) return Write(program, _ranges[from].Call);
        // One number between others that are alike needs one comparison instead of two.
        if (to - from == 3 && _ranges[from + 2].From == _ranges[from + 1].From + 1
            && _ranges[from].Call.Final is { } around && around == _ranges[from + 2].Call.Final)
        {
            var inside = Write(program, _ranges[from + 1].Call);
            return program.Jump(BPF.BPF_JEQ, _ranges[from + 1].From, inside, BpfTarget.Return(around));
        }
        var middle = (from + to) / 2;
        var above = Search(program, middle, to);
        var below = Search(program, from, middle);
        return program.Jump(BPF.BPF_JGE, _ranges[middle].From, above, below);
    }

    private BpfTarget Write(BpfProgram program, Call call)
    {
        if (call.Final is { } verdict) return BpfTarget.Return(verdict);
        var target = BpfTarget.Return(defaultVerdict);
        for (var i = call.End - 1; i >= call.First; i--) target = _rules[i].Rule.Write(program, _rules[i].Narrow, target);
        return target;
    }

    private readonly record struct Range(uint From, Call Call);

    // What happens to a number: a verdict, or what some of the rules say of its arguments.
    private readonly record struct Call(uint? Final, int First = 0, int End = 0);
}
