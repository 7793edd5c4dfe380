using System.Diagnostics;
using CrunSharp.Kernel.Namespaces;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.NativeTests.Harness;

/// <summary>
/// A host for the engine, or one beside it: a network namespace of its own, and a mount namespace in which nothing of the
/// real host's files can be written but one directory; its <c>/run</c> is its own. What escapes from a container here does no harm.
/// </summary>
public sealed class Machine : IDisposable
{
    private readonly Process _keeper;
    private readonly string _writable;

    /// <param name="writable">The directory that can be written.</param>
    /// <param name="cgroup">The directory of a cgroup, version 2, that becomes the root of its tree; null for the host's.</param>
    public Machine(string writable, string? cgroup = null)
    {
        _writable = writable;
        var script = "set -e; mount --bind \"$1\" \"$1\"; test -z \"$2\" || mount --bind \"$2\" /sys/fs/cgroup; mount -t tmpfs -o mode=755 tmpfs /run; mount -o remount,bind,ro /; mount -o remount,bind,ro /dev; exec sleep 1500";
        _keeper = Process.Start("unshare", ["-n", "-m", "--propagation", "private", "sh", "-c", script, "sh", writable, cgroup ?? ""]);
        while (File.ReadAllText($"/proc/{_keeper.Id}/comm") != "sleep\n")
        {
            if (_keeper.HasExited) throw new InvalidOperationException("a private host cannot be made");
            Thread.Sleep(1);
        }
        Namespace = NetworkNamespace.Open(_keeper.Id);
        Tool("ip", "link", "set", "lo", "up");
    }

    /// <summary>The process that keeps the namespaces.</summary>
    public int Pid => _keeper.Id;

    /// <summary>The network namespace.</summary>
    public SafeFileHandle Namespace { get; }

    /// <summary>How many mounts of the world's directory there are before any container is.</summary>
    public int KnownMounts { get; set; } = 1;

    /// <summary>What is mounted here.</summary>
    public string Mounts => File.ReadAllText($"/proc/{Pid}/mountinfo");

    /// <summary>Processes that stay for more than one test: daemons.</summary>
    public HashSet<int> Daemons { get; } = [];

    /// <summary>Runs an action in the network namespace.</summary>
    public T Run<T>(Func<T> action) => NetworkNamespace.Run(Namespace, action);

    /// <summary>Runs a program here; its output.</summary>
    public string Tool(string program, params string[] arguments)
    {
        using var session = Start(program, arguments);
        return session.Wait().Succeeded().Out;
    }

    /// <summary>Starts a program here.</summary>
    public Session Start(string program, IEnumerable<string> arguments, Action<ProcessStartInfo>? prepare = null, bool collects = true, string? directory = null)
    {
        string[] enter = ["-t", $"{Pid}", "-m", "-n", $"--wdns={directory ?? _writable}", "--", program];
        var info = new ProcessStartInfo("nsenter", [.. enter, .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        info.Environment["TMPDIR"] = _writable;
        prepare?.Invoke(info);
        return new Session(Process.Start(info)!, $"{Path.GetFileName(program)} {string.Join(' ', arguments)}", collects);
    }

    public void Dispose()
    {
        if (!_keeper.HasExited) _keeper.Kill();
        _keeper.WaitForExit();
        _keeper.Dispose();
        Namespace.Dispose();
    }
}
