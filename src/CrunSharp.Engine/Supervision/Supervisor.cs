using System.Buffers.Binary;
using System.Text;
using CrunSharp.Engine.Containers;
using CrunSharp.Engine.Logs;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Kernel.Terminals;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Engine.Supervision;

/// <summary>
/// The process beside each running container: it starts it, holds its input and output, writes its log, serves those
/// that attach, and when its program has ended records how and clears away. One thread, one loop.
/// </summary>
public sealed class Supervisor : IDisposable
{
    private const int MostTries = 2000; // of 5 ms

    private readonly Container _container;
    private readonly TimeProvider _time;
    private readonly CleanupStack _cleanup = new();
    private readonly List<Client> _clients = [];
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(Frame.MostBytes);
    private readonly Queue<byte[]> _input = new();
    private int _inputOffset;
    private bool _inputEnded;
    private RunningContainer? _running;
    private JsonFileLog? _log;
    private readonly FileLock _held;
    private SafeFileHandle? _listener;

    private Supervisor(Container container, FileLock held, TimeProvider time) => (_container, _held, _time) = (container, held, time);

    /// <summary>Waits to be told which container, starts it and stays until it has ended.</summary>
    /// <param name="paths">Where the engine keeps what it knows.</param>
    /// <param name="starter">The socket of who asks for the start.</param>
    /// <param name="time">The clock.</param>
    /// <returns>The process's exit code.</returns>
    public static int Run(EnginePaths paths, SafeFileHandle starter, TimeProvider time)
    {
        if (ReadId(starter) is not { } id)
        {
            starter.Dispose(); // it found that there is nothing to start
            return 0;
        }
        FileDescriptor.SetNonBlocking(starter);
        var first = new Client(starter, holdsBack: true);
        Container container;
        FileLock held;
        try
        {
            container = new ContainerStore(paths).Find(id);
            held = TakeOver(container);
        }
        catch (CrunException error)
        {
            Fail(first, error);
            first.Dispose();
            return 1;
        }
        using (held)
        using (var supervisor = new Supervisor(container, held, time))
        {
            supervisor._clients.Add(first);
            return supervisor.Run();
        }
    }

    private static string? ReadId(SafeFileHandle starter)
    {
        Span<byte> header = stackalloc byte[Frame.HeaderSize];
        Span<byte> id = stackalloc byte[64];
        return FileDescriptor.ReadAll(starter, header) && Frame.TryReadHeader(header, out var type, out var length)
            && type == FrameType.Start && length == id.Length && FileDescriptor.ReadAll(starter, id) ? Encoding.ASCII.GetString(id) : null;
    }

    // Another one may be ending, or starting, or a command may be looking whether there is one.
    private static FileLock TakeOver(Container container)
    {
        for (var tries = 0; ; tries++)
        {
            if (FileLock.TryExisting(null, container.Path, shared: false, wait: false) is { } held) return held;
            if (!container.Exists) throw CrunException.NotFound($"No such container: {container.Id}");
            if (container.IsRunning || tries == MostTries) throw CrunException.WrongState($"container {container.ShortId} is already running");
            new Poll().Wait(TimeSpan.FromMilliseconds(5));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _cleanup.Dispose();
        foreach (var client in _clients) client.Dispose();
    }

    private int Run()
    {
        try
        {
            // As long as it is there, the container may have what must be given back.
            FileAt.MakeDirectories(_container.RunPath);
            _cleanup.Push(() => FileAt.RemoveTree(null, _container.RunPath));
            _running = RunningContainer.Start(_container, _cleanup, _time);
            if (_container.Config.Host.LogDriver != "none") _log = _cleanup.Owns(OpenLog());
            _listener = _cleanup.Owns(Listen());
        }
        catch (Exception error)
        {
            var failure = CrunException.Of(error);
            _cleanup.Dispose();
            RecordOrRemove(state => state with
            {
                Status = state.StartedAt.Length == 0 ? ContainerStatus.Created : ContainerStatus.Exited,
                Pid = 0,
                ExitCode = ExitCodeOf(failure),
                Error = failure.Message,
            });
            Fail(_clients[0], failure);
            return 1;
        }
        foreach (var client in _clients) client.Send(FrameType.Started, []);
        Loop();
        End(_running.Process.Reap());
        return 0;
    }

    private void Loop()
    {
        var poll = new Poll();
        for (; ; )
        {
            poll.Clear();
            var isHeld = _clients.Exists(static client => client.IsFull);
            var process = poll.Add(_running!.Process.File, PollEvents.POLLIN);
            var listener = poll.Add(_listener!, PollEvents.POLLIN);
            var output = _running.Output is { } o && !isHeld ? poll.Add(o, PollEvents.POLLIN) : -1;
            var errors = _running.Error is { } e && !isHeld ? poll.Add(e, PollEvents.POLLIN) : -1;
            var input = _running.Input is { } i && _input.Count > 0 ? poll.Add(i, PollEvents.POLLOUT) : -1;
            var firstClient = poll.Add(_listener!, PollEvents.None) + 1;
            var clients = _clients.Count;
            for (var c = 0; c < clients; c++)
                poll.Add(_clients[c].Socket, (_input.Count < 64 ? PollEvents.POLLIN : 0) | (_clients[c].HasOutput ? PollEvents.POLLOUT : 0));
            poll.Wait(null);
            if (output >= 0 && poll.EventsOf(output) != 0) ReadOutput(isError: false);
            if (errors >= 0 && poll.EventsOf(errors) != 0) ReadOutput(isError: true);
            if (input >= 0 && poll.EventsOf(input) != 0) WriteInput();
            for (var c = 0; c < clients; c++)
            {
                if (poll.EventsOf(firstClient + c) is var events && events == 0) continue;
                if ((events & PollEvents.POLLOUT) != 0) _clients[c].Flush();
                if ((events & ~PollEvents.POLLOUT) != 0) _clients[c].Receive(Take);
            }
            DropGoneClients();
            if (poll.EventsOf(listener) != 0) TryAccept();
            if (poll.EventsOf(process) != 0) return;
        }
    }

    private bool TryAccept()
    {
        if (UnixSocket.TryAccept(_listener!) is not { } accepted) return false;
        var client = new Client(accepted, holdsBack: false);
        client.Send(FrameType.Started, []);
        _clients.Add(client);
        return true;
    }

    private void ReadOutput(bool isError)
    {
        var from = isError ? _running!.Error! : _running!.Output!;
        var count = FileDescriptor.Read(from, _buffer, out var errno);
        if (count > 0)
        {
            _log?.Append(isError, _buffer.AsSpan(0, count));
            foreach (var client in _clients) client.Send(isError ? FrameType.Error : FrameType.Output, _buffer.AsSpan(0, count));
        }
        else if (count == 0 || errno != Errno.EAGAIN)
        {
            _running.CloseOutput(isError); // EIO is how a terminal says that nobody has it open
        }
    }

    private void WriteInput()
    {
        while (_input.TryPeek(out var data))
        {
            var count = FileDescriptor.Write(_running!.Input!, data.AsSpan(_inputOffset), out var errno);
            if (count < 0 && errno == Errno.EAGAIN) return;
            if (count < 0)
            {
                _input.Clear();
                _running.CloseInput();
                return;
            }
            _inputOffset += count;
            if (_inputOffset < data.Length) continue;
            _input.Dequeue();
            _inputOffset = 0;
        }
        if (_inputEnded) _running!.CloseInput();
    }

    private void Take(FrameType type, ReadOnlyMemory<byte> data)
    {
        switch (type)
        {
            case FrameType.Input when _running!.Input is not null && data.Length > 0:
                _input.Enqueue(data.ToArray());
                WriteInput();
                break;
            case FrameType.InputEnd when !_container.Config.Tty:
                _inputEnded = true;
                if (_running!.Input is not null) WriteInput();
                break;
            case FrameType.Resize when data.Length == 4 && _running!.Terminal is { } terminal:
                var size = new TerminalSize(BinaryPrimitives.ReadUInt16LittleEndian(data.Span), BinaryPrimitives.ReadUInt16LittleEndian(data.Span[2..]));
                Terminal.SetSize(terminal, size);
                break;
            case FrameType.Signal when data.Length == 4:
                var number = BinaryPrimitives.ReadInt32LittleEndian(data.Span);
                if (number is > 0 and < 65) _running!.Process.Send(number);
                break;
        }
    }

    private void End(ExitStatus status)
    {
        // What the program wrote last is still in the pipes; who inherited them from it may keep them open for ever.
        foreach (var isError in (ReadOnlySpan<bool>)[false, true])
        {
            while ((isError ? _running!.Error : _running!.Output) is { } from && Poll.Wait(from, PollEvents.POLLIN, TimeSpan.Zero)) ReadOutput(isError);
        }
        _log?.End();
        // Who finds the socket is told the end: from here on nobody finds it, and those who did are taken in.
        FileAt.Remove(null, $"{_container.RunPath}/{Container.AttachSocket}");
        while (TryAccept()) { }
        var oomKilled = _running!.WasKilledForMemory();
        _cleanup.Dispose();
        RecordOrRemove(state => state with
        {
            Status = ContainerStatus.Exited,
            Pid = 0,
            ExitCode = status.Code,
            OomKilled = oomKilled,
            FinishedAt = Now(_time),
            Endpoint = null,
        });
        Span<byte> code = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(code, status.Code);
        foreach (var client in _clients) client.Send(FrameType.Exited, code);
        // The container has ended for everybody else, however long a client takes to read what is left.
        _cleanup.Dispose();
        _held.Dispose();
        foreach (var client in _clients)
        {
            while (client is { HasOutput: true, IsGone: false } && Poll.Wait(client.Socket, PollEvents.POLLOUT, null)) client.Flush();
        }
    }

    internal static string Now(TimeProvider time) => time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffffff'00Z'", System.Globalization.CultureInfo.InvariantCulture);

    // Who waits for the end need not wait until the files of what was removed are deleted: that comes at the next cleanup.
    private void RecordOrRemove(Func<ContainerState, ContainerState> change)
    {
        if (!_container.Exists) return;
        if (_container.Config.Host.AutoRemove) _cleanup.Owns(ContainerRemoval.Begin(_container, withVolumes: true));
        else _container.Write(change(_container.WrittenState));
    }

    private void DropGoneClients()
    {
        for (var i = _clients.Count - 1; i >= 0; i--)
        {
            if (!_clients[i].IsGone) continue;
            _clients[i].Dispose();
            _clients.RemoveAt(i);
        }
    }

    private JsonFileLog OpenLog()
    {
        using var directory = FileAt.OpenDirectory(_container.Path);
        return new JsonFileLog(directory, $"{_container.Id}-json.log", _time);
    }

    private SafeFileHandle Listen()
    {
        using var directory = FileAt.OpenDirectory(_container.RunPath);
        return UnixSocket.Listen(directory, Container.AttachSocket);
    }

    private static int ExitCodeOf(CrunException error) => error.Kind switch
    {
        ErrorKind.CommandNotFound => 127,
        ErrorKind.CommandNotExecutable => 126,
        _ => 128,
    };

    private static void Fail(Client client, CrunException error)
    {
        var data = new byte[4 + Encoding.UTF8.GetByteCount(error.Message)];
        BinaryPrimitives.WriteInt32LittleEndian(data, (int)error.Kind);
        Encoding.UTF8.GetBytes(error.Message, data.AsSpan(4));
        client.Send(FrameType.Failed, data.AsSpan(0, Math.Min(data.Length, Frame.MostBytes)));
    }
}
