using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Build.Steps;

/// <summary>Whether programs for another processor can run here: by themselves, or because the kernel was told of an emulator.</summary>
/// <seealso href="https://docs.kernel.org/admin-guide/binfmt-misc.html"/>
internal static class ForeignPrograms
{
    private const string Registered = "/proc/sys/fs/binfmt_misc";
    private const int MostBytes = 64 * 1024;

    // The class, byte order and machine of a program's header (elf(5)).
    private static readonly Dictionary<string, (byte Class, bool IsBigEndian, ushort Machine)> Headers = new(StringComparer.Ordinal)
    {
        ["386"] = (1, false, 3),
        ["amd64"] = (2, false, 62),
        ["arm"] = (1, false, 40),
        ["arm64"] = (2, false, 183),
        ["loong64"] = (2, false, 258),
        ["mips"] = (1, true, 8),
        ["mipsle"] = (1, false, 8),
        ["mips64"] = (2, true, 8),
        ["mips64le"] = (2, false, 8),
        ["ppc64"] = (2, true, 21),
        ["ppc64le"] = (2, false, 21),
        ["riscv64"] = (2, false, 243),
        ["s390x"] = (2, true, 22),
    };

    /// <summary>Sees to it that programs for a platform can run.</summary>
    /// <param name="platform">The platform.</param>
    /// <param name="registered">Where the kernel shows the emulators that it was told of.</param>
    /// <exception cref="CrunException">They cannot; the text says what is missing.</exception>
    public static void Check(Platform platform, string registered = Registered)
    {
        var host = Platform.Host;
        if (platform.Os != host.Os) throw CrunException.Unsupported($"commands for {platform} cannot run on this host, which is {host}");
        if (platform.Architecture == host.Architecture || (platform.Architecture, host.Architecture) is ("386", "amd64") or ("arm", "arm64")) return;
        var problem = Headers.TryGetValue(platform.Architecture, out var header)
            ? Find(registered, Header(header.Class, header.IsBigEndian, header.Machine)) : "its programs are not known";
        if (problem is not null)
            throw CrunException.Unsupported($"commands for {platform} cannot run on this host, which is {host}: {problem}");
    }

    // What is missing; null when there is an emulator.
    private static string? Find(string registered, byte[] program)
    {
        var problem = "no emulator is registered with binfmt_misc (Debian: apt install qemu-user-static)";
        foreach (var path in Directory.Exists(registered) ? Directory.GetFiles(registered) : [])
        {
            if (Path.GetFileName(path) is "register" or "status" || AtomicFile.TryRead(null, path, MostBytes) is not { } bytes) continue;
            var entry = Encoding.ASCII.GetString(bytes).Split('\n');
            if (entry[0] != "enabled" || !IsFor(entry, program)) continue;
            // Without F the kernel looks for the emulator in the container, where it is not.
            if (FieldOf(entry, "flags:") is { } flags && flags.Contains('F', StringComparison.Ordinal)) return null;
            problem = $"the emulator {Path.GetFileName(path)} is registered with binfmt_misc without the flag F";
        }
        return problem;
    }

    private static bool IsFor(string[] entry, byte[] program)
    {
        if (FieldOf(entry, "magic ") is not { } text || Hex(text) is not { } magic || FieldOf(entry, "offset ") is not "0" || magic.Length > program.Length) return false;
        var mask = FieldOf(entry, "mask ") is { } masked ? Hex(masked) : null;
        for (var i = 0; i < magic.Length; i++)
        {
            var kept = mask is not null && i < mask.Length ? mask[i] : 0xff;
            if ((program[i] & kept) != (magic[i] & kept)) return false;
        }
        return true;
    }

    private static byte[]? Hex(string text)
    {
        try
        {
            return Convert.FromHexString(text);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static string? FieldOf(string[] entry, string name) =>
        Array.Find(entry, line => line.StartsWith(name, StringComparison.Ordinal)) is { } line ? line[name.Length..].Trim() : null;

    private static byte[] Header(byte wordClass, bool isBigEndian, ushort machine)
    {
        var header = new byte[64];
        ((ReadOnlySpan<byte>)[0x7f, (byte)'E', (byte)'L', (byte)'F', wordClass, isBigEndian ? (byte)2 : (byte)1, 1]).CopyTo(header);
        var (high, low) = isBigEndian ? (18, 19) : (19, 18);
        header[isBigEndian ? 17 : 16] = 2;
        (header[high], header[low]) = ((byte)(machine >> 8), (byte)machine);
        return header;
    }
}
