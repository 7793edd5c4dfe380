using System.Security.Cryptography;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Cache;

/// <summary>What is known of a regular file.</summary>
/// <param name="Content">The hash of its content.</param>
/// <param name="HasAttributes">Whether it has extended attributes that go with it.</param>
internal readonly record struct KnownFile(Digest Content, bool HasAttributes);

/// <summary>
/// What the files of a tree hashed to when they were last read, so that a file that did not change is not read again, nor its
/// attributes listed. A record holds while device, inode, size, times of content and inode are the same.
/// </summary>
/// <remarks>
/// A file that changed at about the time when it was hashed is not recorded: another change within the clock's grain would
/// not show. The index only saves work: it is ignored when it is damaged.
/// </remarks>
internal sealed class ContextIndex
{
    private const string Magic = "crun-sharp index 2";
    private const long RacySeconds = 2;
    private const int MostBytes = 512 * 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly SafeFileHandle _folder;
    private readonly string _file;
    private readonly TimeProvider _clock;
    private readonly Dictionary<string, Record> _old;
    private readonly Dictionary<string, Record> _new = new(StringComparer.Ordinal);
    private bool _changed;

    private ContextIndex(SafeFileHandle folder, string file, TimeProvider clock, Dictionary<string, Record> old) =>
        (_folder, _file, _clock, _old) = (folder, file, clock, old);

    /// <summary>How many files were read because nothing was known of them.</summary>
    public int Hashed { get; private set; }

    /// <summary>Opens the index of a tree; empty when there is none yet.</summary>
    /// <param name="folder">The folder of indexes; stays the caller's.</param>
    /// <param name="tree">What tree it is, such as the path of a context.</param>
    /// <param name="clock">The time.</param>
    public static ContextIndex Open(SafeFileHandle folder, string tree, TimeProvider clock)
    {
        var file = Digest.Of(Encoding.UTF8.GetBytes(tree)).Hex;
        return new ContextIndex(folder, file, clock, Load(folder, file));
    }

    /// <summary>What is known of a regular file; null when it has to be read.</summary>
    /// <param name="path">The file's path in the tree.</param>
    /// <param name="status">What it is now.</param>
    public KnownFile? TryGet(string path, in FileStatus status)
    {
        lock (_lock)
        {
            if ((!_old.TryGetValue(path, out var known) && !_new.TryGetValue(path, out known)) || !known.IsOf(status)) return null;
            _new[path] = known;
            return known.What;
        }
    }

    /// <summary>Reads a regular file and returns the hash of its content.</summary>
    /// <param name="path">The file's path in the tree.</param>
    /// <param name="file">The open file.</param>
    /// <exception cref="CrunException">It changes all the time.</exception>
    public Digest Hash(string path, SafeFileHandle file)
    {
        for (var tries = 0; ; tries++)
        {
            var now = _clock.GetUtcNow().ToUnixTimeSeconds();
            var before = FileAt.Status(file);
            var known = new KnownFile(HashOf(file), ExtendedAttributes.List(file).Any(Steps.FileAttributes.IsCarried));
            var after = FileAt.Status(file);
            if (!new Record(before, known).IsOf(after))
            {
                if (tries < 3) continue;
                throw CrunException.WrongState($"{path}: the file changes while it is read");
            }
            lock (_lock)
            {
                Hashed++;
                if (after.Changed.Seconds + RacySeconds >= now) return known.Content;
                _new[path] = new Record(after, known);
                _changed = true;
                return known.Content;
            }
        }
    }

    /// <summary>Writes the index, without what is gone, if anything changed.</summary>
    public void Save()
    {
        if (!_changed && _new.Count == _old.Count) return;
        // Files that this build did not select may be selected by the next one.
        foreach (var (path, record) in _old) _new.TryAdd(path, record);
        if (!_changed) return;
        using var memory = new MemoryStream();
        using (var writer = new BinaryWriter(memory, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(Magic);
            writer.Write(_new.Count);
            foreach (var (path, record) in _new) record.Write(writer, path);
        }
        memory.Write(SHA256.HashData(memory.GetBuffer().AsSpan(0, (int)memory.Length)));
        AtomicFile.Write(_folder, _file, memory.GetBuffer().AsSpan(0, (int)memory.Length));
    }

    private static Digest HashOf(SafeFileHandle file)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[128 * 1024];
        long offset = 0;
        while (RandomAccess.Read(file, buffer, offset) is > 0 and var count)
        {
            hash.AppendData(buffer, 0, count);
            offset += count;
        }
        return Digest.FromHash(hash.GetHashAndReset());
    }

    private static Dictionary<string, Record> Load(SafeFileHandle folder, string file)
    {
        var records = new Dictionary<string, Record>(StringComparer.Ordinal);
        try
        {
            var content = AtomicFile.TryRead(folder, file, MostBytes);
            if (content is null || content.Length < SHA256.HashSizeInBytes) return records;
            var body = content.AsSpan(0, content.Length - SHA256.HashSizeInBytes);
            if (!SHA256.HashData(body).AsSpan().SequenceEqual(content.AsSpan(body.Length))) return records;
            using var reader = new BinaryReader(new MemoryStream(content), Encoding.UTF8);
            if (reader.ReadString() != Magic) return records;
            for (var left = reader.ReadInt32(); left > 0; left--)
            {
                var (path, record) = Record.Read(reader);
                records[path] = record;
            }
        }
        catch (Exception error) when (error is CrunException or IOException)
        {
            records.Clear();
        }
        return records;
    }

    private readonly record struct Record(ulong Device, ulong Inode, long Size, FileTime Modified, FileTime Changed, KnownFile What)
    {
        public Record(in FileStatus status, KnownFile what)
            : this(status.Device, status.Inode, status.Size, status.Modified, status.Changed, what)
        {
        }

        public bool IsOf(in FileStatus status) => this == new Record(status, What);

        public void Write(BinaryWriter writer, string path)
        {
            var bytes = PathEncoding.Encode(path);
            writer.Write7BitEncodedInt(bytes.Length);
            writer.Write(bytes);
            writer.Write(Device);
            writer.Write(Inode);
            writer.Write(Size);
            writer.Write(Modified.Seconds);
            writer.Write(Modified.Nanoseconds);
            writer.Write(Changed.Seconds);
            writer.Write(Changed.Nanoseconds);
            writer.Write(Convert.FromHexString(What.Content.Hex));
            writer.Write(What.HasAttributes);
        }

        public static (string Path, Record Record) Read(BinaryReader reader)
        {
            var path = PathEncoding.Decode(reader.ReadBytes(reader.Read7BitEncodedInt()));
            return (path, new Record(reader.ReadUInt64(), reader.ReadUInt64(), reader.ReadInt64(),
                new FileTime(reader.ReadInt64(), reader.ReadUInt32()), new FileTime(reader.ReadInt64(), reader.ReadUInt32()),
                new KnownFile(Digest.FromHash(reader.ReadBytes(SHA256.HashSizeInBytes)), reader.ReadBoolean())));
        }
    }
}
