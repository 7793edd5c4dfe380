using System.Buffers.Binary;
using CrunSharp.Build.Cache;
using CrunSharp.Cli.CommandLine;
using CrunSharp.Cli.Commands.Images;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Cli.Commands.Builds;

/// <summary>
/// Keeps what builds leave within bounds, at the end of a build that wrote something: the longest unused goes first, and what
/// images, containers and other builds have stays. It costs a look at the disk's free space unless that says that there may be
/// too much; then all is measured, but not again before as much was written as makes a difference.
/// </summary>
internal static class CacheCollection
{
    // Its content is what was free then; its time is when that was.
    private const string Mark = "collected";

    private static readonly TimeSpan Pause = TimeSpan.FromDays(1);

    /// <summary>Collects after a build, which has succeeded: what goes wrong here is told, and no failure.</summary>
    public static void AfterBuild(CommandContext context, Store store)
    {
        try
        {
            Run(context, store);
        }
        catch (CrunException error)
        {
            context.Complain(error.Within("collect the build cache").Message);
        }
    }

    /// <summary>Collects if it is time to.</summary>
    /// <param name="context">The command's world.</param>
    /// <param name="store">The store.</param>
    /// <returns>How many bytes went.</returns>
    /// <exception cref="CrunException">The bounds are wrong, or the store cannot be read.</exception>
    public static long Run(CommandContext context, Store store)
    {
        var root = context.Global.RootOf(context);
        using var directory = FileAt.OpenDirectory(root);
        if (CacheBounds.Parse(context.Variable(CacheBounds.Variable), OpenFile.Space(directory).Size) is not { } bounds || bounds.HoldSurely(directory, out var free)) return 0;
        var mark = $"{CacheFolder.PathOf(root)}/{Mark}";
        if (!IsTime(context, mark, bounds, free)) return 0;
        Note(mark, free); // before: who ends meanwhile need not do the same
        var items = BuilderSpace.Of(context, store).FindAll(static item => !item.Shared);
        var total = items.Sum(static item => item.Size);
        var limit = bounds.LimitOf(total, free);
        var gone = new List<BuilderItem>();
        foreach (var item in items.Where(static item => !item.InUse).OrderBy(static item => item.Moment))
        {
            if (total <= limit) break;
            gone.Add(item);
            total -= item.Size;
        }
        Remove(context, store, root, gone);
        Note(mark, OpenFile.FreeBytes(directory));
        return gone.Sum(static item => item.Size);
    }

    /// <summary>Removes some of what builds keep; what a build has just taken stays.</summary>
    /// <returns>What went.</returns>
    public static IReadOnlyList<BuilderItem> Remove(CommandContext context, Store store, string root, IReadOnlyList<BuilderItem> items)
    {
        var gone = new List<BuilderItem>();
        var layers = new HashSet<Digest>();
        foreach (var item in items)
        {
            if (item.Layer is { } layer) layers.Add(layer);
            else if (item.Type != BuilderItem.CacheMount) CacheFolder.Empty(root, item.Id);
            else if (!TryRemoveMount(root, item.Id)) continue;
            gone.Add(item);
        }
        if (layers.Count == 0) return gone;
        CacheFolder.Forget(root, entry => !layers.Contains(entry.Layer));
        GarbageCollector.Collect(store, () => StoreAccess.LayersToKeep(context), layers, []);
        return gone;
    }

    private static bool TryRemoveMount(string root, string id)
    {
        try
        {
            NamedCaches.Remove(root, id);
            return true;
        }
        catch (CrunException error) when (error.Kind is ErrorKind.WrongState or ErrorKind.NotFound)
        {
            return false; // a build has just taken it, or it is gone
        }
    }

    // A twentieth of what may be taken, or a day.
    private static bool IsTime(CommandContext context, string mark, CacheBounds bounds, long free)
    {
        if (FileAt.TryStatus(null, mark) is not { } status || AtomicFile.TryRead(null, mark, 64) is not { Length: sizeof(long) } then) return true;
        var age = context.Clock.GetUtcNow() - DateTimeOffset.FromUnixTimeSeconds(status.Modified.Seconds);
        return age > Pause || age < -Pause || BinaryPrimitives.ReadInt64LittleEndian(then) - free >= Math.Max(bounds.Reserved, (bounds.Most ?? 0) / 2) / 10;
    }

    private static void Note(string mark, long free)
    {
        var content = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(content, free);
        AtomicFile.Write(null, mark, content);
    }
}
