using System.Runtime.InteropServices;
using CrunSharp.Engine.Containers;
using CrunSharp.Engine.Supervision;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Terminals;

namespace CrunSharp.Cli.Commands.Containers;

/// <summary>This terminal joined to a container: its bytes, its size, its signals.</summary>
internal static class AttachedSession
{
    private static readonly byte[] DefaultDetachKeys = [16, 17]; // ctrl-p ctrl-q

    /// <summary>Stays until the container ends or the user leaves.</summary>
    /// <param name="container">The container.</param>
    /// <param name="connection">The connection to its supervisor.</param>
    /// <param name="withInput">Whether our input is the container's.</param>
    /// <param name="detachKeys">What the user types to leave; null for ctrl-p ctrl-q.</param>
    /// <returns>The container's exit code; null when the user left.</returns>
    public static int? Run(Container container, AttachConnection connection, bool withInput, byte[]? detachKeys)
    {
        var tty = container.Config.Tty;
        var input = withInput ? FileDescriptor.Standard(0) : null;
        var output = FileDescriptor.Standard(1);
        using var raw = tty && input is not null ? Terminal.MakeRaw(input) : null;
        if (tty) Resize();
        using var resized = tty ? PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Resize()) : null;
        using var signals = raw is null ? Forward(connection.Signal) : null;
        var keys = tty && input is not null ? new DetachKeys(detachKeys ?? DefaultDetachKeys) : null;
        return connection.Copy(input, output, FileDescriptor.Standard(2), keys is null ? null : keys.AreIn);

        void Resize()
        {
            if (Terminal.SizeOf(output) is { } size) connection.Resize(size);
        }
    }

    /// <summary>Hands the signals that one sends to this process on, until the result is disposed.</summary>
    public static IDisposable Forward(Action<int> send) => Take(signal =>
    {
        send(signal);
        return true;
    });

    // What takes a signal says whether it may do no more than that.
    private static Registrations Take(Func<int, bool> take)
    {
        var registrations = new Registrations();
        foreach (var (signal, number) in (ReadOnlySpan<(PosixSignal, int)>)[(PosixSignal.SIGINT, 2), (PosixSignal.SIGTERM, 15), (PosixSignal.SIGQUIT, 3), (PosixSignal.SIGHUP, 1)])
        {
            registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = take(number);
            }));
        }
        return registrations;
    }

    /// <summary>Stops something when one sends a signal to this process; the third ends it at once, whatever it waits for, as docker's does.</summary>
    public static IDisposable Stop(CancellationTokenSource cancel)
    {
        const int most = 3;
        var count = 0;
        return Take(_ =>
        {
            if (Interlocked.Increment(ref count) >= most) return false;
            cancel.Cancel();
            return true;
        });
    }

    private sealed class Registrations : List<IDisposable>, IDisposable
    {
        public void Dispose() => ForEach(static registration => registration.Dispose());
    }

    /// <summary>Finds the keys that leave in what is typed, also when they come one by one.</summary>
    private sealed class DetachKeys(byte[] keys)
    {
        private int _matched;

        public bool AreIn(ReadOnlyMemory<byte> typed)
        {
            foreach (var key in typed.Span)
            {
                _matched = key == keys[_matched] ? _matched + 1 : key == keys[0] ? 1 : 0;
                if (_matched == keys.Length) return true;
            }
            return false;
        }
    }
}
