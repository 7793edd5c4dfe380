using System.Globalization;
using System.Text;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Seccomp;

namespace CrunSharp.Runtime.Tests.Seccomp;

/// <summary>Filters made by libseccomp, to compare ours with.</summary>
internal static class LibSeccomp
{
    private static readonly Lazy<string?> s_program = new(Build);

    /// <summary>Skips the test when libseccomp-dev is not installed.</summary>
    public static void Require()
    {
        if (s_program.Value is null) Assert.Ignore("gcc or libseccomp-dev is not installed");
    }

    /// <summary>The program of a filter, and the names that this libseccomp does not know.</summary>
    public static (byte[] Program, HashSet<string> Unknown) Compile(SeccompSpec spec)
    {
        var text = new StringBuilder();
        var otherwise = SeccompWords.Verdict(spec.DefaultAction, spec.DefaultErrnoRet);
        text.AppendLine(CultureInfo.InvariantCulture, $"default {otherwise}");
        foreach (var architecture in spec.Architectures ?? [])
        {
            if (SeccompWords.Abi(architecture) is { } abi && SyscallTable.IsBeside(SyscallAbi.X86_64, abi))
                text.AppendLine(CultureInfo.InvariantCulture, $"arch {Token(abi)}");
        }
        foreach (var rule in spec.Syscalls ?? [])
        {
            var verdict = SeccompWords.Verdict(rule.Action, rule.ErrnoRet);
            if (verdict == otherwise) continue;
            foreach (var name in rule.Names)
            {
                text.Append(CultureInfo.InvariantCulture, $"rule {verdict} {name} {rule.Args?.Count ?? 0}");
                foreach (var arg in rule.Args ?? [])
                    text.Append(CultureInfo.InvariantCulture, $" {arg.Index} {Operator(arg.Op)} {arg.Value} {arg.ValueTwo}");
                text.AppendLine();
            }
        }
        var (status, output, errors) = CProgram.Run(s_program.Value!, "", Encoding.UTF8.GetBytes(text.ToString()));
        Assert.That(status, Is.Zero, errors);
        return (output, [.. errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)]);
    }

    private static uint Token(SyscallAbi abi) => abi switch
    {
        SyscallAbi.X86_64 => 0xc000003e,
        SyscallAbi.X86 => 0x40000003,
        _ => 0x4000003e, // x32, by which the kernel means x86-64 with a bit in the number
    };

    private static int Operator(string op) =>
        1 + Array.IndexOf(["SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"], op);

    private static string? Build()
    {
        if (!File.Exists("/usr/include/seccomp.h") || !File.Exists("/usr/bin/gcc")) return null;
        return CProgram.Build("libseccomp", "-lseccomp");
    }

    /// <summary>Removes the built program.</summary>
    public static void Remove()
    {
        if (s_program.IsValueCreated && s_program.Value is { } program) File.Delete(program);
    }
}
