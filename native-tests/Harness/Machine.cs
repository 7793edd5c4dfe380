using System.Diagnostics;
using CrunSharp.Kernel.Namespaces;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.NativeTests.Harness;

/// <summary>A network namespace of its own, kept by a sleeping process: a host for the engine, or another beside it.</summary>
public sealed class Machine : IDisposable
{
    private readonly Process _keeper;

    public Machine()
    {
        _keeper = Process.Start("unshare", ["-n", "sleep", "1500"]);
        using var ours = NetworkNamespace.OpenCurrent();
        while (true) // unshare has not run yet when Start returns
        {
            Namespace = NetworkNamespace.Open(_keeper.Id);
            if (!NetworkNamespace.AreSame(ours, Namespace)) break;
            Namespace.Dispose();
            Thread.Sleep(1);
        }
        Tool("ip", "link", "set", "lo", "up");
    }

    /// <summary>The process that keeps the namespace.</summary>
    public int Pid => _keeper.Id;

    /// <summary>The namespace.</summary>
    public SafeFileHandle Namespace { get; }

    /// <summary>Runs an action in the namespace.</summary>
    public T Run<T>(Func<T> action) => NetworkNamespace.Run(Namespace, action);

    /// <summary>Runs a program in the namespace; its output.</summary>
    public string Tool(string program, params string[] arguments) => Start(program, arguments).Wait().Succeeded().Out;

    /// <summary>Starts a program in the namespace.</summary>
    public Session Start(string program, IEnumerable<string> arguments, Action<ProcessStartInfo>? prepare = null, bool collects = true)
    {
        var info = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        prepare?.Invoke(info);
        var process = Run(() => Process.Start(info)!);
        return new Session(process, $"{program} {string.Join(' ', info.ArgumentList)}", collects);
    }

    public void Dispose()
    {
        if (!_keeper.HasExited) _keeper.Kill();
        _keeper.WaitForExit();
        _keeper.Dispose();
        Namespace.Dispose();
    }
}
