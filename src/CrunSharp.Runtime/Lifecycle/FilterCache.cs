using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Seccomp;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>
/// Compiled system call filters by their profile's digest, since engines give most containers the same: each a file of a
/// directory below the runtime's root that nobody else may enter. What is not as it was written is compiled again.
/// </summary>
/// <param name="root">The runtime's root.</param>
internal sealed class FilterCache(string root)
{
    // To be raised with every change of what the compiler makes of a profile.
    private const string Revision = "1";

    // No container has such an id.
    private const string Name = "~filters";

    private const int Most = 64;
    private const int HeadSize = 2 * 32 + sizeof(uint);
    private const int MostBytes = HeadSize + 4096 * 8;

    /// <summary>A profile's filter; compiled unless it was before.</summary>
    /// <param name="profile">The profile.</param>
    /// <param name="key">By what <see cref="TryGet"/> finds it.</param>
    /// <exception cref="CrunException">A word of the profile is not known or does not fit.</exception>
    public SeccompFilter Get(SeccompSpec profile, out string key)
    {
        // Who listens makes no other filter.
        var json = (profile with { ListenerPath = null, ListenerMetadata = null }).ToJson();
        // Of the architecture the number: names of enumerations are found by reflection, which takes 0.7 MB.
        key = string.Concat(Digest.Of(json).Hex, "-", ((int)RuntimeInformation.ProcessArchitecture).ToString(CultureInfo.InvariantCulture), "-", Revision);
        using var directory = TryOpen(mayMake: true);
        if (directory is null) return FilterCompiler.Compile(profile);
        if (TryRead(directory, key) is { } known) return known;
        var filter = FilterCompiler.Compile(profile);
        Write(directory, key, filter);
        return filter;
    }

    /// <summary>A filter that was compiled before; null when it is not there any more.</summary>
    public SeccompFilter? TryGet(string key)
    {
        using var directory = TryOpen(mayMake: false);
        return directory is null ? null : TryRead(directory, key);
    }

    // Null when it is not there, or another user could have written into it.
    private SafeFileHandle? TryOpen(bool mayMake)
    {
        var path = $"{root}/{Name}";
        var directory = FileAt.TryOpen(null, path, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW, out var errno);
        if (directory is null && errno == Errno.ENOENT && mayMake && FileAt.TryMakeDirectory(null, path, 0x1c0, out _))
            directory = FileAt.TryOpen(null, path, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW, out _);
        if (directory is null) return null;
        var status = FileAt.Status(directory);
        if (status.Mode == 0x1c0 && status.Uid == OpenFile.CreationOwner.Uid) return directory;
        directory.Dispose();
        return null;
    }

    // The digest of what follows it, the flags, the program.
    private static SeccompFilter? TryRead(SafeFileHandle directory, string key)
    {
        byte[]? content;
        try
        {
            content = AtomicFile.TryRead(directory, key, MostBytes);
        }
        catch (CrunException)
        {
            return null;
        }
        if (content is null || content.Length < HeadSize || (content.Length - HeadSize) % 8 != 0) return null;
        if (!Ascii.Equals(content.AsSpan(0, 64), Digest.Of(content.AsSpan(64)).Hex)) return null; // a power cut tore it
        return new SeccompFilter(content.AsMemory(HeadSize), (SeccompFilterFlags)BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(64)));
    }

    private static void Write(SafeFileHandle directory, string key, SeccompFilter filter)
    {
        var content = new byte[HeadSize + filter.Program.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(64), (uint)filter.Flags);
        filter.Program.Span.CopyTo(content.AsSpan(HeadSize));
        Encoding.ASCII.GetBytes(Digest.Of(content.AsSpan(64)).Hex, content);
        try
        {
            var names = FileAt.List(directory);
            if (names.Count >= Most) names.ForEach(name => FileAt.Remove(directory, name));
            AtomicFile.Write(directory, key, content);
        }
        catch (CrunException)
        {
            // No space: it is compiled the next time as well.
        }
    }
}
