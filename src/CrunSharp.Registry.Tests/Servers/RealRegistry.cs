using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace CrunSharp.Registry.Tests;

/// <summary>Debian's <c>docker-registry</c> as a child process on loopback, with its files in a folder of its own.</summary>
internal sealed class RealRegistry : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _folder;

    private RealRegistry(Process process, string folder, int port) => (_process, _folder, Port) = (process, folder, port);

    public int Port { get; }

    public string Host => $"127.0.0.1:{Port}";

    /// <summary>Starts one; the test is skipped where the package is not there.</summary>
    /// <param name="auth">Its <c>auth</c>, with <c>FOLDER</c> for its folder; null for none.</param>
    /// <param name="files">Files in its folder.</param>
    /// <param name="tls">Its <c>http.tls</c>, likewise.</param>
    public static async Task<RealRegistry> StartAsync(string? auth = null, Dictionary<string, string>? files = null, string? tls = null)
    {
        if (!File.Exists("/usr/bin/docker-registry")) Assert.Ignore("needs Debian's docker-registry");
        for (var attempt = 1; ; attempt++)
        {
            var (registry, output) = await LaunchAsync(auth, files ?? [], tls);
            if (await registry.IsListeningAsync()) return registry;
            await registry.DisposeAsync();
            // The port was free a moment ago; other tests look for one too.
            if (attempt == 3 || !(await output).Contains("address already in use", StringComparison.Ordinal))
                throw new AssertionException($"docker-registry does not listen: {await output}");
        }
    }

    private static async Task<(RealRegistry Registry, Task<string> Output)> LaunchAsync(string? auth, Dictionary<string, string> files, string? tls)
    {
        var folder = Directory.CreateTempSubdirectory("crun-registry-").FullName;
        foreach (var (name, text) in files) await File.WriteAllTextAsync(Path.Combine(folder, name), text);
        var port = FreePort();
        var config = $$"""
            version: 0.1
            log: { level: error }
            storage: { filesystem: { rootdirectory: "{{folder}}/data" }, delete: { enabled: true } }
            http: { addr: "127.0.0.1:{{port}}"{{(tls is null ? "" : $", tls: {tls}")}} }
            {{(auth is null ? "" : $"auth: {auth}")}}
            """.Replace("FOLDER", folder, StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(folder, "config.yml"), config);
        var process = Process.Start(new ProcessStartInfo("/usr/bin/docker-registry", ["serve", Path.Combine(folder, "config.yml")])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            Environment = { ["OTEL_TRACES_EXPORTER"] = "none" },
        })!;
        _ = process.StandardOutput.ReadToEndAsync();
        return (new RealRegistry(process, folder, port), process.StandardError.ReadToEndAsync());
    }

    private async Task<bool> IsListeningAsync()
    {
        for (var started = Stopwatch.StartNew(); started.Elapsed < TimeSpan.FromSeconds(60) && !_process.HasExited; await Task.Delay(20))
        {
            using var probe = new TcpClient();
            try
            {
                await probe.ConnectAsync(IPAddress.Loopback, Port);
                await Task.Delay(20); // whoever else has the port, ours ends at once
                if (!_process.HasExited) return true;
            }
            catch (SocketException)
            {
                // Not yet.
            }
        }
        return false;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
