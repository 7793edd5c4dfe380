using CrunSharp.Kernel.Files;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Build.Steps;

/// <summary>The extended attributes that are part of a file, and not of the host or of overlayfs.</summary>
internal static class FileAttributes
{
    /// <summary>Whether an attribute goes where the file goes.</summary>
    public static bool IsCarried(string name) =>
        !name.StartsWith("trusted.overlay.", StringComparison.Ordinal)
        && !name.StartsWith("user.overlay.", StringComparison.Ordinal)
        && (name == "security.capability" || !name.StartsWith("security.", StringComparison.Ordinal));

    /// <summary>A file's attributes that go with it, by name.</summary>
    public static IReadOnlyList<KeyValuePair<string, byte[]>> Read(SafeFileHandle directory, string name)
    {
        var listed = ExtendedAttributes.List(directory, name);
        return listed.Count == 0 ? [] : Read(listed, attribute => ExtendedAttributes.Get(directory, name, attribute));
    }

    /// <summary>The attributes of an open file that go with it, by name.</summary>
    public static IReadOnlyList<KeyValuePair<string, byte[]>> Read(SafeFileHandle file)
    {
        var listed = ExtendedAttributes.List(file);
        return listed.Count == 0 ? [] : Read(listed, attribute => ExtendedAttributes.Get(file, attribute));
    }

    /// <summary>Copies the attributes that go with a file. Set owner before, as that clears capabilities.</summary>
    public static void Copy(SafeFileHandle fromDirectory, string from, SafeFileHandle toDirectory, string to)
    {
        foreach (var (name, value) in Read(fromDirectory, from)) ExtendedAttributes.Set(toDirectory, to, name, value);
    }

    private static List<KeyValuePair<string, byte[]>> Read(IReadOnlyList<string> listed, Func<string, byte[]?> get)
    {
        var attributes = new List<KeyValuePair<string, byte[]>>();
        foreach (var attribute in listed.Where(IsCarried).Order(StringComparer.Ordinal))
            if (get(attribute) is { } value) attributes.Add(new(attribute, value));
        return attributes;
    }
}
