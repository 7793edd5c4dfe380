using System.Diagnostics;
using System.Formats.Tar;

namespace CrunSharp.NativeTests.Harness;

/// <summary>A root file system with busybox and nothing else, as a tar.</summary>
internal static class BusyboxImage
{
    private static readonly Lazy<string> Made = new(Make);
    private static readonly DateTimeOffset Time = new(2020, 2, 20, 20, 20, 20, TimeSpan.Zero);

    /// <summary>The archive, made once in a run of the tests.</summary>
    public static string Archive => Made.Value;

    /// <summary>Writes busybox and what a root file system needs; the caller may add to it.</summary>
    public static void Write(TarWriter tar)
    {
        WritePrograms(tar);
        AddFile(tar, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n4242:x:0:0:trap:/:/bin/sh\n");
        AddFile(tar, "etc/group", "root:x:0:\nuser:x:1000:\nextra:x:2000:user,other\nmore:x:2001:root\n");
        AddFile(tar, "data/from-image", "image\n");
    }

    /// <summary>Writes all that builders use as mount points: what they leave of those is a matter of its own.</summary>
    public static void AddMountPoints(TarWriter tar)
    {
        foreach (var name in (string[])["dev", "proc", "run", "sys"]) Add(tar, TarEntryType.Directory, name, 0x1ed);
        foreach (var name in (string[])["etc/hostname", "etc/hosts", "etc/resolv.conf"]) AddFile(tar, name, "");
    }

    /// <summary>Writes busybox and empty directories, all but one.</summary>
    public static void WritePrograms(TarWriter tar, string? except = null)
    {
        foreach (var name in ((string[])["bin", "data", "etc", "home", "home/user", "root", "usr", "usr/bin", "var"]).Where(name => name != except)) Add(tar, TarEntryType.Directory, name, 0x1ed);
        Add(tar, TarEntryType.Directory, "tmp", 0x3ff);
        using (var busybox = File.OpenRead("/bin/busybox")) Add(tar, TarEntryType.RegularFile, "bin/busybox", 0x1ed, content: busybox);
        foreach (var applet in Applets.Value) Add(tar, TarEntryType.SymbolicLink, $"bin/{applet}", 0x1ff, link: "busybox");
    }

    /// <summary>Adds a file.</summary>
    public static void AddFile(TarWriter tar, string name, string content, int mode = 0x1a4)
    {
        using var stream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(content));
        Add(tar, TarEntryType.RegularFile, name, mode, content: stream);
    }

    /// <summary>Adds an entry.</summary>
    public static void Add(TarWriter tar, TarEntryType type, string name, int mode, string? link = null, Stream? content = null)
    {
        var entry = new PaxTarEntry(type, name) { Mode = (UnixFileMode)mode, ModificationTime = Time };
        if (content is not null) entry.DataStream = content;
        if (link is not null) entry.LinkName = link;
        tar.WriteEntry(entry);
    }

    /// <summary>Makes an archive of busybox and more.</summary>
    public static string With(string path, Action<TarWriter> more)
    {
        using var tar = new TarWriter(File.Create(path), TarEntryFormat.Pax, leaveOpen: false);
        Write(tar);
        more(tar);
        return path;
    }

    private static readonly Lazy<string[]> Applets = new(() =>
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/busybox", "--list") { RedirectStandardOutput = true })!;
        return [.. process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(name => name != "busybox")];
    });

    private static string Make()
    {
        var path = Path.Combine(Path.GetTempPath(), $"crun-sharp-busybox-{Environment.ProcessId}.tar");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => File.Delete(path);
        return With(path, static _ => { });
    }
}
