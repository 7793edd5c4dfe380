using System.Diagnostics;
using System.Runtime.InteropServices;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups;
using CrunSharp.Runtime.Defaults;

namespace CrunSharp.Runtime.Tests.Cgroups;

public class DeviceFilterTests
{
    private static DeviceRule Rule(bool allow, string? type, long? major, long? minor, string? access) =>
        new() { Allow = allow, Type = type, Major = major, Minor = minor, Access = access };

    // A few instructions of eBPF, as the kernel runs them.
    private static bool Run(bpf_insn[] program, int type, int access, uint major, uint minor)
    {
        Span<ulong> registers = stackalloc ulong[11];
        uint[] context = [(uint)(access << 16 | type), major, minor];
        for (var at = 0; ; at++)
        {
            var i = program[at];
            ref var destination = ref registers[i.Destination];
            switch (i.code)
            {
                case 0x61: destination = context[i.off / 4]; break;
                case 0xbf: destination = registers[i.Source]; break;
                case 0xb7: destination = (ulong)i.imm; break;
                case 0x57: destination &= (ulong)i.imm; break;
                case 0x77: destination >>= i.imm; break;
                case 0x56: at += (uint)destination != (uint)i.imm ? i.off : 0; break;
                case 0x16: at += (uint)destination == (uint)i.imm ? i.off : 0; break;
                case 0x95: return registers[0] != 0;
                default: throw new InvalidOperationException($"code {i.code:x} at {at}");
            }
        }
    }

    private static bool Expected(DeviceRule[] rules, int type, int access, uint major, uint minor)
    {
        for (var bit = 1; bit <= 4; bit <<= 1)
        {
            if ((access & bit) == 0) continue;
            var last = Array.FindLast(rules, rule => (rule.Access ?? "rwm").Contains("_mr_w"[bit], StringComparison.Ordinal)
                && (rule.Type is null or "a" || rule.Type == (type == 1 ? "b" : "c"))
                && (rule.Major is null or -1 || rule.Major == major) && (rule.Minor is null or -1 || rule.Minor == minor));
            if (last is not { Allow: true }) return false;
        }
        return true;
    }

    [Test]
    public void The_last_rule_that_matches_decides_each_kind_of_access()
    {
        var random = new Random(4713);
        string?[] types = [null, "a", "b", "c"];
        string?[] accesses = [null, "r", "w", "m", "rw", "rm", "wm", "rwm"];
        long?[] numbers = [null, -1, 0, 1, 3, 8];
        for (var round = 0; round < 500; round++)
        {
            var rules = new DeviceRule[random.Next(0, 8)];
            for (var i = 0; i < rules.Length; i++)
                rules[i] = Rule(random.Next(2) == 0, types[random.Next(4)], numbers[random.Next(6)], numbers[random.Next(6)], accesses[random.Next(8)]);
            var program = DeviceFilter.Compile(rules);
            // The kernel's verifier looks at each.
            if (round < 50) DeviceProgram.Load(program).Dispose();
            for (var type = 1; type <= 2; type++)
            {
                for (var access = 0; access <= 7; access++)
                {
                    foreach (var major in (uint[])[0, 1, 8, uint.MaxValue])
                    {
                        if (Run(program, type, access, major, 3) != (access == 0 && rules.Length == 0 ? false : Expected(rules, type, access, major, 3)) && access != 0)
                            Assert.Fail($"round {round}: type {type}, access {access}, {major}:3");
                    }
                }
            }
        }
    }

    [TestCase(2, 1, 1u, 3u, true)] // mknod null
    [TestCase(2, 6, 1u, 3u, true)] // open null
    [TestCase(2, 6, 1u, 1u, false)] // open mem
    [TestCase(2, 1, 1u, 1u, true)] // mknod mem
    [TestCase(2, 6, 136u, 77u, true)] // open pts/77
    [TestCase(2, 6, 10u, 200u, false)] // open tun
    [TestCase(1, 2, 8u, 0u, false)] // read sda
    [TestCase(1, 1, 8u, 0u, true)] // mknod sda
    public void The_default_rules_allow_what_a_container_needs(int type, int access, uint major, uint minor, bool allowed) =>
        Assert.That(Run(DeviceFilter.Compile(DefaultDevices.Rules), type, access, major, minor), Is.EqualTo(allowed));

    [TestCase("x", 1L, "rw", "device rule 1: \"x\" is no type")]
    [TestCase("c", -2L, "rw", "device rule 1: -2 is no device number")]
    [TestCase("c", 1L, "rx", "device rule 1: \"rx\" has more than r, w and m")]
    public void A_rule_that_cannot_be_understood_is_refused(string type, long major, string access, string message) =>
        Assert.That(() => DeviceFilter.Compile([Rule(true, type, major, 0, access)]), Throws.TypeOf<CrunException>().With.Message.StartsWith(message));

    [Test]
    public void A_process_of_the_cgroup_opens_what_is_allowed_and_nothing_else()
    {
        var nodes = Directory.CreateTempSubdirectory("crun-sharp-test-").FullName;
        using var test = new TestCgroup();
        try
        {
            using var directory = FileAt.OpenDirectory(nodes);
            FileAt.MakeNode(directory, "disk", FileKind.BlockDevice, 0x1b6, 240, 0);
            using var cgroup = test.Tree.Create(test.Path);
            var shell = test.Shell(cgroup);
            var before = Open(shell, nodes + "/disk");
            DeviceFilter.Apply(cgroup, DefaultDevices.Rules);
            Assert.Multiple(() =>
            {
                // Without a driver and without a filter: ENXIO.
                Assert.That(before, Does.Contain("No such device or address"));
                Assert.That(Open(shell, nodes + "/disk"), Does.Contain("Operation not permitted"));
                Assert.That(Open(shell, "/dev/null"), Is.EqualTo("opened"));
                Assert.That(Open(shell, "/dev/urandom"), Is.EqualTo("opened"));
                Assert.That(Open(shell, "/dev/mem"), Does.Contain("Operation not permitted").Or.Contain("No such file"));
                Assert.That(TestCgroup.Say(shell, $"mknod {nodes}/made b 8 0 && echo made"), Is.EqualTo("made"));
            });
        }
        finally
        {
            FileAt.RemoveTree(null, nodes);
        }

        static string? Open(Process shell, string path) => TestCgroup.Say(shell, $"(exec 3<{path} && echo opened) 2>&1");
    }

    [Test]
    public void A_program_in_the_kernel_has_the_size_of_its_instructions() => Assert.That(Marshal.SizeOf<bpf_insn>(), Is.EqualTo(8));
}
