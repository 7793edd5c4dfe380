using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Cache;

/// <summary>What is known of a regular file.</summary>
/// <param name="Content">The hash of its content.</param>
/// <param name="HasAttributes">Whether it has extended attributes that go with it.</param>
internal readonly record struct KnownFile(ContentHash Content, bool HasAttributes);

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
    private const long RacySeconds = 2;
    private const int MostBytes = 512 * 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly SafeFileHandle _folder;
    private readonly string _file;
    private readonly TimeProvider _clock;
    private readonly FileTable _table;
    private bool _changed;

    private ContextIndex(SafeFileHandle folder, string file, TimeProvider clock, FileTable table) =>
        (_folder, _file, _clock, _table) = (folder, file, clock, table);

    /// <summary>Of how many files something is known.</summary>
    public int Count => _table.Count;

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
    public KnownFile? TryGet(PathKey path, in FileStatus status)
    {
        lock (_lock)
        {
            return _table.TryGet(path) is { } known && known.IsOf(status) ? known.What : null;
        }
    }

    /// <summary>Whether nothing that the index looks at changed between two looks at a file.</summary>
    public static bool IsSame(in FileStatus before, in FileStatus after) => new FileRecord(default, before, default).IsOf(after);

    /// <summary>Makes room for files that will be hashed.</summary>
    /// <param name="count">How many.</param>
    public void Expect(int count)
    {
        lock (_lock) _table.Expect(count);
    }

    /// <summary>Reads a regular file and returns the hash of its content.</summary>
    /// <param name="path">The file's path in the tree.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="file">The open file.</param>
    /// <exception cref="CrunException">It changes all the time.</exception>
    public ContentHash Hash(PathKey path, string name, SafeFileHandle file)
    {
        for (var tries = 0; ; tries++)
        {
            var now = _clock.GetUtcNow().ToUnixTimeSeconds();
            var before = FileAt.Status(file);
            var known = new KnownFile(HashOf(file, before.Size), ExtendedAttributes.List(file).Any(Steps.FileAttributes.IsCarried));
            var after = FileAt.Status(file);
            if (!IsSame(before, after))
            {
                if (tries < 3) continue;
                throw CrunException.WrongState($"{name}: the file changes while it is read");
            }
            lock (_lock)
            {
                Hashed++;
                if (after.Changed.Seconds + RacySeconds >= now) return known.Content;
                _table.Set(new FileRecord(path, after, known));
                _changed = true;
                return known.Content;
            }
        }
    }

    /// <summary>Writes the index if anything changed. Files that this build did not select may be selected by the next one.</summary>
    public void Save()
    {
        if (_changed) AtomicFile.Write(_folder, _file, _table.ToFile());
    }

    private static ContentHash HashOf(SafeFileHandle file, long size)
    {
        // Of the pool: one for each of thousands of small files would be most of the collector's work.
        var buffer = ArrayPool<byte>.Shared.Rent(128 * 1024);
        try
        {
            Span<byte> result = stackalloc byte[SHA256.HashSizeInBytes];
            var count = OpenFile.ReadAt(file, buffer, 0);
            if (count == size)
            {
                SHA256.HashData(buffer.AsSpan(0, count), result);
                return ContentHash.Read(result);
            }
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            for (long offset = 0; count > 0; count = OpenFile.ReadAt(file, buffer, offset))
            {
                hash.AppendData(buffer, 0, count);
                offset += count;
            }
            hash.GetHashAndReset(result);
            return ContentHash.Read(result);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static FileTable Load(SafeFileHandle folder, string file)
    {
        try
        {
            return (AtomicFile.TryRead(folder, file, MostBytes) is { } content ? FileTable.TryRead(content) : null) ?? FileTable.Empty();
        }
        catch (CrunException)
        {
            return FileTable.Empty();
        }
    }
}
