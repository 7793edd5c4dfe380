using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Files;

/// <summary>Extended attributes of the entries of a directory; a symbolic link's are its own.</summary>
/// <remarks>There is no <c>…at</c> form before Linux 6.13, so the entry is named through <c>/proc/self/fd</c>.</remarks>
/// <seealso href="https://man7.org/linux/man-pages/man7/xattr.7.html"/>
public static unsafe class ExtendedAttributes
{
    private const int MostBytes = 64 * 1024;

    /// <summary>The names of an entry's attributes; empty where the file system has none.</summary>
    /// <exception cref="CrunException">The errors of llistxattr.</exception>
    public static IReadOnlyList<string> List(SafeFileHandle directory, string name)
    {
        var path = Through(directory, name);
        var small = stackalloc byte[1024];
        var length = C.llistxattr(path, small, 1024);
        if (length == 0) return [];
        if (length > 0) return Split(new ReadOnlySpan<byte>(small, (int)length));
        var errno = SystemCall.LastErrno;
        if (errno == Errno.EOPNOTSUPP) return [];
        if (errno == Errno.ERANGE)
        {
            var large = new byte[MostBytes];
            fixed (byte* list = large) length = C.llistxattr(path, list, MostBytes);
            if (length >= 0) return Split(large.AsSpan(0, (int)length));
            errno = SystemCall.LastErrno;
        }
        throw SystemCall.Failure(errno, $"list attributes of {name}", $"llistxattr({SystemCall.Quote(path)})");
    }

    /// <summary>An attribute's value; null when there is none of that name.</summary>
    /// <exception cref="CrunException">The errors of lgetxattr.</exception>
    public static byte[]? Get(SafeFileHandle directory, string name, string attribute)
    {
        var path = Through(directory, name);
        var small = stackalloc byte[256];
        var length = C.lgetxattr(path, attribute, small, 256);
        if (length >= 0) return new ReadOnlySpan<byte>(small, (int)length).ToArray();
        var errno = SystemCall.LastErrno;
        if (errno is Errno.ENODATA or Errno.EOPNOTSUPP) return null;
        if (errno == Errno.ERANGE)
        {
            var large = new byte[MostBytes];
            fixed (byte* value = large) length = C.lgetxattr(path, attribute, value, MostBytes);
            if (length >= 0) return large[..(int)length];
            errno = SystemCall.LastErrno;
        }
        throw SystemCall.Failure(errno, $"read attribute {attribute} of {name}", $"lgetxattr({SystemCall.Quote(path)}, {SystemCall.Quote(attribute)})");
    }

    /// <summary>Sets an attribute.</summary>
    /// <exception cref="CrunException">The errors of lsetxattr; EOPNOTSUPP where the file system has none.</exception>
    public static void Set(SafeFileHandle directory, string name, string attribute, ReadOnlySpan<byte> value)
    {
        var path = Through(directory, name);
        fixed (byte* bytes = value)
        {
            if (C.lsetxattr(path, attribute, bytes, (nuint)value.Length, 0) != 0)
                throw SystemCall.Failure($"set attribute {attribute} of {name}", $"lsetxattr({SystemCall.Quote(path)}, {SystemCall.Quote(attribute)}, {value.Length} bytes)");
        }
    }

    /// <summary>Takes an attribute away; false when there was none of that name.</summary>
    /// <exception cref="CrunException">The errors of lremovexattr.</exception>
    public static bool Remove(SafeFileHandle directory, string name, string attribute)
    {
        var path = Through(directory, name);
        if (C.lremovexattr(path, attribute) == 0) return true;
        return SystemCall.LastErrno is Errno.ENODATA or Errno.EOPNOTSUPP
            ? false
            : throw SystemCall.Failure($"remove attribute {attribute} of {name}", $"lremovexattr({SystemCall.Quote(path)}, {SystemCall.Quote(attribute)})");
    }

    /// <summary>The names of an open file's attributes; empty where the file system has none. Not for O_PATH.</summary>
    /// <exception cref="CrunException">The errors of flistxattr.</exception>
    public static IReadOnlyList<string> List(SafeFileHandle file)
    {
        var small = stackalloc byte[1024];
        var length = C.flistxattr(file, small, 1024);
        if (length == 0) return [];
        if (length > 0) return Split(new ReadOnlySpan<byte>(small, (int)length));
        var errno = SystemCall.LastErrno;
        if (errno == Errno.EOPNOTSUPP) return [];
        if (errno == Errno.ERANGE)
        {
            var large = new byte[MostBytes];
            fixed (byte* list = large) length = C.flistxattr(file, list, MostBytes);
            if (length >= 0) return Split(large.AsSpan(0, (int)length));
            errno = SystemCall.LastErrno;
        }
        throw SystemCall.Failure(errno, $"list attributes of {FileAt.PathOf(file)}", $"flistxattr({SystemCall.Fd(file)})");
    }

    /// <summary>An open file's attribute; null when there is none of that name. Not for O_PATH.</summary>
    /// <exception cref="CrunException">The errors of fgetxattr.</exception>
    public static byte[]? Get(SafeFileHandle file, string attribute)
    {
        var small = stackalloc byte[256];
        var length = C.fgetxattr(file, attribute, small, 256);
        if (length >= 0) return new ReadOnlySpan<byte>(small, (int)length).ToArray();
        var errno = SystemCall.LastErrno;
        if (errno is Errno.ENODATA or Errno.EOPNOTSUPP) return null;
        if (errno == Errno.ERANGE)
        {
            var large = new byte[MostBytes];
            fixed (byte* value = large) length = C.fgetxattr(file, attribute, value, MostBytes);
            if (length >= 0) return large[..(int)length];
            errno = SystemCall.LastErrno;
        }
        throw SystemCall.Failure(errno, $"read attribute {attribute} of {FileAt.PathOf(file)}", $"fgetxattr({SystemCall.Fd(file)}, {SystemCall.Quote(attribute)})");
    }

    /// <summary>Sets an open file's attribute. Not for O_PATH.</summary>
    /// <exception cref="CrunException">The errors of fsetxattr; EOPNOTSUPP where the file system has none.</exception>
    public static void Set(SafeFileHandle file, string attribute, ReadOnlySpan<byte> value)
    {
        fixed (byte* bytes = value)
        {
            if (C.fsetxattr(file, attribute, bytes, (nuint)value.Length, 0) != 0)
                throw SystemCall.Failure($"set attribute {attribute} of {FileAt.PathOf(file)}", $"fsetxattr({SystemCall.Fd(file)}, {SystemCall.Quote(attribute)}, {value.Length} bytes)");
        }
    }

    private static string Through(SafeFileHandle directory, string name)
    {
        if (name.Contains('/')) throw new ArgumentException("an entry's name has no slash", nameof(name));
        return $"/proc/self/fd/{FileAt.Number(directory)}/{name}";
    }

    private static List<string> Split(ReadOnlySpan<byte> list)
    {
        var names = new List<string>();
        while (list.IndexOf((byte)0) is >= 0 and var end)
        {
            names.Add(PathEncoding.Decode(list[..end]));
            list = list[(end + 1)..];
        }
        return names;
    }
}
