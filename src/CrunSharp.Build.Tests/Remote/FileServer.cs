using System.Net;
using System.Net.Sockets;
using System.Text;

namespace CrunSharp.Build.Tests.Remote;

/// <summary>A file of <see cref="FileServer"/>.</summary>
/// <param name="Content">Its content.</param>
/// <param name="ETag">Its mark; null for none.</param>
/// <param name="LastModified">When it changed; null when the server does not say.</param>
/// <param name="RedirectTo">Where it is instead.</param>
internal sealed record ServedFile(byte[] Content, string? ETag = null, string? LastModified = null, string? RedirectTo = null)
{
    public ServedFile(string content, string? etag = null, string? lastModified = null)
        : this(Encoding.UTF8.GetBytes(content), etag, lastModified)
    {
    }
}

/// <summary>Serves files by HTTP on loopback.</summary>
internal sealed class FileServer : IDisposable
{
    private readonly HttpListener _listener = new();

    public FileServer()
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Address = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
        }
        _listener.Prefixes.Add(Address + "/");
        _listener.Start();
        _ = ServeAsync();
    }

    public string Address { get; }

    /// <summary>The files by path.</summary>
    public Dictionary<string, ServedFile> Files { get; } = [];

    /// <summary>A directory whose files are served too.</summary>
    public string? Directory { get; set; }

    /// <summary>What was asked, with the status that it got.</summary>
    public List<string> Seen { get; } = [];

    public void Dispose() => _listener.Close();

    private async Task ServeAsync()
    {
        try
        {
            for (; ; )
            {
                var context = await _listener.GetContextAsync();
                Answer(context.Request, context.Response);
            }
        }
        catch (Exception error) when (error is HttpListenerException or ObjectDisposedException)
        {
            // It was disposed.
        }
    }

    private void Answer(HttpListenerRequest request, HttpListenerResponse response)
    {
        var file = Find(request.Url!.AbsolutePath);
        response.StatusCode = file is null ? 404 : file.RedirectTo is not null ? 302
            : (file.ETag is not null && request.Headers["If-None-Match"] == file.ETag)
                || (file.LastModified is not null && request.Headers["If-Modified-Since"] == file.LastModified) ? 304 : 200;
        lock (Seen) Seen.Add($"{request.HttpMethod} {request.RawUrl} {response.StatusCode}");
        if (file?.RedirectTo is { } there) response.RedirectLocation = there;
        if (file?.ETag is { } etag) response.Headers["ETag"] = etag;
        if (file?.LastModified is { } modified) response.Headers["Last-Modified"] = modified;
        response.Close(response.StatusCode == 200 ? file!.Content : [], willBlock: true);
    }

    private ServedFile? Find(string path)
    {
        if (Files.TryGetValue(path, out var file)) return file;
        return Directory is not null && File.Exists(Directory + path) ? new ServedFile(File.ReadAllBytes(Directory + path)) : null;
    }
}
