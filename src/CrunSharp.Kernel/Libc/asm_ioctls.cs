using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Libc;

[CHeader("sys/ioctl.h")]
internal static class TIOC
{
    public const uint TIOCSCTTY = 0x540E;
    public const uint TIOCSPGRP = 0x5410;
    public const uint TIOCGWINSZ = 0x5413;
    public const uint TIOCSWINSZ = 0x5414;
    public const uint TIOCGPTN = 0x80045430;
    public const uint TIOCSPTLCK = 0x40045431;
    public const uint TIOCGPTPEER = 0x5441;
}

[CHeader("sys/ioctl.h", "struct winsize")]
internal struct winsize
{
    public ushort ws_row;
    public ushort ws_col;
    public ushort ws_xpixel;
    public ushort ws_ypixel;
}

[CHeader("termios.h", "struct termios")]
internal unsafe struct termios
{
    public uint c_iflag;
    public uint c_oflag;
    public uint c_cflag;
    public uint c_lflag;
    public byte c_line;
    public fixed byte c_cc[32];
    public uint c_ispeed;
    public uint c_ospeed;
}

[CHeader("termios.h")]
internal static class TERMIOS
{
    public const int TCSANOW = 0;
    public const int TCSADRAIN = 1;
    public const uint OPOST = 1;
    public const uint ONLCR = 4;
    public const uint ECHO = 8;
    public const uint ECHONL = 64;
}

internal static unsafe partial class C
{
    [LibraryImport("libc", SetLastError = true)]
    public static partial int ioctl(SafeFileHandle fd, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int ioctl_value(SafeFileHandle fd, nuint request, nint argument);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int tcgetattr(SafeFileHandle fd, termios* settings);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int tcsetattr(SafeFileHandle fd, int actions, termios* settings);

    [LibraryImport("libc")]
    public static partial void cfmakeraw(termios* settings);

    [LibraryImport("libc")]
    public static partial int isatty(int fd);
}
