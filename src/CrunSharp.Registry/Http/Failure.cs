using System.Net;
using CrunSharp.Oci;

namespace CrunSharp.Registry;

/// <summary>Turns an answer that says no into our error, in the words that Docker's users know.</summary>
internal static class Failure
{
    public static CrunException Of(Answer answer, RegistryRequest request)
    {
        var body = ErrorBody.Parse(answer.Body);
        var status = Status(answer);
        var text = body.Text.Length > 0 ? body.Text : answer.Status switch
        {
            // An answer to HEAD has no body: what registries say otherwise.
            HttpStatusCode.Unauthorized when request.Access != Access.Login => "unauthorized: authentication required",
            HttpStatusCode.Forbidden when request.Access != Access.Login => "denied: requested access to the resource is denied",
            _ => status,
        };
        var remark = answer.Endpoint.Authorizer.Remark is { } note ? $" ({note})" : "";
        return (answer.Status, body.Code) switch
        {
            _ when request.Access == Access.Login && answer.Status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden =>
                new CrunException(ErrorKind.Denied, $"{text}{remark}", Operation(request, answer)),
            (_, "MANIFEST_UNKNOWN") or (_, "MANIFEST_BLOB_UNKNOWN") or (_, "BLOB_UNKNOWN") => NotFound($"{request.What} not found: {text}"),
            (_, "NAME_UNKNOWN") => NotFound($"repository {request.Repository} not found: {text}"),
            (_, "DENIED") or (_, "UNAUTHORIZED") or (HttpStatusCode.Unauthorized, _) or (HttpStatusCode.Forbidden, _) =>
                new CrunException(ErrorKind.Denied, Refusal(request, text) + remark),
            (HttpStatusCode.NotFound, _) => NotFound($"{request.What} not found: {text}"),
            (HttpStatusCode.TooManyRequests, "") => new CrunException(ErrorKind.Network, $"toomanyrequests: {text}", Operation(request, answer)),
            (HttpStatusCode.MethodNotAllowed, _) or (_, "UNSUPPORTED") =>
                CrunException.Unsupported($"the registry does not allow it: {(body.Text.Length > 0 ? $"{status}: {body.Text}" : status)}", Operation(request, answer)),
            _ => new CrunException(ErrorKind.Network, body.Text.Length > 0 ? $"{status}: {body.Text}" : status, Operation(request, answer)),
        };
    }

    /// <summary>The method and the address of a request.</summary>
    public static string Operation(RegistryRequest request, Answer answer) => $"{request.Method.Method} {Words.Address(answer.Address)}";

    private static string Refusal(RegistryRequest request, string text) => request.Access switch
    {
        Access.Pull => $"pull access denied for {request.Repository}, repository does not exist or may require 'docker login': {text}",
        Access.Push => text,
        _ => $"access denied for {request.Repository}, it may require 'docker login': {text}",
    };

    private static CrunException NotFound(string reason) => CrunException.NotFound(reason);

    private static string Status(Answer answer)
    {
        var words = Words.Clean(answer.Response.ReasonPhrase ?? "");
        if (words.Length == 0) words = answer.Status.ToString();
        return $"{(int)answer.Status} {words}";
    }
}
