using System.Runtime.InteropServices;
using CrunSharp.Kernel.Libc;

namespace CrunSharp.Runtime.Tests.Seccomp;

/// <summary>Runs a filter as the kernel does, and refuses what the kernel refuses.</summary>
internal static class BpfInterpreter
{
    public static uint Run(ReadOnlySpan<byte> program, AuditArchitecture architecture, uint number, params ReadOnlySpan<ulong> args)
    {
        var code = MemoryMarshal.Cast<byte, sock_filter>(program);
        var data = new uint[16];
        data[0] = number;
        data[1] = (uint)architecture;
        for (var i = 0; i < args.Length; i++) (data[4 + 2 * i], data[5 + 2 * i]) = ((uint)args[i], (uint)(args[i] >> 32));
        var a = 0u;
        for (var at = 0; ; at++)
        {
            var i = code[at];
            switch (i.code)
            {
                case 0x20:
                    Assert.That(i.k, Is.LessThan(64).And.Matches<uint>(k => k % 4 == 0));
                    a = data[i.k / 4];
                    break;
                case 0x54: a &= i.k; break;
                case 0x05: at += (int)i.k; break;
                case 0x15: at += a == i.k ? i.jt : i.jf; break;
                case 0x25: at += a > i.k ? i.jt : i.jf; break;
                case 0x35: at += a >= i.k ? i.jt : i.jf; break;
                case 0x06: return i.k;
                default: throw new InvalidOperationException($"code {i.code:x} at {at}");
            }
        }
    }
}
