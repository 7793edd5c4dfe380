using System.Runtime.InteropServices;
using System.Text;
using CrunSharp.Kernel.Libc;
using CrunSharp.Oci;

namespace CrunSharp.Kernel;

/// <summary>An extended regular expression of POSIX, as the C library reads it.</summary>
/// <seealso href="https://man7.org/linux/man-pages/man7/regex.7.html"/>
public sealed unsafe class PosixPattern : IDisposable
{
    // The library keeps pointers into it: it must not move.
    private regex_t* _expression;

    /// <summary>Reads an expression.</summary>
    /// <param name="pattern">The expression; it matches anywhere in a text unless it has <c>^</c> or <c>$</c>.</param>
    /// <exception cref="CrunException">It is none.</exception>
    public PosixPattern(string pattern)
    {
        _expression = (regex_t*)NativeMemory.AllocZeroed((nuint)sizeof(regex_t));
        var code = C.regcomp(_expression, pattern, REG.REG_EXTENDED | REG.REG_NOSUB);
        if (code == 0) return;
        var text = stackalloc byte[256];
        C.regerror(code, _expression, text, 256);
        NativeMemory.Free(_expression);
        _expression = null;
        throw CrunException.Invalid($"\"{pattern}\" is no regular expression: {Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text))}");
    }

    /// <summary>Whether it matches a text.</summary>
    public bool Matches(string text)
    {
        ObjectDisposedException.ThrowIf(_expression is null, this);
        return C.regexec(_expression, text, 0, null, 0) == 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_expression is null) return;
        C.regfree(_expression);
        NativeMemory.Free(_expression);
        _expression = null;
    }
}
