using System.Buffers;
using System.Net;
using CrunSharp.Oci;

namespace CrunSharp.Registry;

/// <summary>A server's answer.</summary>
internal sealed class Answer(HttpResponseMessage response, byte[]? body, Uri address, Endpoint endpoint) : IDisposable
{
    /// <summary>The most bytes of a body that says what went wrong; the rest is not read.</summary>
    private const int MostErrorBytes = 64 * 1024;

    public HttpResponseMessage Response => response;

    public HttpStatusCode Status => response.StatusCode;

    /// <summary>The body where it was read: of errors, and where the request says so.</summary>
    public byte[] Body => body ?? [];

    /// <summary>The address that answered, after redirections.</summary>
    public Uri Address => address;

    public Endpoint Endpoint => endpoint;

    /// <summary>A header of the answer or of its content; null when it is not there.</summary>
    public string? Header(string name) => Words.Header(response.Headers, name) ?? Words.Header(response.Content.Headers, name);

    /// <summary>The address in <c>Location</c>; null when there is none that may be used.</summary>
    public Uri? Location => Header("Location") is { } location ? Redirects.Resolve(address, location) : null;

    public static async Task<Answer> ReadAsync(HttpResponseMessage response, RegistryRequest request, Uri address, Endpoint endpoint, Watchdog watchdog)
    {
        if (!response.IsSuccessStatusCode) return new Answer(response, await ErrorBodyAsync(response, watchdog), address, endpoint);
        var body = request.MostBytes == 0 ? null : await BodyAsync(response, request.MostBytes, mayBeLonger: false, address, watchdog);
        return new Answer(response, body, address, endpoint);
    }

    public void Dispose() => response.Dispose();

    // The answer's status is worth more than its text.
    private static async Task<byte[]> ErrorBodyAsync(HttpResponseMessage response, Watchdog watchdog)
    {
        try
        {
            return await BodyAsync(response, MostErrorBytes, mayBeLonger: true, null, watchdog);
        }
        catch (Exception error) when (error is IOException or HttpRequestException || (error is OperationCanceledException && watchdog.Barked))
        {
            return [];
        }
    }

    /// <summary>Reads a body.</summary>
    /// <exception cref="CrunException">It is longer than <paramref name="most"/>.</exception>
    internal static async Task<byte[]> BodyAsync(HttpResponseMessage response, int most, bool mayBeLonger, Uri? address, Watchdog watchdog)
    {
        if (!mayBeLonger && response.Content.Headers.ContentLength > most) throw TooLong(most, address);
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(response.Content.Headers.ContentLength ?? 8192, most) + 1);
        try
        {
            var count = 0;
            await using var stream = await response.Content.ReadAsStreamAsync(watchdog.Token);
            while (true)
            {
                if (count == buffer.Length)
                {
                    var larger = ArrayPool<byte>.Shared.Rent(Math.Min(buffer.Length * 2, most + 1));
                    buffer.AsSpan(0, count).CopyTo(larger);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = larger;
                }
                watchdog.Feed();
                var read = await stream.ReadAsync(buffer.AsMemory(count), watchdog.Token);
                if (read == 0) return buffer.AsSpan(0, count).ToArray();
                count += read;
                if (count <= most) continue;
                if (mayBeLonger) return buffer.AsSpan(0, most).ToArray();
                throw TooLong(most, address);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static CrunException TooLong(int most, Uri? address) =>
        CrunException.Integrity($"the answer has more than {most} bytes", address is null ? null : $"GET {Words.Address(address)}");
}
