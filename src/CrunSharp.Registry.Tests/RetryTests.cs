using CrunSharp.Oci;
using static CrunSharp.Registry.Tests.Content;

namespace CrunSharp.Registry.Tests;

public sealed class RetryTests : RegistryFixture
{
    private async Task<Manifest> GetAsync(string host, RegistryOptions? options = null)
    {
        using var client = new RegistryClient(host, options ?? Options);
        return await client.Repository("web").Manifests.GetAsync("1", default);
    }

    [TestCase(408)]
    [TestCase(429)]
    [TestCase(500)]
    [TestCase(502)]
    [TestCase(503)]
    [TestCase(504)]
    public async Task A_server_that_is_not_well_is_asked_again_later_and_later(int status)
    {
        await using var server = new ScriptedServer((_, number) => number < 5 ? Reply.Empty(status) : Reply.Ok(SmallManifest));
        await GetAsync(server.Host);
        Assert.That(Time.Waits, Has.Count.EqualTo(5).And.All.GreaterThan(TimeSpan.Zero).And.All.LessThan(TimeSpan.FromSeconds(8)));
        Assert.That(Notes, Has.Count.EqualTo(5).And.Some.Contains($"{status}: attempt 2 follows"));
    }

    [Test]
    public async Task It_is_asked_six_times_at_most()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Of(503, "busy"));
        Assert.That((await FailureAsync(() => GetAsync(server.Host))).Message, Is.EqualTo($"GET {server.Address}/v2/web/manifests/1: 503 Some Words"));
        Assert.That(server.Seen, Has.Count.EqualTo(6));
    }

    [TestCase(400)]
    [TestCase(403)]
    [TestCase(404)]
    [TestCase(501)]
    public async Task What_will_not_change_is_asked_once(int status)
    {
        await using var server = new ScriptedServer((_, _) => Reply.Empty(status));
        await FailureAsync(() => GetAsync(server.Host));
        Assert.That(server.Seen, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_server_says_when_to_come_back_in_seconds_or_as_a_date()
    {
        await using var server = new ScriptedServer((_, number) => number switch
        {
            0 => Reply.Empty(429, "Retry-After: 7"),
            1 => Reply.Empty(503, $"Retry-After: {Time.GetUtcNow().AddSeconds(40):R}"),
            2 => Reply.Empty(503, "Retry-After: Thu, 01 Jan 2015 00:00:00 GMT"),
            3 => Reply.Empty(503, "Retry-After: nonsense"),
            _ => Reply.Ok(SmallManifest),
        });
        await GetAsync(server.Host);
        Assert.That(Time.Waits[0], Is.EqualTo(TimeSpan.FromSeconds(7)));
        Assert.That(Time.Waits[1].TotalSeconds, Is.InRange(30, 41));
    }

    [Test]
    public async Task Nobody_waits_for_an_hour()
    {
        await using var server = new ScriptedServer(static (_, _) => Reply.Error(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.", "Retry-After: 3600"));
        Assert.That((await FailureAsync(() => GetAsync(server.Host))).Message, Does.EndWith("429 Some Words: toomanyrequests: You have reached your pull rate limit"));
        Assert.That((server.Seen.Count, Time.Waits.Count), Is.EqualTo((1, 0)));
    }

    [Test]
    public async Task A_connection_that_breaks_is_made_again()
    {
        await using var server = new ScriptedServer(static (_, number) => number < 3
            ? new Reply([]) { Closes = true, Resets = number == 1 } : Reply.Ok(SmallManifest));
        await GetAsync(server.Host);
        Assert.That(server.Seen, Has.Count.GreaterThanOrEqualTo(4));
    }

    [Test]
    public async Task A_server_that_never_answers_is_given_up()
    {
        await using var server = new ScriptedServer(static (_, _) => new Reply([]) { After = static async (_, stop) => await Task.Delay(Timeout.Infinite, stop) });
        var error = await FailureAsync(() => GetAsync(server.Host, new RegistryOptions { StallTimeout = TimeSpan.FromMilliseconds(200), MostAttempts = 2 }));
        Assert.That((error.Kind, error.Message), Is.EqualTo((ErrorKind.Network, $"GET {server.Host}/v2/web/manifests/1: nothing was received for 0.2 s")));
    }

    [Test]
    public async Task Where_nobody_listens_is_said_soon()
    {
        int port;
        await using (var server = new ScriptedServer(static (_, _) => Reply.Ok())) port = server.Port;
        var error = await FailureAsync(() => GetAsync($"127.0.0.1:{port}"));
        Assert.That((error.Kind, error.Message), Is.EqualTo((ErrorKind.Network, $"GET 127.0.0.1:{port}/v2/web/manifests/1: connection refused")));
        Assert.That(Time.Waits, Has.Count.EqualTo(2));
    }

    [TestCase("nonsense\r\n\r\n")]
    [TestCase("HTTP/9.9 two hundred\r\n\r\n")]
    [TestCase("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef")]
    [TestCase("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n")]
    [TestCase("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [TestCase("HTTP/1.1 200 OK\r\nno colon\r\n\r\n")]
    public async Task An_answer_that_is_no_http_is_an_error_of_one_line(string text)
    {
        await using var server = new ScriptedServer((_, _) => new Reply(System.Text.Encoding.ASCII.GetBytes(text)) { Closes = true });
        var error = await FailureAsync(() => GetAsync(server.Host));
        Assert.That(error.Message, Does.StartWith("GET ").Or.StartWith("manifest for").And.Not.Contain("\n"));
    }

    [Test]
    public async Task Headers_without_an_end_are_refused()
    {
        var line = System.Text.Encoding.ASCII.GetBytes("X-A: " + new string('a', 1000) + "\r\n");
        await using var server = new ScriptedServer((_, _) => new Reply("HTTP/1.1 200 OK\r\n"u8.ToArray())
        {
            Closes = true,
            After = async (stream, stop) =>
            {
                while (true) await stream.WriteAsync(line, stop);
            },
        });
        Assert.That((await FailureAsync(() => GetAsync(server.Host))).Message, Does.EndWith("the answer's headers are too long"));
    }
}
