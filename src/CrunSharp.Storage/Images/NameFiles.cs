using System.Runtime.InteropServices;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>What a name stands for.</summary>
/// <param name="Name">The name.</param>
/// <param name="Id">The image.</param>
/// <param name="Others">The same for other platforms; none for most names.</param>
internal sealed record NameEntry(ImageReference Name, Digest Id, IReadOnlyList<Digest> Others);

/// <summary>Names of images as files: one for each name, with the image's id in it, the name, and ids of images for other platforms.</summary>
internal sealed class NameFiles(StoreDirectories directories)
{
    private const int MostBytes = 8 * 1024;

    // A file's name has up to 255 bytes; names of images can be longer, and are then found by their digest.
    private const int LongestName = 240;

    public NameEntry? TryRead(ImageReference name) => Read(FileName(name));

    public void Write(NameEntry entry) =>
        AtomicFile.Write(directories.Names, FileName(entry.Name), Encoding.ASCII.GetBytes(string.Join('\n', [entry.Id.ToString(), entry.Name.ToString(), .. entry.Others.Select(static other => other.ToString()), ""])), durable: true);

    public bool Remove(ImageReference name) => FileAt.Remove(directories.Names, FileName(name));

    /// <summary>All names and the ids they stand for, sorted by name.</summary>
    public List<NameEntry> List()
    {
        var files = FileAt.List(directories.Names);
        var found = new NameEntry?[files.Count];
        AllCores.For(files.Count, i => found[i] = AtomicFile.IsTemporary(files[i]) ? null : Read(files[i]));
        var all = new List<(string Text, NameEntry Entry)>(files.Count);
        foreach (var entry in found)
        {
            if (entry is { } named) all.Add((named.Name.ToString(), named));
        }
        CollectionsMarshal.AsSpan(all).Sort(static (a, b) => string.CompareOrdinal(a.Text, b.Text));
        return all.ConvertAll(static n => n.Entry);
    }

    /// <summary>All files, and what is in them; null for what is damaged.</summary>
    public IEnumerable<(string File, NameEntry? Entry)> Files()
    {
        foreach (var file in FileAt.List(directories.Names))
        {
            if (!AtomicFile.IsTemporary(file)) yield return (file, Read(file));
        }
    }

    public static string FileName(ImageReference name)
    {
        var text = name.ToString();
        var file = text.Replace("/", "%2F", StringComparison.Ordinal).Replace(":", "%3A", StringComparison.Ordinal);
        return file.Length <= LongestName ? file : "%" + Digest.Of(Encoding.ASCII.GetBytes(text)).Hex;
    }

    // A file that is damaged names nothing; who gives its name to an image writes it anew.
    public NameEntry? Read(string file)
    {
        byte[]? content;
        try
        {
            content = AtomicFile.TryRead(directories.Names, file, MostBytes);
        }
        catch (CrunException error) when (error.Kind == ErrorKind.InvalidInput)
        {
            return null;
        }
        if (content is null) return null;
        var lines = Encoding.ASCII.GetString(content).Split('\n');
        if (lines.Length < 2 || !Digest.TryParse(lines[0], out var id) || !ImageReference.TryParse(lines[1], out var name)) return null;
        var others = new List<Digest>();
        foreach (var line in lines.AsSpan(2))
        {
            if (Digest.TryParse(line, out var other)) others.Add(other);
        }
        return new NameEntry(name, id, others);
    }
}
