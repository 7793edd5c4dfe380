using System.Buffers;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Network;

/// <summary>A client's connection and the one to the container; either side may end its half first.</summary>
/// <param name="client">The accepted socket.</param>
/// <param name="server">The socket that is connecting to the container.</param>
internal sealed class RelayedConnection(SafeFileHandle client, SafeFileHandle server) : IDisposable
{
    private readonly Half _up = new(client, server);
    private readonly Half _down = new(server, client);
    private bool _isConnecting = true;
    private int _clientPlace = -1;
    private int _serverPlace = -1;

    /// <summary>Says what the connection waits for.</summary>
    public void AddTo(Poll poll)
    {
        var (forClient, forServer) = (PollEvents.None, PollEvents.None);
        if (_isConnecting)
        {
            forServer = PollEvents.POLLOUT;
        }
        else
        {
            if (_up.WantsToRead) forClient |= PollEvents.POLLIN;
            if (_up.WantsToWrite) forServer |= PollEvents.POLLOUT;
            if (_down.WantsToRead) forServer |= PollEvents.POLLIN;
            if (_down.WantsToWrite) forClient |= PollEvents.POLLOUT;
        }
        // A side that is asked for nothing would still report again and again that it has hung up.
        _clientPlace = forClient == PollEvents.None ? -1 : poll.Add(client, forClient);
        _serverPlace = forServer == PollEvents.None ? -1 : poll.Add(server, forServer);
    }

    /// <summary>Goes on after waiting; false when the connection has ended.</summary>
    public bool Advance(Poll poll)
    {
        var atClient = _clientPlace < 0 ? PollEvents.None : poll.EventsOf(_clientPlace);
        var atServer = _serverPlace < 0 ? PollEvents.None : poll.EventsOf(_serverPlace);
        if (atClient == PollEvents.None && atServer == PollEvents.None) return true;
        if (_isConnecting && InetSocket.ErrorOf(server) != Errno.None) return false;
        _isConnecting = false;
        if (((atClient | atServer) & PollEvents.POLLERR) != 0) return false;
        return _up.Move() && _down.Move() && !(_up.HasEnded && _down.HasEnded);
    }

    public void Dispose()
    {
        _up.Dispose();
        _down.Dispose();
        client.Dispose();
        server.Dispose();
    }

    /// <summary>The bytes that go one way.</summary>
    private sealed class Half(SafeFileHandle from, SafeFileHandle to) : IDisposable
    {
        private const int Size = 32 * 1024;

        private byte[]? _buffer;
        private int _start;
        private int _end;
        private bool _noMore;

        public bool HasEnded { get; private set; }

        public bool WantsToRead => !_noMore && _end == _start;

        public bool WantsToWrite => _end > _start;

        /// <summary>Reads and writes as much as goes without waiting; false when a side is gone.</summary>
        public bool Move()
        {
            if (HasEnded) return true;
            _buffer ??= ArrayPool<byte>.Shared.Rent(Size);
            while (!_noMore || _end > _start)
            {
                if (!_noMore && _end == _start)
                {
                    var count = InetSocket.Receive(from, _buffer.AsSpan(0, Size), out var errno);
                    if (count < 0) return errno is Errno.EAGAIN or Errno.EINTR;
                    (_start, _end, _noMore) = (0, count, count == 0);
                }
                if (_end == _start) continue;
                var sent = InetSocket.Send(to, _buffer.AsSpan(_start, _end - _start), out var refused);
                if (sent < 0) return refused is Errno.EAGAIN or Errno.EINTR;
                _start += sent;
            }
            InetSocket.EndSending(to);
            HasEnded = true;
            return true;
        }

        public void Dispose()
        {
            if (_buffer is not null) ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = null;
        }
    }
}
