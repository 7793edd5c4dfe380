using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Storage;

/// <summary>
/// Finds what does not belong into the store: files that nothing of ours is named like, and drafts of dead processes that
/// cannot be removed. Those that can are, as by each command that writes to the store.
/// </summary>
internal static class LeftoverCheck
{
    public static void Run(CheckRun run)
    {
        var directories = run.Store.Directories;
        run.Store.Sweep();
        foreach (var name in run.Store.Drafts.Dead())
            run.Found(FindingKind.Leftover, $"tmp/{name}", "left by a process that was killed", () => run.Store.Drafts.TryRemove(name) ? Mending.Succeeded("removed") : Mending.InUse);
        Look(run, directories.Blobs, "blobs/sha256", static name => Digest.TryParseHex(name, out _));
        Look(run, directories.Layers, "layers", static name => Digest.TryParseHex(name, out _));
        Look(run, directories.Images, "images", static name => name.EndsWith(".json", StringComparison.Ordinal) && Digest.TryParseHex(name[..^".json".Length], out _));
        Look(run, directories.Names, "names", static _ => true);
    }

    /// <summary>Finds names in a directory that are not ours, and removes what processes left in it that were killed while they wrote.</summary>
    public static void Look(CheckRun run, SafeFileHandle directory, string path, Func<string, bool> isOurs)
    {
        AtomicFile.Sweep(directory);
        foreach (var name in FileAt.List(directory))
        {
            if (AtomicFile.IsTemporary(name) || isOurs(name)) continue;
            run.Found(FindingKind.Leftover, $"{path}/{name}", "nothing of this store has such a name", () =>
            {
                FileAt.RemoveTree(directory, name);
                return Mending.Succeeded("removed");
            });
        }
    }
}
