using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using CrunSharp.Oci;

namespace CrunSharp.Registry;

/// <summary>What goes wrong between here and a server: whether it may pass, and how it is said.</summary>
internal static class Faults
{
    /// <summary>Whether it may go well the next time.</summary>
    public static bool IsTransient(Exception error) => Source(error) is null && error switch
    {
        HttpRequestException { StatusCode: { } status } => Retry.IsTransient(status),
        HttpRequestException
        {
            HttpRequestError: HttpRequestError.ConfigurationLimitExceeded or HttpRequestError.InvalidResponse
            or HttpRequestError.VersionNegotiationError or HttpRequestError.UserAuthenticationError
        } => false,
        HttpRequestException http => !IsTls(http),
        HttpIOException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded or HttpRequestError.InvalidResponse } => false,
        IOException or TimeoutException => true,
        _ => false,
    };

    /// <summary>Whether nobody listens at the address.</summary>
    public static bool IsNobodyThere(Exception error) => Socket(error) is SocketError.ConnectionRefused;

    /// <summary>Whether a name cannot be looked up: there is no such name, or nobody to ask.</summary>
    public static bool IsUnknownName(Exception error) => Socket(error) is SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain;

    /// <summary>Whether both sides did not agree on TLS.</summary>
    public static bool IsTls(Exception error)
    {
        for (var cause = error; cause is not null; cause = cause.InnerException)
        {
            if (cause is AuthenticationException || cause is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError }) return true;
        }
        return false;
    }

    /// <summary>The same as our own error.</summary>
    /// <param name="error">What happened.</param>
    /// <param name="operation">What was being done: the method and the address, without its query.</param>
    /// <param name="certificateProblem">What is wrong with the certificate that was seen last.</param>
    public static CrunException Explain(Exception error, string operation, string? certificateProblem = null) =>
        Source(error) is not { } source ? new(ErrorKind.Network, Reason(error, certificateProblem), operation, inner: error)
        : source.InnerException as CrunException ?? new(ErrorKind.System, Words.Clean(source.Message), operation, inner: error);

    private static string Reason(Exception error, string? certificateProblem)
    {
        if (IsTls(error))
        {
            if (certificateProblem is not null) return certificateProblem;
            return Innermost(error) switch
            {
                CryptographicException openSsl => "TLS failed: " + Words.Clean(openSsl.Message),
                // The library's own texts are left out of a published program; what is left is the text's name.
                { Message: var text } when text.Contains("frame", StringComparison.Ordinal) =>
                    "server gave HTTP response to HTTPS client: if that is right, set \"insecure\" for it in registries.json, or use --tls-verify=false",
                _ => "TLS failed: both sides do not agree on it",
            };
        }
        if (Socket(error) is { } socket)
        {
            return socket switch
            {
                SocketError.ConnectionRefused => "connection refused",
                SocketError.HostNotFound or SocketError.NoData => "no such host",
                SocketError.TryAgain => "the name cannot be looked up now",
                SocketError.TimedOut => "connection timed out",
                SocketError.ConnectionReset => "connection reset by peer",
                SocketError.NetworkUnreachable => "network is unreachable",
                SocketError.HostUnreachable => "no route to host",
                _ => CrunException.Of(Innermost(error)).Message,
            };
        }
        return error switch
        {
            TimeoutException => error.Message,
            HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded } or HttpIOException { HttpRequestError: HttpRequestError.ResponseEnded } =>
                "the connection was closed before the end of the answer",
            HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse } or HttpIOException { HttpRequestError: HttpRequestError.InvalidResponse } =>
                "the answer is no HTTP",
            HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded } => "the answer's headers are too long",
            HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError, InnerException: OperationCanceledException or TimeoutException } => "connection timed out",
            HttpRequestException { StatusCode: not null } => Words.Clean(error.Message), // ours: TokenRequest
            HttpRequestException { HttpRequestError: HttpRequestError.ProxyTunnelError } => "the proxy refuses to connect",
            IOException => CrunException.Of(Innermost(error)).Message,
            _ => $"the connection failed ({Innermost(error).GetType().Name})",
        };
    }

    private static SourceException? Source(Exception error)
    {
        for (var cause = error; cause is not null; cause = cause.InnerException)
        {
            if (cause is SourceException source) return source;
        }
        return null;
    }

    private static SocketError? Socket(Exception error)
    {
        for (var cause = error; cause is not null; cause = cause.InnerException)
        {
            if (cause is SocketException socket) return socket.SocketErrorCode;
        }
        return null;
    }

    private static Exception Innermost(Exception error)
    {
        while (error.InnerException is { } inner) error = inner;
        return error;
    }
}

/// <summary>Text that came from outside, made fit for one line of ours.</summary>
internal static class Words
{
    private const int MostCharacters = 400;

    /// <summary>Without control characters, of bounded length, without a full stop at its end.</summary>
    public static string Clean(string text)
    {
        var most = Math.Min(text.Length, MostCharacters);
        var clean = string.Create(most, text, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                var c = source[i];
                span[i] = char.IsControl(c) || char.GetUnicodeCategory(c) is System.Globalization.UnicodeCategory.Format
                    or System.Globalization.UnicodeCategory.LineSeparator or System.Globalization.UnicodeCategory.ParagraphSeparator
                    or System.Globalization.UnicodeCategory.Surrogate ? ' ' : c;
            }
        });
        return clean.Trim().TrimEnd('.', ' ') + (text.Length > MostCharacters ? "…" : "");
    }

    /// <summary>An address without what may be secret in it: user, query and fragment.</summary>
    public static string Address(Uri uri) => Clean(uri.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped));

    /// <summary>A header's only value; null when it is not there.</summary>
    public static string? Header(HttpHeaders headers, string name)
    {
        if (!headers.NonValidated.TryGetValues(name, out var values)) return null;
        foreach (var value in values) return value;
        return null;
    }
}
