using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Kernel;

/// <summary>Random bytes of the kernel, fit for identities and secrets, without loading a library for them.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man2/getrandom.2.html"/>
public static unsafe class KernelRandom
{
    /// <summary>Fills <paramref name="bytes"/>, waiting after the boot until the kernel has collected enough.</summary>
    /// <exception cref="CrunException">The errors of getrandom other than EINTR.</exception>
    public static void Fill(Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            nint count;
            fixed (byte* at = bytes) count = C.getrandom(at, (nuint)bytes.Length, 0);
            if (count >= 0) bytes = bytes[(int)count..];
            else if (SystemCall.LastErrno != Errno.EINTR) throw SystemCall.Failure("get random bytes", $"getrandom({bytes.Length}, 0)");
        }
    }

    /// <summary>As many random bytes in hexadecimal digits, two for each.</summary>
    /// <param name="bytes">How many bytes, 1 to 256.</param>
    /// <exception cref="CrunException">The errors of getrandom.</exception>
    public static string Hex(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, 256);
        Span<byte> random = stackalloc byte[bytes];
        Fill(random);
        return Convert.ToHexStringLower(random);
    }
}
