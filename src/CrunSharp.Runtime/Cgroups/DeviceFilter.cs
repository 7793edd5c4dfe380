using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Cgroups;

/// <summary>Device rules as the program that cgroup v2 asks at each open and mknod of a device.</summary>
/// <remarks>
/// Each of read, write and mknod is decided by itself, by the last rule that matches; what no rule matches is refused.
/// </remarks>
/// <seealso href="https://docs.kernel.org/admin-guide/cgroup-v2.html#device-controller"/>
public static class DeviceFilter
{
    private const int AllAccess = EBPF.BPF_DEVCG_ACC_MKNOD | EBPF.BPF_DEVCG_ACC_READ | EBPF.BPF_DEVCG_ACC_WRITE;

    // Registers of the program: its answer, what is asked (at first), and that taken apart.
    private const int Answer = 0;
    private const int Context = 1;
    private const int Type = 2;
    private const int Access = 3;
    private const int Major = 4;
    private const int Minor = 5;
    private const int Scratch = 6;

    private const int Move = EBPF.BPF_ALU64 | EBPF.BPF_MOV;
    private const int NotEqual = EBPF.BPF_JMP32 | EBPF.BPF_JNE;
    private const int Exit = BPF.BPF_JMP | EBPF.BPF_EXIT;

    /// <summary>Puts rules in force for a cgroup; nothing is done when they allow everything.</summary>
    /// <param name="cgroup">The cgroup.</param>
    /// <param name="rules">The rules, later ones win.</param>
    /// <exception cref="CrunException">A rule cannot be understood; or the kernel does not take the program.</exception>
    public static void Apply(Cgroup cgroup, IReadOnlyList<DeviceRule> rules)
    {
        var checkedRules = Read(rules);
        if (checkedRules.Count > 0 && checkedRules[^1] is { Allow: true, IsForAll: true }) return;
        using var program = DeviceProgram.Load(Write(checkedRules));
        DeviceProgram.Attach(program, cgroup.Directory);
    }

    /// <summary>Refuses a rule that cannot be understood.</summary>
    internal static void Check(DeviceRule rule, int index) => Rule.From(rule, index);

    internal static bpf_insn[] Compile(IReadOnlyList<DeviceRule> rules) => Write(Read(rules));

    private static List<Rule> Read(IReadOnlyList<DeviceRule> rules)
    {
        var read = new List<Rule>(rules.Count);
        for (var i = 0; i < rules.Count; i++)
        {
            var rule = Rule.From(rules[i], i);
            // Nothing before a rule for everything counts.
            if (rule.IsForAll) read.Clear();
            // What everything is allowed needs no further permission.
            else if (rule.Allow && read.Count == 1 && read[0] is { Allow: true, IsForAll: true }) continue;
            read.Add(rule);
        }
        return read;
    }

    private static bpf_insn[] Write(List<Rule> rules)
    {
        var program = new List<bpf_insn>
        {
            Load(Type, 0),
            new(Move | EBPF.BPF_X, Access, Type, 0, 0),
            new(EBPF.BPF_ALU64 | BPF.BPF_AND, Type, 0, 0, 0xffff),
            new(EBPF.BPF_ALU64 | EBPF.BPF_RSH, Access, 0, 0, 16),
            Load(Major, 4),
            Load(Minor, 8),
        };
        for (var i = rules.Count - 1; i >= 0; i--)
        {
            var rule = rules[i];
            var body = rule.Allow ? Allow(rule.Access) : Refuse(rule.Access);
            var tests = new List<(int Register, int Value)>(3);
            if (rule.Type is { } type) tests.Add((Type, type));
            if (rule.Major is { } major) tests.Add((Major, (int)major));
            if (rule.Minor is { } minor) tests.Add((Minor, (int)minor));
            for (var k = 0; k < tests.Count; k++)
                program.Add(new bpf_insn(NotEqual, tests[k].Register, 0, (short)(tests.Count - k - 1 + body.Length), tests[k].Value));
            program.AddRange(body);
        }
        program.Add(new bpf_insn(Move, Answer, 0, 0, 0));
        program.Add(new bpf_insn(Exit, 0, 0, 0, 0));
        return [.. program];
    }

    private static bpf_insn Load(int register, short offset) =>
        new(EBPF.BPF_LDX | BPF.BPF_W | EBPF.BPF_MEM, register, Context, offset, 0);

    // Takes away what is allowed; done when nothing is left.
    private static bpf_insn[] Allow(int access) =>
    [
        new(EBPF.BPF_ALU64 | BPF.BPF_AND, Access, 0, 0, AllAccess & ~access),
        new(NotEqual, Access, 0, 2, 0),
        new(Move, Answer, 0, 0, 1),
        new(Exit, 0, 0, 0, 0),
    ];

    private static bpf_insn[] Refuse(int access) =>
    [
        new(Move | EBPF.BPF_X, Scratch, Access, 0, 0),
        new(EBPF.BPF_ALU64 | BPF.BPF_AND, Scratch, 0, 0, access),
        new(EBPF.BPF_JMP32 | BPF.BPF_JEQ, Scratch, 0, 2, 0),
        new(Move, Answer, 0, 0, 0),
        new(Exit, 0, 0, 0, 0),
    ];

    // Null is any.
    private readonly record struct Rule(bool Allow, int? Type, uint? Major, uint? Minor, int Access)
    {
        public bool IsForAll => Type is null && Major is null && Minor is null && Access == AllAccess;

        public static Rule From(DeviceRule rule, int index)
        {
            int? type = rule.Type switch
            {
                null or "" or "a" => null,
                "b" => EBPF.BPF_DEVCG_DEV_BLOCK,
                "c" or "u" => EBPF.BPF_DEVCG_DEV_CHAR,
                _ => throw Invalid(index, $"\"{rule.Type}\" is no type"),
            };
            return new Rule(rule.Allow, type, Number(rule.Major, index), Number(rule.Minor, index), AccessOf(rule.Access, index));
        }

        private static uint? Number(long? value, int index) => value switch
        {
            null or -1 => null,
            >= 0 and <= uint.MaxValue => (uint)value,
            _ => throw Invalid(index, $"{value} is no device number"),
        };

        private static int AccessOf(string? text, int index)
        {
            if (string.IsNullOrEmpty(text)) return AllAccess;
            var access = 0;
            foreach (var letter in text)
            {
                access |= letter switch
                {
                    'r' => EBPF.BPF_DEVCG_ACC_READ,
                    'w' => EBPF.BPF_DEVCG_ACC_WRITE,
                    'm' => EBPF.BPF_DEVCG_ACC_MKNOD,
                    _ => throw Invalid(index, $"\"{text}\" has more than r, w and m"),
                };
            }
            return access;
        }

        private static CrunException Invalid(int index, string reason) =>
            CrunException.Invalid($"device rule {index + 1}: {reason}", spec: "config-linux.md#allowed-device-list");
    }
}
