using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;

namespace CrunSharp.Network.Names;

/// <summary>
/// Answers the questions of one container: names of its network from their table, all others as the host's name servers
/// do. One thread, which mostly sleeps; what it holds is bounded, whatever the container sends.
/// </summary>
internal sealed class NameServer : IDisposable
{
    private const int MostForwarded = 100;
    private const int MostConnections = 16;
    private const int MostAtOnce = 64;
    private const int StackSize = 128 * 1024;

    private readonly NameSockets _sockets;
    private readonly NameTable _table;
    private readonly UpstreamServers _upstream;
    private readonly List<ForwardedQuestion> _forwarded = [];
    private readonly List<NameConnection> _connections = [];
    private readonly byte[] _buffer = new byte[NameConnection.MostBytes + 1];
    private readonly WakeEvent _end = new();
    private readonly Thread _thread;

    /// <summary>Begins to answer.</summary>
    /// <param name="sockets">Where questions come from; they are closed at the end.</param>
    /// <param name="table">The names of the network.</param>
    /// <param name="upstream">Who knows the others.</param>
    public NameServer(NameSockets sockets, NameTable table, UpstreamServers upstream)
    {
        (_sockets, _table, _upstream) = (sockets, table, upstream);
        _thread = new Thread(Run, StackSize) { IsBackground = true, Name = "names" };
        _thread.Start();
    }

    /// <summary>Ends, and waits for the thread.</summary>
    public void Dispose()
    {
        _end.Set();
        _thread.Join();
        _end.Dispose();
        foreach (var question in _forwarded) question.Dispose();
        foreach (var connection in _connections) connection.Dispose();
        _sockets.Dispose();
    }

    // What goes wrong here must not end the process, which looks after the container: then names are not answered any more.
    private void Run()
    {
        try
        {
            ServeUntilTheEnd();
        }
        catch (CrunException)
        {
        }
    }

    private void ServeUntilTheEnd()
    {
        var poll = new Poll();
        for (; ; )
        {
            poll.Clear();
            poll.Add(_end.File, PollEvents.POLLIN);
            var udp = _forwarded.Count < MostForwarded ? poll.Add(_sockets.Udp, PollEvents.POLLIN) : -1;
            var tcp = _connections.Count < MostConnections ? poll.Add(_sockets.Tcp, PollEvents.POLLIN) : -1;
            foreach (var question in _forwarded) question.AddTo(poll);
            foreach (var connection in _connections) connection.AddTo(poll);
            poll.Wait(UntilNextDeadline());
            if (poll.EventsOf(0) != PollEvents.None) return;
            Serve(poll, udp, tcp);
        }
    }

    private TimeSpan? UntilNextDeadline()
    {
        var next = long.MaxValue;
        foreach (var question in _forwarded) next = Math.Min(next, question.Deadline);
        foreach (var connection in _connections) next = Math.Min(next, connection.Deadline);
        return next == long.MaxValue ? null : TimeSpan.FromMilliseconds(Math.Max(1, next - Environment.TickCount64));
    }

    private void Serve(Poll poll, int udp, int tcp)
    {
        // Answers first, which make room; those lists grow while they are walked through.
        for (var i = _forwarded.Count - 1; i >= 0; i--) _forwarded[i].Advance(poll);
        for (var i = _connections.Count - 1; i >= 0; i--) _connections[i].Advance(poll);
        if (udp >= 0 && poll.EventsOf(udp) != PollEvents.None) ReceiveUdp();
        if (tcp >= 0 && poll.EventsOf(tcp) != PollEvents.None && InetSocket.TryAccept(_sockets.Tcp) is { } accepted) _connections.Add(new NameConnection(accepted, (connection, query) => Ask(query.Span, overTcp: true, connection.Reply)));
        Remove(_forwarded, static question => question.IsDone);
        Remove(_connections, static connection => connection.IsGone);
    }

    private void ReceiveUdp()
    {
        for (var i = 0; i < MostAtOnce && _forwarded.Count < MostForwarded; i++)
        {
            var count = InetSocket.ReceiveFrom(_sockets.Udp, _buffer, out var client, out _);
            if (count < 0 || client is null) return;
            if (count <= NameConnection.MostBytes)
                Ask(_buffer.AsSpan(0, count), overTcp: false, answer => { if (answer is not null) InetSocket.SendTo(_sockets.Udp, answer, client); });
        }
    }

    private void Ask(ReadOnlySpan<byte> query, bool overTcp, Action<byte[]?> reply)
    {
        try
        {
            if (!Question.TryRead(query, out var question, out var refusal)) reply(refusal is { } code ? Answer.Empty(query, question, code) : null);
            else if (TryAnswer(query, question, overTcp) is { } answer) reply(answer);
            else Forward(query, question, overTcp, reply);
        }
        catch (CrunException)
        {
            reply(null); // files that cannot be read now: who asks will ask again
        }
    }

    // Null when other servers must be asked.
    private byte[]? TryAnswer(ReadOnlySpan<byte> query, Question question, bool overTcp)
    {
        if (question.Class is not (Question.Internet or Question.Any)) return null;
        if (question.ReversedAddress() is { } address)
        {
            if (_table.NameOf(address) is { } name) return Answer.Name(query, question, name);
            return _table.Contains(address) ? Answer.Empty(query, question, ResponseCode.NameError) : null;
        }
        if (_table.Find(question.Name) is not { } addresses) return null;
        // A name without addresses of IPv6 exists all the same: NXDOMAIN would make some resolvers give up.
        return question.Type is Question.A or Question.Any
            ? Answer.Addresses(query, question, addresses, overTcp ? ushort.MaxValue : Answer.MostOverUdp)
            : Answer.Empty(query, question, ResponseCode.Success);
    }

    private void Forward(ReadOnlySpan<byte> query, Question question, bool overTcp, Action<byte[]?> reply)
    {
        var failure = Answer.Empty(query, question, ResponseCode.ServerFailure);
        // Whoever is kept from going out must not be able to carry anything out in questions either.
        if (_table.IsInternal)
        {
            reply(failure);
            return;
        }
        var forwarded = new ForwardedQuestion(query, question, overTcp, _upstream.Current, answer => reply(answer ?? failure));
        if (forwarded.IsDone) forwarded.Dispose();
        else _forwarded.Add(forwarded);
    }

    private static void Remove<T>(List<T> list, Predicate<T> isDone) where T : IDisposable => list.RemoveAll(item =>
    {
        if (!isDone(item)) return false;
        item.Dispose();
        return true;
    });
}
