using System.Diagnostics;
using System.Text.RegularExpressions;
using CrunSharp.Runtime.Seccomp;

namespace CrunSharp.Runtime.Tests.Seccomp;

public partial class SyscallTableTests
{
    [TestCase("asm/unistd_64.h", "")]
    [TestCase("asm/unistd_32.h", "")]
    [TestCase("asm/unistd_x32.h", "")]
    [TestCase("asm-generic/unistd.h", "-D__BITS_PER_LONG=64 -D__ARCH_WANT_RENAMEAT -D__ARCH_WANT_NEW_STAT -D__ARCH_WANT_SET_GET_RLIMIT -D__ARCH_WANT_SYS_CLONE3 -D__ARCH_WANT_MEMFD_SECRET")]
    public void Numbers_are_those_of_the_C_headers(string header, string options)
    {
        var abi = header switch
        {
            "asm/unistd_64.h" => SyscallAbi.X86_64,
            "asm/unistd_32.h" => SyscallAbi.X86,
            "asm/unistd_x32.h" => SyscallAbi.X32,
            _ => SyscallAbi.Arm64,
        };
        var calls = Header(header, options);
        Assert.That(calls, Has.Count.GreaterThan(250));
        Assert.Multiple(() =>
        {
            foreach (var (name, number) in calls) Assert.That(SyscallTable.Number(abi, name), Is.EqualTo(number), name);
        });
    }

    [Test]
    public void A_name_that_is_no_call_has_no_number([Range(0, 4)] int abi) =>
        Assert.That(SyscallTable.Number((SyscallAbi)abi, "no_such_call"), Is.EqualTo(-1));

    private static Dictionary<string, int> Header(string header, string options)
    {
        var bit = header.Contains("x32", StringComparison.Ordinal) ? "-D__X32_SYSCALL_BIT=0x40000000" : "";
        // Names first, then a program's worth of expressions for the preprocessor to expand.
        var names = Definition().Matches(Preprocess($"#include <{header}>\n", $"-dM {options}")).Select(match => match.Groups[1].Value).ToList();
        var text = $"#include <{header}>\n" + string.Concat(names.Select(name => $"@{name} __NR_{name}\n"));
        var calls = new Dictionary<string, int>();
        foreach (Match match in Expansion().Matches(Preprocess(text, $"{options} {bit}")))
        {
            var sum = match.Groups[2].Value.Trim('(', ')', ' ').Split('+', StringSplitOptions.TrimEntries)
                .Sum(part => part.StartsWith("0x", StringComparison.Ordinal) ? Convert.ToInt32(part, 16) : int.TryParse(part, out var n) ? n : -1000000);
            if (sum >= 0 && match.Groups[1].Value is not ("syscalls" or "arch_specific_syscall")) calls[match.Groups[1].Value] = sum;
        }
        return calls;
    }

    private static string Preprocess(string source, string options)
    {
        using var gcc = Process.Start(new ProcessStartInfo("gcc", $"-E -P -xc {options} -")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        gcc.StandardInput.Write(source);
        gcc.StandardInput.Close();
        var output = gcc.StandardOutput.ReadToEnd();
        gcc.WaitForExit();
        return output;
    }

    [GeneratedRegex(@"^#define __NR_(\w+) ", RegexOptions.Multiline)]
    private static partial Regex Definition();

    [GeneratedRegex(@"@(\w+) (.*)$", RegexOptions.Multiline)]
    private static partial Regex Expansion();
}
