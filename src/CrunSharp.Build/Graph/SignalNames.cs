using System.Globalization;

namespace CrunSharp.Build.Graph;

/// <summary>The names of signals that an image may ask for.</summary>
internal static class SignalNames
{
    private static readonly string[] Names =
    [
        "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL", "PROF", "PWR",
        "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH",
        "XCPU", "XFSZ", "RTMIN", "RTMAX",
    ];

    /// <summary>Whether <c>SIGTERM</c>, <c>term</c> or <c>RTMIN+3</c> is a signal.</summary>
    public static bool IsKnown(string name)
    {
        name = name.ToUpperInvariant();
        if (name.StartsWith("SIG", StringComparison.Ordinal)) name = name[3..];
        var offset = name.StartsWith("RTMIN+", StringComparison.Ordinal) || name.StartsWith("RTMAX-", StringComparison.Ordinal) ? name[6..] : null;
        return offset is null ? Names.Contains(name)
            : int.TryParse(offset, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is >= 1 and <= 30;
    }
}
