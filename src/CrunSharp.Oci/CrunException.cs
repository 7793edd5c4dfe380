using System.Text;

namespace CrunSharp.Oci;

/// <summary>The one exception of crun-sharp: an operation that could not be done, why, and on what.</summary>
/// <remarks>
/// <see cref="Exception.Message"/> is one line without a full stop, such as
/// <c>mount /proc: mount("proc", "/proc", "proc", MS_NOSUID) = EPERM (Operation not permitted) [config.md#mounts]</c>.
/// A misuse of an API is an <see cref="ArgumentException"/> instead; an expected absence is a <c>TryX</c> or null.
/// </remarks>
public sealed class CrunException : Exception
{
    /// <summary>Makes an error from its parts.</summary>
    /// <param name="kind">What kind of failure it is.</param>
    /// <param name="reason">Why, in lower case and without a full stop; empty when <paramref name="call"/> says it.</param>
    /// <param name="operation">What was being done, such as <c>mount /proc</c>.</param>
    /// <param name="errno">The error number of the failing system call.</param>
    /// <param name="call">The failing system call as strace prints it, without its result.</param>
    /// <param name="spec">The section of a specification that asks for the operation.</param>
    /// <param name="inner">The failure beneath.</param>
    public CrunException(ErrorKind kind, string reason, string? operation = null, Errno errno = Errno.None,
        string? call = null, string? spec = null, Exception? inner = null)
        : base(Compose(reason, operation, errno, call, spec), inner)
    {
        (Kind, Reason, Operation, Errno, Call, Spec) = (kind, reason, operation, errno, call, spec);
    }

    /// <summary>What kind of failure it is.</summary>
    public ErrorKind Kind { get; }

    /// <summary>Why, without the operation and the system call.</summary>
    public string Reason { get; }

    /// <summary>What was being done, such as <c>mount /proc</c>.</summary>
    public string? Operation { get; }

    /// <summary>The error number of the failing system call.</summary>
    /// <value><see cref="Errno.None"/> when no system call failed.</value>
    public Errno Errno { get; }

    /// <summary>The failing system call as strace prints it, without its result.</summary>
    public string? Call { get; }

    /// <summary>The section of a specification that asks for the operation, such as <c>config.md#mounts</c>.</summary>
    public string? Spec { get; }

    /// <summary>The same failure with the operation around it named: <c>operation: what failed inside</c>.</summary>
    public CrunException Within(string operation) =>
        new(Kind, Reason, Operation is null ? operation : $"{operation}: {Operation}", Errno, Call, Spec, this);

    /// <summary>A document or an argument that cannot be understood or is not allowed.</summary>
    public static CrunException Invalid(string reason, string? operation = null, string? spec = null) =>
        new(ErrorKind.InvalidInput, reason, operation, spec: spec);

    /// <summary>The named thing does not exist.</summary>
    public static CrunException NotFound(string reason, string? operation = null) =>
        new(ErrorKind.NotFound, reason, operation);

    /// <summary>The name is taken.</summary>
    public static CrunException Exists(string reason, string? operation = null) =>
        new(ErrorKind.Exists, reason, operation);

    /// <summary>The thing is not in a state that allows the operation.</summary>
    public static CrunException WrongState(string reason, string? operation = null) =>
        new(ErrorKind.WrongState, reason, operation);

    /// <summary>This host, kernel or version cannot do it.</summary>
    public static CrunException Unsupported(string reason, string? operation = null, string? spec = null) =>
        new(ErrorKind.Unsupported, reason, operation, spec: spec);

    /// <summary>Bytes are not those that were promised.</summary>
    public static CrunException Integrity(string reason, string? operation = null, Exception? inner = null) =>
        new(ErrorKind.Integrity, reason, operation, inner: inner);

    /// <summary>
    /// A failure of the platform's library, in the system's words: the library's own texts are left out of a published program.
    /// </summary>
    /// <param name="error">What the library threw; one of ours is given back as it is.</param>
    /// <param name="operation">What was being done.</param>
    public static CrunException Of(Exception error, string? operation = null) => error switch
    {
        CrunException ours => ours,
        UnauthorizedAccessException => new(ErrorKind.System, "", operation, Errno.EACCES, inner: error),
        FileNotFoundException or DirectoryNotFoundException => new(ErrorKind.System, "", operation, Errno.ENOENT, inner: error),
        EndOfStreamException => new(ErrorKind.System, "the data ends too early", operation, inner: error),
        System.ComponentModel.Win32Exception native => new(ErrorKind.System, "", operation, Known(native.NativeErrorCode), inner: error),
        IOException => new(ErrorKind.System, "", operation, Known(error.HResult), inner: error), // on Linux it carries errno itself
        _ => new(ErrorKind.System, $"internal error: {error.GetType().Name}", operation, inner: error),
    };

    private static Errno Known(int number) => Enum.IsDefined((Errno)number) && number != 0 ? (Errno)number : Errno.EIO;

    private static string Compose(string reason, string? operation, Errno errno, string? call, string? spec)
    {
        var text = new StringBuilder();
        if (operation is not null) text.Append(operation).Append(": ");
        text.Append(reason);
        if (call is not null)
        {
            if (reason.Length > 0) text.Append(": ");
            text.Append(call).Append(" = ").Append(errno);
            text.Append(" (").Append(errno.Describe()).Append(')');
        }
        else if (errno != Errno.None)
        {
            if (reason.Length > 0) text.Append(": ");
            text.Append(errno.Describe());
        }
        if (spec is not null) text.Append(" [").Append(spec).Append(']');
        return text.ToString();
    }
}
