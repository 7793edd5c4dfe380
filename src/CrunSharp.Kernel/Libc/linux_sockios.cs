namespace CrunSharp.Kernel.Libc;

[CHeader("linux/sockios.h")]
internal static class SIO
{
    public const uint SIOCSIFFLAGS = 0x8914;
}
