using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace CrunSharp.Build.Tests.Remote;

/// <summary>A git repository that a test makes, and git's own server for it on loopback.</summary>
internal sealed class TestRepository : IDisposable
{
    private readonly string _folder;
    private Process? _daemon;

    public TestRepository(string folder)
    {
        _folder = folder;
        Shell("git init -q -b main work && cd work && git config user.name me && git config user.email m@e");
    }

    /// <summary>Where the bare repositories are.</summary>
    public string Served => Directory.CreateDirectory(Path.Combine(_folder, "served")).FullName;

    /// <summary>Runs a script in the work tree, commits all and publishes it as <c>repo.git</c>; the commit's id.</summary>
    public string Commit(string script, string name = "repo")
    {
        Shell($"cd work && {script}");
        Shell($"cd work && git add -A && GIT_COMMITTER_DATE='2026-02-03T04:05:06Z' git commit -q --allow-empty -m m && cd .. && rm -rf served/{name}.git && git clone -q --bare work served/{name}.git && cd served/{name}.git && git update-server-info");
        return Shell("git -C work rev-parse HEAD").Trim();
    }

    /// <summary>Runs a script in the folder; what it prints.</summary>
    public string Shell(string script)
    {
        using var shell = Process.Start(new ProcessStartInfo("sh", ["-ec", script])
        {
            WorkingDirectory = _folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["HOME"] = "/nonexistent", ["GIT_CONFIG_GLOBAL"] = "/dev/null" },
        })!;
        var error = shell.StandardError.ReadToEndAsync();
        var output = shell.StandardOutput.ReadToEnd();
        shell.WaitForExit();
        return shell.ExitCode == 0 ? output : throw new AssertionException($"{script}: {error.Result}");
    }

    /// <summary>Starts git's server; its address.</summary>
    public string Serve()
    {
        int port;
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }
        _ = Served;
        _daemon = Process.Start("sh", ["-c", "exec git daemon \"$@\" 2> /dev/null", "git", "--reuseaddr", "--listen=127.0.0.1", $"--port={port}", "--export-all", $"--base-path={Served}", Served]);
        for (var deadline = DateTime.UtcNow.AddSeconds(30); ;)
        {
            using var client = new TcpClient();
            try
            {
                client.Connect(IPAddress.Loopback, port);
                return $"git://127.0.0.1:{port}";
            }
            catch (SocketException) when (DateTime.UtcNow < deadline)
            {
                Thread.Sleep(20);
            }
        }
    }

    public void Dispose()
    {
        _daemon?.Kill(entireProcessTree: true);
        _daemon?.WaitForExit();
        _daemon?.Dispose();
    }
}
