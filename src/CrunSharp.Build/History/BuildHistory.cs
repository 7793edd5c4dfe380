using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using CrunSharp.Build.Cache;
using CrunSharp.Kernel;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.History;

/// <summary>
/// The builds of a store that have ended: a file for each, with a line of JSON and the log behind it. It is there whole or not
/// at all, and its name begins with the time, so that the oldest are found without a look into any.
/// </summary>
public static class BuildHistory
{
    /// <summary>How many builds are remembered; older ones go.</summary>
    public const int MostRecords = 50;

    /// <summary>How much their files may take together, in bytes; older ones go.</summary>
    public const long MostBytes = 64L << 20;

    private const string FolderName = "history";
    private const string Letters = "0123456789abcdefghijklmnopqrstuvwxyz";
    private const int IdLength = 25;
    private const int TimeLength = 14;
    private const int MostHead = 1024 * 1024;
    private const OpenFlags Folder = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW;
    private const OpenFlags ForReading = OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK;

    /// <summary>Remembers a build, and forgets the oldest if there are too many.</summary>
    /// <param name="store">The store's directory.</param>
    /// <param name="record">The build; it gets an id.</param>
    /// <param name="log">Its log, in the coding that the record tells.</param>
    /// <exception cref="CrunException">It cannot be written; nothing of it is there then.</exception>
    public static string Add(string store, BuildRecord record, ReadOnlySpan<byte> log)
    {
        var path = PathOf(store);
        FileAt.MakeDirectories(path);
        using var folder = FileAt.OpenDirectory(path);
        var id = MakeId();
        var head = BuildRecord.Document.Format(record);
        var content = new ArrayBufferWriter<byte>(head.Length + 1 + log.Length);
        content.Write(head);
        content.Write("\n"u8);
        content.Write(log);
        AtomicFile.TryCreate(folder, string.Create(CultureInfo.InvariantCulture, $"{record.Started:D14}-{id}"), content.WrittenSpan);
        Trim(folder);
        return id;
    }

    /// <summary>The builds, the latest first. What cannot be read is none.</summary>
    /// <param name="store">The store's directory.</param>
    public static IReadOnlyList<BuildRecord> List(string store)
    {
        using var folder = FileAt.TryOpen(null, PathOf(store), Folder, out _);
        var records = new List<BuildRecord>();
        foreach (var name in folder is null ? [] : Names(folder))
            if (TryRead(folder!, name, out _) is { } record) records.Add(record);
        records.Reverse();
        return records;
    }

    /// <summary>The build of an id, of the beginning of one, or of a place (<c>^0</c> or nothing for the latest, <c>^1</c> for the one before).</summary>
    /// <exception cref="CrunException">There is none, or several ids begin so.</exception>
    public static BuildRecord Find(string store, string reference)
    {
        var all = List(store);
        if (reference.Length == 0) return all.Count > 0 ? all[0] : throw CrunException.NotFound("no build is remembered yet");
        if (reference[0] == '^')
            return int.TryParse(reference.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var place) && place < all.Count ? all[place] : throw NotFound(reference);
        var found = all.Where(record => record.Id.StartsWith(reference, StringComparison.Ordinal)).ToList();
        return found.Count == 1 ? found[0] : throw (found.Count == 0 ? NotFound(reference) : CrunException.Invalid($"several builds have ids that begin with {reference}"));
    }

    /// <summary>Writes a build's log as lines, as <c>--progress plain</c> would have.</summary>
    /// <param name="store">The store's directory.</param>
    /// <param name="record">The build.</param>
    /// <param name="output">Where to.</param>
    /// <exception cref="CrunException">It is gone, or damaged; what was before that is written.</exception>
    public static void WriteLog(string store, BuildRecord record, TextWriter output)
    {
        using var folder = FileAt.TryOpen(null, PathOf(store), Folder, out _);
        var name = folder is null ? null : Names(folder).FirstOrDefault(name => IdOf(name) == record.Id);
        if (name is null || TryRead(folder!, name, out var begin) is null) throw NotFound(record.Id);
        using var file = new FileStream(FileAt.Open(folder, name, ForReading), FileAccess.Read, 0);
        file.Position = begin;
        try
        {
            LogPlayer.Play(file, record.LogCoding, output);
        }
        catch (InvalidDataException)
        {
            output.Flush();
            throw CrunException.Integrity($"the log of the build {record.Id} is damaged");
        }
    }

    /// <summary>Forgets builds.</summary>
    /// <param name="store">The store's directory.</param>
    /// <param name="isUnwanted">Which; null for all.</param>
    /// <returns>Their ids.</returns>
    public static IReadOnlyList<string> Remove(string store, Func<BuildRecord, bool>? isUnwanted)
    {
        var removed = new List<string>();
        using var folder = FileAt.TryOpen(null, PathOf(store), Folder, out _);
        foreach (var name in folder is null ? [] : Names(folder))
        {
            if (isUnwanted is not null && !(TryRead(folder!, name, out _) is { } record && isUnwanted(record))) continue;
            if (FileAt.Remove(folder, name)) removed.Add(IdOf(name));
        }
        return removed;
    }

    private static string MakeId()
    {
        Span<byte> bytes = stackalloc byte[IdLength];
        KernelRandom.Fill(bytes);
        Span<char> id = stackalloc char[IdLength];
        for (var i = 0; i < IdLength; i++) id[i] = Letters[bytes[i] % Letters.Length];
        return new string(id);
    }

    private static string PathOf(string store) => Path.Combine(CacheFolder.PathOf(store), FolderName);

    private static string IdOf(string name) => name[(TimeLength + 1)..];

    // The oldest first.
    private static List<string> Names(SafeFileHandle folder)
    {
        var names = FileAt.List(folder).FindAll(static name => name.Length == TimeLength + 1 + IdLength && name[TimeLength] == '-'
            && !name.AsSpan(0, TimeLength).ContainsAnyExceptInRange('0', '9') && !name.AsSpan(TimeLength + 1).ContainsAnyExcept(Letters));
        CollectionsMarshal.AsSpan(names).Sort(StringComparer.Ordinal);
        return names;
    }

    private static void Trim(SafeFileHandle folder)
    {
        var names = Names(folder);
        var (kept, bytes) = (0, 0L);
        for (var i = names.Count - 1; i >= 0; i--)
        {
            bytes += FileAt.TryStatus(folder, names[i])?.Size ?? 0;
            // The latest stays, however large it is.
            if (kept == 0 || (kept < MostRecords && bytes <= MostBytes)) kept++;
            else FileAt.Remove(folder, names[i]);
        }
    }

    private static BuildRecord? TryRead(SafeFileHandle folder, string name, out long begin)
    {
        begin = 0;
        using var file = FileAt.TryOpen(folder, name, ForReading, out _);
        if (file is null || FileAt.Status(file).Kind != FileKind.Regular) return null;
        try
        {
            var head = new byte[4096];
            for (var filled = 0; ;)
            {
                var read = OpenFile.ReadAt(file, head.AsSpan(filled), filled);
                var end = head.AsSpan(filled, read).IndexOf((byte)'\n');
                if (end >= 0)
                {
                    begin = filled + end + 1;
                    return BuildRecord.Document.Parse(head.AsSpan(0, filled + end), "record") with { Id = IdOf(name) };
                }
                filled += read;
                if (read == 0 || filled >= MostHead) return null;
                if (filled == head.Length) Array.Resize(ref head, head.Length * 4);
            }
        }
        catch (CrunException)
        {
            return null;
        }
    }

    private static CrunException NotFound(string reference) => CrunException.NotFound($"No such build: {reference}");
}
