using System.Formats.Tar;
using System.Globalization;
using System.Security.Cryptography;

namespace CrunSharp.NativeTests.Harness;

/// <summary>The files of an image as its layers make them: read from the tars, nothing is unpacked.</summary>
internal sealed class ImageFiles
{
    private const string Whiteout = ".wh.";
    private const string Opaque = ".wh..wh..opq";

    // Hard links are one file under several paths.
    private readonly SortedDictionary<string, TarredFile> _files = new(StringComparer.Ordinal);

    /// <summary>The files when one more layer lies above these.</summary>
    public ImageFiles With(byte[] layer)
    {
        var result = new ImageFiles();
        foreach (var (path, file) in _files) result._files[path] = file;
        var entries = new List<(string Path, TarEntry Entry, TarredFile File)>();
        using (var tar = new TarReader(new MemoryStream(layer)))
        {
            while (tar.GetNextEntry() is { } entry)
            {
                entries.Add((PathOf(entry.Name), entry, TarredFile.Of(entry)));
            }
        }
        // What is taken away is of the layers beneath, wherever the tar says it.
        foreach (var (path, _, _) in entries)
        {
            var name = path[(path.LastIndexOf('/') + 1)..];
            var folder = path[..path.LastIndexOf('/')];
            if (name == Opaque) result.RemoveBelow(folder);
            else if (name.StartsWith(Whiteout, StringComparison.Ordinal)) result.Remove($"{folder}/{name[Whiteout.Length..]}");
        }
        foreach (var (path, entry, file) in entries)
        {
            if (path == "/" || path[(path.LastIndexOf('/') + 1)..].StartsWith(Whiteout, StringComparison.Ordinal)) continue;
            if (entry.EntryType != TarEntryType.Directory) result.Remove(path);
            result._files[path] = entry.EntryType == TarEntryType.HardLink ? result._files[PathOf(entry.LinkName)] : file;
        }
        return result;
    }

    /// <summary>A line for each file.</summary>
    public Dictionary<string, string> Lines()
    {
        var paths = _files.GroupBy(static pair => pair.Value, ReferenceEqualityComparer.Instance).ToDictionary(static group => group.Key!, static group => group.Select(static pair => pair.Key).ToList(), ReferenceEqualityComparer.Instance);
        return _files.ToDictionary(static pair => pair.Key, pair => $"{pair.Key} {pair.Value.Text}{(paths[pair.Value].Count > 1 ? " links " + string.Join(',', paths[pair.Value]) : "")}");
    }

    private static string PathOf(string name) => "/" + (name.StartsWith("./", StringComparison.Ordinal) ? name[2..] : name).Trim('/');

    private void Remove(string path)
    {
        _files.Remove(path);
        RemoveBelow(path);
    }

    private void RemoveBelow(string folder)
    {
        foreach (var below in _files.Keys.Where(key => key.StartsWith(folder + "/", StringComparison.Ordinal)).ToList()) _files.Remove(below);
    }

    private sealed class TarredFile(string text)
    {
        // What builders made just now has the time of its making, which is nobody's rule.
        private static readonly DateTimeOffset Recent = DateTimeOffset.UtcNow.AddDays(-2);

        public string Text { get; } = text;

        public static TarredFile Of(TarEntry entry)
        {
            var type = entry.EntryType switch
            {
                TarEntryType.Directory => "directory",
                TarEntryType.SymbolicLink => "link",
                TarEntryType.Fifo => "fifo",
                TarEntryType.CharacterDevice or TarEntryType.BlockDevice => "device",
                _ => "file",
            };
            var mode = type == "link" ? 0x1ff : (int)entry.Mode;
            var text = $"{type} {Convert.ToString(mode, 8)} {entry.Uid}:{entry.Gid}";
            text += entry.ModificationTime > Recent ? " now" : string.Create(CultureInfo.InvariantCulture, $" {entry.ModificationTime.ToUnixTimeMilliseconds() / 1000.0}");
            if (type == "file" && entry.EntryType != TarEntryType.HardLink) text += $" {entry.Length} {(entry.DataStream is { } data ? Convert.ToHexStringLower(SHA256.HashData(data))[..16] : "")}";
            if (type == "link") text += $" -> {entry.LinkName}";
            if (type == "device") text += $" {((PosixTarEntry)entry).DeviceMajor}:{((PosixTarEntry)entry).DeviceMinor}";
            if (entry is PaxTarEntry pax)
            {
                foreach (var (name, value) in pax.ExtendedAttributes.OrderBy(static pair => pair.Key, StringComparer.Ordinal))
                    if (name.StartsWith("SCHILY.xattr.", StringComparison.Ordinal)) text += $" {name[13..]}={Convert.ToHexStringLower(System.Text.Encoding.UTF8.GetBytes(value))}";
            }
            return new TarredFile(text);
        }
    }
}
