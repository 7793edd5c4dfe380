using System.Globalization;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Processes;

/// <summary>A signal: 1 to 64; its text is <c>SIGTERM</c>, <c>SIGRTMIN+3</c>.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/signal.7.html"/>
public readonly record struct Signal
{
    // The C library keeps 32 and 33 to itself, so a program's SIGRTMIN is 34.
    private const int RealTimeMinimum = 34;
    private const int RealTimeMaximum = 64;

    private Signal(int number) => Number = number;

    /// <summary>Its number.</summary>
    /// <value>1 to 64; 0 in <c>default</c>, which only asks whether a process is there.</value>
    public int Number { get; }

    /// <summary>The terminal was closed.</summary>
    public static Signal SIGHUP => new(SIG.SIGHUP);

    /// <summary>Ctrl-C.</summary>
    public static Signal SIGINT => new(SIG.SIGINT);

    /// <summary>Ctrl-\.</summary>
    public static Signal SIGQUIT => new(SIG.SIGQUIT);

    /// <summary>Ends a process at once.</summary>
    public static Signal SIGKILL => new(SIG.SIGKILL);

    /// <summary>Asks a process to end.</summary>
    public static Signal SIGTERM => new(SIG.SIGTERM);

    /// <summary>A child ended or stopped.</summary>
    public static Signal SIGCHLD => new(SIG.SIGCHLD);

    /// <summary>Continues a stopped process.</summary>
    public static Signal SIGCONT => new(SIG.SIGCONT);

    /// <summary>Stops a process.</summary>
    public static Signal SIGSTOP => new(SIG.SIGSTOP);

    /// <summary>The terminal's size changed.</summary>
    public static Signal SIGWINCH => new(SIG.SIGWINCH);

    /// <summary>For the program's own use.</summary>
    public static Signal SIGUSR1 => new(SIG.SIGUSR1);

    /// <summary>For the program's own use.</summary>
    public static Signal SIGUSR2 => new(SIG.SIGUSR2);

    /// <summary>The signal with a number.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not 1 to 64.</exception>
    public static Signal FromNumber(int number)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(number, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, RealTimeMaximum);
        return new Signal(number);
    }

    /// <summary>Reads a name with or without <c>SIG</c> in any case, <c>RTMIN+n</c>, <c>RTMAX-n</c>, or a number.</summary>
    /// <exception cref="CrunException">It is none.</exception>
    public static Signal Parse(string text) =>
        TryParse(text, out var signal) ? signal : throw CrunException.Invalid($"\"{text}\" is no signal");

    /// <summary>As <see cref="Parse"/>; false when it is none.</summary>
    public static bool TryParse(string? text, out Signal signal)
    {
        signal = default;
        if (string.IsNullOrEmpty(text)) return false;
        if (TryNumber(text, out var number))
        {
            if (number is < 1 or > RealTimeMaximum) return false;
            signal = new Signal(number);
            return true;
        }
        var name = text.AsSpan();
        if (name.StartsWith("SIG", StringComparison.OrdinalIgnoreCase)) name = name[3..];
        number = ByName(name);
        if (number == 0) return false;
        signal = new Signal(number);
        return true;
    }

    /// <summary>Its name with <c>SIG</c>; the number of one without a name.</summary>
    public override string ToString() => Number switch
    {
        RealTimeMinimum => "SIGRTMIN",
        RealTimeMaximum => "SIGRTMAX",
        // Nearer ends give shorter numbers, as kill -l prints them.
        > RealTimeMinimum and <= 49 => $"SIGRTMIN+{Number - RealTimeMinimum}",
        > 49 and < RealTimeMaximum => $"SIGRTMAX-{RealTimeMaximum - Number}",
        > 0 and < 32 => "SIG" + Names[Number],
        _ => Number.ToString(CultureInfo.InvariantCulture),
    };

    private static readonly string[] Names =
    [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ];

    private static int ByName(ReadOnlySpan<char> name)
    {
        if (name.StartsWith("RTMIN", StringComparison.OrdinalIgnoreCase)) return RealTime(name[5..], RealTimeMinimum, '+');
        if (name.StartsWith("RTMAX", StringComparison.OrdinalIgnoreCase)) return RealTime(name[5..], RealTimeMaximum, '-');
        for (var i = 1; i < Names.Length; i++)
        {
            if (name.Equals(Names[i], StringComparison.OrdinalIgnoreCase)) return i;
        }
        if (name.Equals("CLD", StringComparison.OrdinalIgnoreCase)) return SIG.SIGCHLD;
        if (name.Equals("POLL", StringComparison.OrdinalIgnoreCase)) return SIG.SIGIO;
        return name.Equals("IOT", StringComparison.OrdinalIgnoreCase) ? SIG.SIGABRT : 0;
    }

    private static int RealTime(ReadOnlySpan<char> offset, int from, char sign)
    {
        if (offset.IsEmpty) return from;
        if (offset[0] != sign || !TryNumber(offset[1..], out var count)) return 0;
        var number = sign == '+' ? from + count : from - count;
        return number is >= RealTimeMinimum and <= RealTimeMaximum ? number : 0;
    }

    private static bool TryNumber(ReadOnlySpan<char> text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && text.Length <= 2;
}
