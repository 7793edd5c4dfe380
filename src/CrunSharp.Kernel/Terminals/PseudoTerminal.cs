using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Kernel.Terminals;

/// <summary>A terminal's size in characters.</summary>
/// <param name="Rows">Its height.</param>
/// <param name="Columns">Its width.</param>
public readonly record struct TerminalSize(ushort Rows, ushort Columns);

/// <summary>A pair of a terminal, for a container, and its master side, for us.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/pty.7.html"/>
public static unsafe class PseudoTerminal
{
    /// <summary>Makes a pair on a devpts file system.</summary>
    /// <param name="devpts">The file system's root.</param>
    /// <returns>The master and the terminal.</returns>
    /// <exception cref="CrunException">The errors of openat and ioctl.</exception>
    public static (SafeFileHandle Master, SafeFileHandle Terminal) Open(SafeFileHandle devpts)
    {
        var master = FileAt.Open(devpts, "ptmx", OpenFlags.O_RDWR | OpenFlags.O_NOCTTY);
        try
        {
            return (master, PeerOf(master));
        }
        catch
        {
            master.Dispose();
            throw;
        }
    }

    /// <summary>Unlocks a master's terminal and opens it.</summary>
    /// <exception cref="CrunException">The errors of ioctl.</exception>
    public static SafeFileHandle PeerOf(SafeFileHandle master)
    {
        var unlocked = 0;
        if (C.ioctl(master, TIOC.TIOCSPTLCK, &unlocked) != 0)
            throw SystemCall.Failure("unlock the terminal", $"ioctl({SystemCall.Fd(master)}, TIOCSPTLCK, [0])");
        var terminal = C.ioctl_value(master, TIOC.TIOCGPTPEER, (nint)(OpenFlags.O_RDWR | OpenFlags.O_NOCTTY | OpenFlags.O_CLOEXEC));
        return terminal >= 0
            ? new SafeFileHandle(terminal, ownsHandle: true)
            : throw SystemCall.Failure("open the terminal", $"ioctl({SystemCall.Fd(master)}, TIOCGPTPEER, O_RDWR|O_NOCTTY|O_CLOEXEC)");
    }

    /// <summary>The number of a master's terminal: <c>/dev/pts/N</c>.</summary>
    /// <exception cref="CrunException">The errors of ioctl.</exception>
    public static int NumberOf(SafeFileHandle master)
    {
        int number;
        return C.ioctl(master, TIOC.TIOCGPTN, &number) == 0
            ? number
            : throw SystemCall.Failure("ask for the terminal's number", $"ioctl({SystemCall.Fd(master)}, TIOCGPTN)");
    }
}

/// <summary>Settings of a terminal.</summary>
public static unsafe class Terminal
{
    /// <summary>Whether a descriptor is a terminal.</summary>
    public static bool IsTerminal(int descriptor) => C.isatty(descriptor) == 1;

    /// <summary>A terminal's size; null when it has none, or is none.</summary>
    public static TerminalSize? SizeOf(SafeFileHandle terminal)
    {
        winsize size;
        return C.ioctl(terminal, TIOC.TIOCGWINSZ, &size) == 0 && size is { ws_row: > 0, ws_col: > 0 } ? new TerminalSize(size.ws_row, size.ws_col) : null;
    }

    /// <summary>Sets a terminal's size; false when it has none.</summary>
    public static bool SetSize(SafeFileHandle terminal, TerminalSize size)
    {
        var window = new winsize { ws_row = size.Rows, ws_col = size.Columns };
        return C.ioctl(terminal, TIOC.TIOCSWINSZ, &window) == 0;
    }

    /// <summary>Turns the translation of output and input off until the result is disposed; null when it is no terminal.</summary>
    public static IDisposable? MakeRaw(SafeFileHandle terminal)
    {
        termios before;
        if (C.tcgetattr(terminal, &before) != 0) return null;
        var raw = before;
        C.cfmakeraw(&raw);
        return C.tcsetattr(terminal, TERMIOS.TCSADRAIN, &raw) == 0 ? new Settings(terminal, before) : null;
    }

    /// <summary>Stops showing what is typed, but for the end of a line, until the result is disposed; null when it is no terminal.</summary>
    public static IDisposable? HideInput(SafeFileHandle terminal)
    {
        termios before;
        if (C.tcgetattr(terminal, &before) != 0) return null;
        var hidden = before;
        hidden.c_lflag = (hidden.c_lflag & ~TERMIOS.ECHO) | TERMIOS.ECHONL;
        return C.tcsetattr(terminal, TERMIOS.TCSADRAIN, &hidden) == 0 ? new Settings(terminal, before) : null;
    }

    private sealed class Settings(SafeFileHandle terminal, termios before) : IDisposable
    {
        public void Dispose()
        {
            var settings = before;
            C.tcsetattr(terminal, TERMIOS.TCSADRAIN, &settings);
        }
    }
}
