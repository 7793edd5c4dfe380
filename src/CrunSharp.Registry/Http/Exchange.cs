using System.Net;
using System.Net.Http.Headers;
using CrunSharp.Oci;

namespace CrunSharp.Registry;

/// <summary>Makes requests to one server: with its authorization, over redirections, again when that may help.</summary>
internal sealed class Exchange(Endpoint endpoint, RegistryOptions options, Retry retry)
{
    /// <summary>The longest that one request is repeated.</summary>
    private static readonly TimeSpan LongestTime = TimeSpan.FromMinutes(5);

    public Retry Retry => retry;

    /// <summary>Makes a request; an answer with an error's status is an answer too.</summary>
    /// <exception cref="CrunException">There is no answer, or none that may be believed.</exception>
    public async Task<Answer> SendAsync(RegistryRequest request, CancellationToken cancellationToken)
    {
        var started = options.Time.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var answer = await OnceAsync(request, cancellationToken);
                if (!Retry.IsTransient(answer.Status) || !request.CanRepeat || IsTooLate(started)) return answer;
                if (!await retry.WaitAsync(attempt, answer.Response, cancellationToken)) return answer;
                Note($"{Failure.Operation(request, answer)}: {(int)answer.Status}", attempt);
                answer.Dispose();
            }
            catch (Exception error) when (error is not (CrunException or OperationCanceledException))
            {
                var explained = Faults.Explain(error, $"{request.Method.Method} {endpoint.Name}{Path(request)}", endpoint.Transport.CertificateProblem);
                if (!request.CanRepeat || !Faults.IsTransient(error) || IsTooLate(started)) throw explained;
                if (!await retry.WaitAsync(attempt, error, cancellationToken)) throw explained;
                Note(explained.Message, attempt);
            }
        }
    }

    /// <summary>Makes a request, and sees to it that it succeeded.</summary>
    /// <exception cref="CrunException">The status is none of success.</exception>
    public async Task<Answer> ExpectAsync(RegistryRequest request, CancellationToken cancellationToken)
    {
        var answer = await SendAsync(request, cancellationToken);
        if (answer.Response.IsSuccessStatusCode) return answer;
        using (answer) throw Failure.Of(answer, request);
    }

    private bool IsTooLate(long started) => options.Time.GetElapsedTime(started) > LongestTime;

    private void Note(string what, int attempt) => options.Note?.Invoke($"{what}: attempt {attempt + 1} follows");

    private async Task<Answer> OnceAsync(RegistryRequest request, CancellationToken cancellationToken)
    {
        var home = await endpoint.AddressAsync(cancellationToken);
        var address = Redirects.Resolve(home, request.Target)
            ?? throw CrunException.Integrity("the registry named an address that is malformed", $"{request.Method.Method} {endpoint.Name}");
        var (isHome, isRefreshed) = (Redirects.IsSameOrigin(home, address), false);
        for (var hops = 0; ;)
        {
            using var watchdog = new Watchdog(options.StallTimeout, options.Time, cancellationToken);
            var authorization = isHome ? await endpoint.Authorizer.HeaderAsync(request.Scopes, cancellationToken) : null;
            var response = await SendAsync(request, address, authorization, watchdog);
            try
            {
                if (response.StatusCode == HttpStatusCode.Unauthorized && isHome && !isRefreshed && (request.Body is null || request.CanRepeat))
                {
                    isRefreshed = true;
                    if (await endpoint.Authorizer.AnswerAsync(response, authorization, request.Scopes, home, cancellationToken))
                    {
                        response.Dispose();
                        continue;
                    }
                }
                if (Redirects.IsOne(response, request))
                {
                    if (++hops > Redirects.Most)
                        throw new CrunException(ErrorKind.Network, $"more than {Redirects.Most} redirections", $"{request.Method.Method} {endpoint.Name}{Path(request)}");
                    address = Redirects.Next(response, address);
                    isHome &= Redirects.IsSameOrigin(home, address); // once away, no authorization any more
                    response.Dispose();
                    continue;
                }
                return await Answer.ReadAsync(response, request, address, endpoint, watchdog);
            }
            catch (OperationCanceledException) when (watchdog.Barked)
            {
                response.Dispose();
                throw watchdog.Stalled();
            }
            catch
            {
                response.Dispose();
                throw;
            }
        }
    }

    private async Task<HttpResponseMessage> SendAsync(RegistryRequest request, Uri address, AuthenticationHeaderValue? authorization, Watchdog watchdog)
    {
        using var message = new HttpRequestMessage(request.Method, address);
        if (request.Accept is { } accept) message.Headers.TryAddWithoutValidation("Accept", accept);
        if (request.From > 0)
        {
            message.Headers.Range = new RangeHeaderValue(request.From, null);
            if (request.EntityTag is { } tag) message.Headers.TryAddWithoutValidation("If-Range", tag);
        }
        message.Headers.Authorization = authorization;
        if (request.AsksFirst) message.Headers.ExpectContinue = true;
        message.Content = request.Body?.Invoke(watchdog);
        try
        {
            watchdog.Feed(request.ThinkingTime ?? options.StallTimeout);
            return await endpoint.Transport.SendAsync(message, request.IsTransfer, watchdog.Token);
        }
        catch (OperationCanceledException) when (watchdog.Barked)
        {
            throw watchdog.Stalled();
        }
    }

    private static string Path(RegistryRequest request)
    {
        var path = request.Target.Split('?')[0];
        return Words.Clean(path.StartsWith('/') ? path : " " + path);
    }
}
