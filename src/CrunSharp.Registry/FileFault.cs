using CrunSharp.Oci;

namespace CrunSharp.Registry;

/// <summary>What went wrong with a file, in the words of the system: the platform's own are left out of a published program.</summary>
internal static class FileFault
{
    /// <summary>The error of an operation.</summary>
    public static CrunException Of(Exception error, string operation) => new(ErrorKind.System, "", operation, error switch
    {
        UnauthorizedAccessException => Errno.EACCES,
        FileNotFoundException or DirectoryNotFoundException => Errno.ENOENT,
        // On Linux an IOException carries errno itself.
        _ => Enum.IsDefined((Errno)error.HResult) ? (Errno)error.HResult : Errno.EIO,
    }, inner: error);
}
