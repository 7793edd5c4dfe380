using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Storage;

/// <summary>Names of images as files: one for each name, with the image's id in it.</summary>
internal sealed class NameFiles(StoreDirectories directories)
{
    private const int MostBytes = 1024;

    // A file's name has up to 255 bytes; names of images can be longer, and are then found by their digest.
    private const int LongestName = 240;

    public Digest? TryRead(ImageReference name) => Read(FileName(name))?.Id;

    public void Write(ImageReference name, Digest id) =>
        AtomicFile.Write(directories.Names, FileName(name), Encoding.ASCII.GetBytes($"{id}\n{name}\n"), durable: true);

    public bool Remove(ImageReference name) => FileAt.Remove(directories.Names, FileName(name));

    /// <summary>All names and the ids they stand for, sorted by name.</summary>
    public List<(ImageReference Name, Digest Id)> List()
    {
        var files = FileAt.List(directories.Names);
        var found = new (ImageReference Name, Digest Id)?[files.Count];
        AllCores.For(files.Count, i => found[i] = AtomicFile.IsTemporary(files[i]) ? null : Read(files[i]));
        var all = new List<(string Text, (ImageReference Name, Digest Id) Entry)>(files.Count);
        foreach (var entry in found)
        {
            if (entry is { } named) all.Add((named.Name.ToString(), named));
        }
        all.Sort(static (a, b) => string.CompareOrdinal(a.Text, b.Text));
        return all.ConvertAll(static n => n.Entry);
    }

    /// <summary>All files, and what is in them; null for what is damaged.</summary>
    public IEnumerable<(string File, (ImageReference Name, Digest Id)? Entry)> Files()
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
    public (ImageReference Name, Digest Id)? Read(string file)
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
        return lines.Length >= 2 && Digest.TryParse(lines[0], out var id) && ImageReference.TryParse(lines[1], out var name)
            ? (name, id) : null;
    }
}
