using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using CrunSharp.Engine.Transfers;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;
using CrunSharp.Registry;
using CrunSharp.Storage;

namespace CrunSharp.Engine.Tests.Transfers;

/// <summary>A large layer is on its way before it is compressed to its end; if that fails it goes as others do.</summary>
internal sealed class EarlyUploadTests : IPushProgress
{
    private const int Large = 20 * 1024 * 1024;
    private readonly List<PushStage> _stages = [];
    private string _root = "";
    private Store _store = null!;
    private Receiver _registry = null!;

    [SetUp]
    public void Begin()
    {
        _root = Directory.CreateTempSubdirectory("crun-push-").FullName;
        (_store, _registry) = (Store.Open(_root), new Receiver());
        _stages.Clear();
    }

    [TearDown]
    public void End()
    {
        _registry.Dispose();
        _store.Dispose();
        FileAt.RemoveTree(null, _root);
    }

    public void Report(Digest layer, PushState state)
    {
        lock (_stages) _stages.Add(state.Stage);
    }

    [Test]
    public async Task A_large_layer_is_sent_in_chunks_without_a_question()
    {
        var blob = await PushAsync(Large);
        Assert.Multiple(() =>
        {
            Assert.That(_registry.Blobs[blob.Digest.ToString()], Has.Length.EqualTo(blob.Size));
            Assert.That(_registry.Requests, Has.None.EqualTo($"HEAD {blob.Digest}"));
            Assert.That(_registry.Requests.Count(static r => r == "PATCH"), Is.EqualTo(3));
            Assert.That(_stages[^1], Is.EqualTo(PushStage.Pushed));
            Assert.That(_store.Content.Contains(blob.Digest), Is.True);
        });
    }

    [Test]
    public async Task A_small_layer_is_asked_for_first()
    {
        var blob = await PushAsync(1024 * 1024);
        Assert.That(_registry.Requests, Has.One.EqualTo($"HEAD {blob.Digest}").And.None.EqualTo("PATCH"));
        Assert.That(_registry.Blobs, Contains.Key(blob.Digest.ToString()));
    }

    [Test]
    public async Task A_registry_that_takes_no_chunks_gets_the_whole()
    {
        _registry.Chunks = HttpStatusCode.MethodNotAllowed;
        var blob = await PushAsync(Large);
        Assert.That(_registry.Blobs[blob.Digest.ToString()], Has.Length.EqualTo(blob.Size));
        Assert.That(_registry.Requests, Has.One.EqualTo($"HEAD {blob.Digest}"));
    }

    [Test]
    public async Task A_slow_registry_is_asked_whether_it_has_the_layer()
    {
        _registry.IsStuck = true;
        _registry.HasAll = true;
        var blob = await PushAsync(3 * Large);
        Assert.That(_registry.Requests, Has.One.EqualTo($"HEAD {blob.Digest}").And.One.EqualTo("DELETE"));
        Assert.That(_stages[^1], Is.EqualTo(PushStage.Exists));
    }

    // Pushes an image of one layer that cannot be compressed.
    private async Task<Descriptor> PushAsync(int size)
    {
        using var draft = _store.Layers.Begin();
        var noise = new byte[size];
        new Random(1).NextBytes(noise);
        await File.WriteAllBytesAsync($"{draft.Path}/noise", noise);
        var layer = _store.Layers.Commit(draft);
        var name = ImageReference.Parse($"{_registry.Host}/web:1");
        var config = ImageJson.Write(new ImageConfig { Architecture = "amd64", Os = "linux", Rootfs = new RootFs { DiffIds = [layer.DiffId] } });
        var image = _store.Images.Add(config, [name]);
        using var client = new RegistryClient(_registry.Host, new RegistryOptions());
        await new ImagePush(_store, client, this).RunAsync(image, name, null, CancellationToken.None);
        return _store.Layers.Compress(_store.Layers.Get(layer.DiffId));
    }

    /// <summary>Takes what is pushed.</summary>
    private sealed class Receiver : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly MemoryStream _upload = new();

        public Receiver()
        {
            using (var free = new TcpListener(IPAddress.Loopback, 0))
            {
                free.Start();
                Host = $"127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}";
            }
            _listener.Prefixes.Add($"http://{Host}/");
            _listener.Start();
            _ = ServeAsync();
        }

        public string Host { get; }

        public HttpStatusCode Chunks { get; set; } = HttpStatusCode.Accepted;

        public bool IsStuck { get; set; }

        public bool HasAll { get; set; }

        public ConcurrentQueue<string> Requests { get; } = [];

        public ConcurrentDictionary<string, byte[]> Blobs { get; } = [];

        public void Dispose() => _listener.Close();

        private async Task ServeAsync()
        {
            try
            {
                while (true) _ = AnswerAsync(await _listener.GetContextAsync());
            }
            catch (Exception error) when (error is HttpListenerException or ObjectDisposedException)
            {
                // The end.
            }
        }

        private async Task AnswerAsync(HttpListenerContext context)
        {
            var (request, response) = (context.Request, context.Response);
            var (method, path) = (request.HttpMethod, request.Url!.AbsolutePath);
            Requests.Enqueue(method == "HEAD" ? $"HEAD {path.Split('/')[^1]}" : method);
            using var body = new MemoryStream();
            await request.InputStream.CopyToAsync(body);
            if (method == "PATCH" && IsStuck) return;
            response.StatusCode = method switch
            {
                "HEAD" => HasAll ? 200 : 404,
                "POST" => 202,
                "PATCH" => (int)Chunks,
                "PUT" => 201,
                _ => 204,
            };
            if (method == "GET") response.StatusCode = 200;
            if (method == "POST") _upload.SetLength(0);
            response.Headers["Location"] = "/v2/web/blobs/uploads/1";
            if (method == "PATCH") _upload.Write(body.GetBuffer(), 0, (int)body.Length);
            else if (request.QueryString["digest"] is { } digest)
            {
                _upload.Write(body.GetBuffer(), 0, (int)body.Length);
                if (Digest.Of(_upload.ToArray()).ToString() == digest) Blobs[digest] = _upload.ToArray();
                else response.StatusCode = 400;
            }
            response.Close();
        }
    }
}
