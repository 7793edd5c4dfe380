using CrunSharp.Kernel.Libc;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Seccomp;

/// <summary>One comparison of an argument.</summary>
internal readonly record struct ArgumentTest(int Index, ArgumentOperator Operator, ulong Value, ulong Mask)
{
    public static ArgumentTest From(SeccompArg arg)
    {
        if (arg.Index > 5) throw SeccompWords.Invalid($"argument {arg.Index} is not in 0 to 5");
        var op = SeccompWords.Operator(arg.Op);
        return op == ArgumentOperator.MaskedEqual
            ? new ArgumentTest((int)arg.Index, op, arg.ValueTwo & arg.Value, arg.Value)
            : new ArgumentTest((int)arg.Index, op, arg.Value, ulong.MaxValue);
    }

    /// <summary>Writes the comparison.</summary>
    /// <param name="program">Where to.</param>
    /// <param name="narrow">Whether arguments are 32 bits wide, so that upper halves do not count.</param>
    /// <param name="yes">Where to when it holds.</param>
    /// <param name="no">Where to when not.</param>
    public BpfTarget Write(BpfProgram program, bool narrow, BpfTarget yes, BpfTarget no)
    {
        // LT is what GE is not, and LE what GT is not.
        if (Operator is ArgumentOperator.NotEqual or ArgumentOperator.Less or ArgumentOperator.LessOrEqual) (yes, no) = (no, yes);
        var comparison = Operator switch
        {
            ArgumentOperator.Greater or ArgumentOperator.LessOrEqual => BPF.BPF_JGT,
            ArgumentOperator.GreaterOrEqual or ArgumentOperator.Less => BPF.BPF_JGE,
            _ => BPF.BPF_JEQ,
        };
        // struct seccomp_data on a little-endian machine: the lower half comes first.
        var offset = 16 + 8 * Index;
        var lower = (uint)Mask == 0
            ? yes
            : program.Load(offset, program.And((uint)Mask, program.Jump(comparison, (uint)Value, yes, no)));
        var (upperValue, upperMask) = ((uint)(Value >> 32), (uint)(Mask >> 32));
        if (narrow || upperMask == 0) return lower;
        // The lower halves decide when the upper ones are equal.
        var upper = program.Jump(BPF.BPF_JEQ, upperValue, lower, no);
        if (comparison != BPF.BPF_JEQ) upper = program.Jump(BPF.BPF_JGT, upperValue, yes, upper);
        return program.Load(offset + 4, program.And(upperMask, upper));
    }
}

/// <summary>What happens to a call when all comparisons hold.</summary>
/// <param name="Verdict">What the filter answers.</param>
/// <param name="Tests">The comparisons; empty for a rule without conditions.</param>
internal sealed record ArgumentRule(uint Verdict, IReadOnlyList<ArgumentTest> Tests)
{
    /// <summary>
    /// The rules of one of the specification's. Several conditions on the same argument are alternatives, since
    /// engines write them so; those on different arguments must all hold.
    /// </summary>
    public static IEnumerable<ArgumentRule> From(uint verdict, IReadOnlyList<SeccompArg>? args)
    {
        if (args is not { Count: > 0 }) return [new ArgumentRule(verdict, [])];
        var tests = new ArgumentTest[args.Count];
        var seen = 0;
        var repeated = false;
        for (var i = 0; i < tests.Length; i++)
        {
            tests[i] = ArgumentTest.From(args[i]);
            repeated |= (seen >> tests[i].Index & 1) != 0;
            seen |= 1 << tests[i].Index;
        }
        return repeated ? Array.ConvertAll(tests, test => new ArgumentRule(verdict, [test])) : [new ArgumentRule(verdict, tests)];
    }

    /// <summary>Writes the rule; <paramref name="otherwise"/> is where to go when a comparison does not hold.</summary>
    public BpfTarget Write(BpfProgram program, bool narrow, BpfTarget otherwise)
    {
        var target = BpfTarget.Return(Verdict);
        for (var i = Tests.Count - 1; i >= 0; i--) target = Tests[i].Write(program, narrow, target, otherwise);
        return target;
    }
}
