using System.Diagnostics;
using System.Globalization;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Cgroups.Systemd;

/// <summary>A connection to a D-Bus peer: one call at a time, and signals between.</summary>
/// <seealso href="https://dbus.freedesktop.org/doc/dbus-specification.html"/>
internal sealed class DBusConnection : IDisposable
{
    private const string Operation = "talk to systemd";
    private const int LongestLine = 512;

    private readonly SafeFileHandle _socket;
    private readonly string? _destination;
    private readonly Queue<DBusMessage> _signals = new();
    private uint _serial;

    private DBusConnection(SafeFileHandle socket, string? destination) => (_socket, _destination) = (socket, destination);

    /// <summary>Connects; null when nobody listens.</summary>
    /// <param name="directory">The directory of the socket.</param>
    /// <param name="name">The socket's name in it.</param>
    /// <param name="destination">Who is called on a bus; null when the peer itself is.</param>
    /// <param name="uid">Who we are.</param>
    /// <exception cref="CrunException">The peer does not take us.</exception>
    public static DBusConnection? TryConnect(string directory, string name, string? destination, uint uid)
    {
        using var folder = FileAt.TryOpen(null, directory, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY, out _);
        var socket = folder is null || FileAt.TryStatus(folder, name) is null ? null : UnixSocket.TryConnect(folder, name);
        if (socket is null) return null;
        var connection = new DBusConnection(socket, destination);
        try
        {
            connection.Authenticate(uid);
            if (destination is not null) connection.CallBus("Hello", "", null);
            return connection;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Calls a method and takes its answer.</summary>
    /// <exception cref="CrunException">The peer answers with an error, or not within half a minute.</exception>
    public DBusMessage Call(string path, string @interface, string member, string signature, Action<DBusWriter>? arguments) =>
        Call(_destination, path, @interface, member, signature, arguments);

    /// <summary>Asks a bus for signals of an interface; a peer that is called itself sends them unasked.</summary>
    public void Subscribe(string path, string @interface)
    {
        if (_destination is null) return;
        CallBus("AddMatch", "s", writer => writer.String($"type='signal',interface='{@interface}',path='{path}'"));
    }

    /// <summary>Waits for a signal whose argument has a value; its message.</summary>
    /// <exception cref="CrunException">It does not come within half a minute.</exception>
    public DBusMessage WaitFor(string member, int argument, string value)
    {
        var started = Stopwatch.GetTimestamp();
        for (; ; )
        {
            var message = _signals.Count > 0 ? _signals.Dequeue() : Receive(started);
            if (message.Type == DBusMessage.Signal && message.Member == member && message.TextOf(argument) == value) return message;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private static TimeSpan Patience => TimeSpan.FromSeconds(30);

    private void CallBus(string member, string signature, Action<DBusWriter>? arguments) =>
        Call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", member, signature, arguments);

    private DBusMessage Call(string? destination, string path, string @interface, string member, string signature, Action<DBusWriter>? arguments)
    {
        var serial = ++_serial;
        if (!FileDescriptor.WriteAll(_socket, DBusWriter.Call(serial, destination, path, @interface, member, signature, arguments))) throw Gone();
        var started = Stopwatch.GetTimestamp();
        for (; ; )
        {
            var message = Receive(started);
            if (message.Type == DBusMessage.Signal) _signals.Enqueue(message);
            if (message.ReplySerial != serial) continue;
            if (message.Type == DBusMessage.MethodReturn) return message;
            if (message.Type == DBusMessage.ErrorReturn) throw new DBusError(message.Error ?? "", member, message.TextOf(0)).AsException();
        }
    }

    // EXTERNAL: the kernel tells the peer who we are. BEGIN goes along at once: were it read together with the first call,
    // systemd would leave that lie until more comes.
    private void Authenticate(uint uid)
    {
        var hex = Convert.ToHexString(Encoding.ASCII.GetBytes(uid.ToString(CultureInfo.InvariantCulture)));
        if (!FileDescriptor.WriteAll(_socket, Encoding.ASCII.GetBytes($"\0AUTH EXTERNAL {hex}\r\nBEGIN\r\n"))) throw Gone();
        var answer = ReadLine();
        if (!answer.StartsWith("OK ", StringComparison.Ordinal)) throw new CrunException(ErrorKind.Denied, $"it answered \"{answer}\"", Operation);
    }

    private string ReadLine()
    {
        var started = Stopwatch.GetTimestamp();
        var line = new StringBuilder();
        Span<byte> one = stackalloc byte[1];
        while (line.Length < LongestLine)
        {
            ReadExactly(one, started);
            if (one[0] == '\n') return line.ToString().TrimEnd('\r');
            line.Append(one[0] is >= 0x20 and < 0x7f or (byte)'\r' ? (char)one[0] : '?');
        }
        throw Gone();
    }

    private DBusMessage Receive(long started)
    {
        Span<byte> start = stackalloc byte[DBusMessage.FixedSize];
        ReadExactly(start, started);
        var rest = new byte[DBusMessage.Measure(start).Remaining];
        ReadExactly(rest, started);
        return DBusMessage.Read(start, rest);
    }

    private void ReadExactly(Span<byte> buffer, long started)
    {
        while (buffer.Length > 0)
        {
            var left = Patience - Stopwatch.GetElapsedTime(started);
            if (left <= TimeSpan.Zero || !Poll.Wait(_socket, PollEvents.POLLIN, left))
                throw CrunException.WrongState($"no answer within {Patience.TotalSeconds} seconds", Operation);
            var count = FileDescriptor.Read(_socket, buffer, out _);
            if (count <= 0) throw Gone();
            buffer = buffer[count..];
        }
    }

    private static CrunException Gone() => new(ErrorKind.System, "the connection was closed", Operation);
}

/// <summary>An error that the peer answered with.</summary>
/// <param name="Name">The error, such as <c>org.freedesktop.systemd1.NoSuchUnit</c>.</param>
/// <param name="Member">The method.</param>
/// <param name="Text">What it says.</param>
internal readonly record struct DBusError(string Name, string Member, string? Text)
{
    private const string Prefix = "org.freedesktop.";

    public const string NoSuchUnit = "systemd1.NoSuchUnit";

    public const string UnitExists = "systemd1.UnitExists";

    public CrunException AsException()
    {
        var name = Name.StartsWith(Prefix, StringComparison.Ordinal) ? Name[Prefix.Length..] : Name;
        var kind = name switch
        {
            NoSuchUnit => ErrorKind.NotFound,
            UnitExists => ErrorKind.Exists,
            "DBus.Error.AccessDenied" or "DBus.Error.InteractiveAuthorizationRequired" => ErrorKind.Denied,
            _ => ErrorKind.System,
        };
        return new CrunException(kind, (Text ?? name).ReplaceLineEndings(" ").TrimEnd('.'), $"ask systemd to {Member}");
    }
}
