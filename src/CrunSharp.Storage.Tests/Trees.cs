using System.Security.Cryptography;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage.Tests;

/// <summary>Random trees, and what can be said about a tree in lines of text that can be compared.</summary>
internal static class Trees
{
    private static readonly string[] Names =
    [
        "a", "b", "a-b", "a.b", "A", "with space", "new\nline", "tab\t", "äöü", "日本", "\U0001F600", "\uffff", PathEncoding.Decode([0xff, 0xfe, (byte)'x']),
        "-dash", "*", "\\", "'", "%2F", "a=b", new string('l', 255), new string('m', 120), ".hidden", "..x", "wh.", ".w", "x.wh.y",
    ];

    public static void Fill(string path, int seed, int entries, bool linksSpecial = true)
    {
        var random = new Random(seed);
        using var root = FileAt.OpenDirectory(path);
        var directories = new List<SafeFileHandle> { root };
        var files = new List<(SafeFileHandle Directory, string Name)>();
        for (var i = 0; i < entries; i++)
        {
            var directory = directories[random.Next(directories.Count)];
            var name = Names[random.Next(Names.Length)];
            if (FileAt.TryStatus(directory, name) is not null) continue;
            Make(random, directory, name, directories, files);
            if (!linksSpecial) files.RemoveAll(static f => FileAt.Status(f.Directory, f.Name).Kind != FileKind.Regular);
            if (FileAt.TryStatus(directory, name) is { IsWhiteout: false } status) Describe(random, directory, name, status);
        }
        // The times of directories change while they are filled.
        foreach (var directory in directories) FileAt.SetTime(directory, ".", new FileTime(random.NextInt64(1L << 31), (uint)random.Next(1_000_000_000)));
        foreach (var directory in directories.Skip(1)) directory.Dispose();
    }

    public static List<string> List(string path)
    {
        using var root = FileAt.OpenDirectory(path);
        var lines = new List<string>();
        List(root, "", lines, new Dictionary<(ulong, ulong), string>());
        return lines;
    }

    private static void Make(Random random, SafeFileHandle directory, string name, List<SafeFileHandle> directories,
        List<(SafeFileHandle Directory, string Name)> files)
    {
        switch (random.Next(12))
        {
            case 0 or 1 or 2:
                FileAt.MakeDirectory(directory, name);
                directories.Add(FileAt.Open(directory, name, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY));
                if (random.Next(5) == 0) ExtendedAttributes.Set(directory, name, "trusted.overlay.opaque", "y"u8);
                break;
            case 3:
                FileAt.MakeSymbolicLink(directory, name, random.Next(3) == 0 ? new string('t', 150) : "../" + Names[random.Next(Names.Length)]);
                files.Add((directory, name));
                break;
            case 4 when files.Count > 0:
                var (from, linked) = files[random.Next(files.Count)];
                FileAt.Link(from, linked, directory, name);
                break;
            case 5:
                FileAt.MakeNode(directory, name, FileKind.Fifo, 0x1a4);
                files.Add((directory, name));
                break;
            case 6:
                // XFS has 9 and 18 bits for a device.
                FileAt.MakeNode(directory, name, random.Next(2) == 0 ? FileKind.CharacterDevice : FileKind.BlockDevice, 0x1b0, (uint)random.Next(1, 512), (uint)random.Next(1 << 18));
                break;
            case 7:
                FileAt.MakeNode(directory, name, FileKind.CharacterDevice, 0);
                break;
            case 8:
                FileAt.MakeNode(directory, name, FileKind.Socket, 0x1a4);
                break;
            default:
                using (var file = FileAt.Open(directory, name, OpenFlags.O_WRONLY | OpenFlags.O_CREAT, 0x1a4))
                {
                    var content = new byte[random.Next(4) switch { 0 => 0, 1 => 512, 2 => random.Next(2000), _ => random.Next(600_000) }];
                    random.NextBytes(content);
                    OpenFile.WriteAt(file, content, 0);
                }
                files.Add((directory, name));
                break;
        }
    }

    private static void Describe(Random random, SafeFileHandle directory, string name, FileStatus status)
    {
        uint[] ids = [0, 1, 1000, 65534, 2_097_152, int.MaxValue];
        FileAt.SetOwner(directory, name, ids[random.Next(ids.Length)], ids[random.Next(ids.Length)]);
        if (status.Kind != FileKind.SymbolicLink) FileAt.SetMode(directory, name, (uint)random.Next(0x1000));
        if (random.Next(4) == 0) ExtendedAttributes.Set(directory, name, "trusted.a=b%c", [0, 1, 2, (byte)'\n', 255]);
        if (random.Next(4) == 0) ExtendedAttributes.Set(directory, name, "trusted.empty", []);
        if (random.Next(4) == 0 && status.Kind == FileKind.Regular)
        {
            ExtendedAttributes.Set(directory, name, "user.note", Encoding.UTF8.GetBytes(new string('n', random.Next(1000))));
            ExtendedAttributes.Set(directory, name, "security.capability", [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        }
        var time = random.Next(4) switch
        {
            0 => new FileTime(random.NextInt64(1L << 31), 0),
            1 => new FileTime(-random.NextInt64(1L << 30), (uint)random.Next(1_000_000_000)),
            2 => new FileTime(random.NextInt64(1L << 33), (uint)random.Next(1000) * 1_000_000),
            _ => new FileTime(random.NextInt64(1L << 31), (uint)random.Next(1_000_000_000)),
        };
        FileAt.SetTime(directory, name, time);
    }

    private static void List(SafeFileHandle directory, string path, List<string> lines, Dictionary<(ulong, ulong), string> seen)
    {
        foreach (var name in FileAt.List(directory).Order(StringComparer.Ordinal))
        {
            var status = FileAt.Status(directory, name);
            if (status.Kind == FileKind.Socket) continue;
            var inside = $"{path}/{name}";
            if (status.IsWhiteout)
            {
                lines.Add($"{inside}\0 whiteout");
                continue;
            }
            var line = new StringBuilder($"{inside}\0 {status.Kind} {Convert.ToString(status.Mode, 8)} {status.Uid}:{status.Gid} {status.Modified} {status.RdevMajor}:{status.RdevMinor}");
            if (status.Kind != FileKind.Directory && status.Links > 1 && !seen.TryAdd((status.Device, status.Inode), inside))
            {
                lines.Add($"{inside}\0 is {seen[(status.Device, status.Inode)]}");
                continue;
            }
            foreach (var attribute in ExtendedAttributes.List(directory, name).Order(StringComparer.Ordinal))
                line.Append($" {attribute}={Convert.ToHexString(ExtendedAttributes.Get(directory, name, attribute)!)}");
            if (status.Kind == FileKind.SymbolicLink) line.Append(" -> ").Append(FileAt.ReadSymbolicLink(directory, name));
            if (status.Kind == FileKind.Regular)
            {
                using var file = FileAt.Open(directory, name, OpenFlags.O_RDONLY);
                var content = new byte[status.Size];
                for (var at = 0; at < content.Length;) at += OpenFile.ReadAt(file, content.AsSpan(at), at);
                line.Append($" {status.Size} {Convert.ToHexString(SHA256.HashData(content))}");
            }
            lines.Add(line.ToString());
            if (status.Kind == FileKind.Directory)
            {
                using var own = FileAt.Open(directory, name, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW);
                List(own, inside, lines, seen);
            }
        }
    }
}
