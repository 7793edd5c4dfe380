using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using CrunSharp.Network.Names;

namespace CrunSharp.Network.Tests.Names;

[Category("needs-root")]
public class NameServerTests
{
    private PrivateHost _host = null!;
    private NetworkStore _store = null!;

    [SetUp]
    public void SetUp()
    {
        _host = new PrivateHost();
        _store = new NetworkStore(_host.Paths);
        _host.Machine.Run(() => _store.Create(new NetworkRequest { Name = "blue" }, TimeProvider.System));
    }

    [TearDown]
    public void TearDown() => _host.Dispose();

    private Machine Start(string id, string network, string[] names, params IPAddress[] servers) => _host.Machine.Run(() =>
    {
        var bridge = _store.Open(network);
        var ports = _host.Own(bridge.Reserve([]));
        var service = _host.Own(bridge.PrepareNames(servers)!);
        var lease = bridge.Lease(id);
        var machine = _host.Own(new Machine(_host.Machine.Namespace));
        bridge.Connect(new EndpointRequest { ContainerId = id, Pid = machine.Pid, Names = names }, lease, ports, service);
        return machine;
    });

    private static byte[]? Ask(Machine machine, byte[] query, int milliseconds = 3000) => machine.Run(() =>
    {
        using var socket = new UdpClient(AddressFamily.InterNetwork) { Client = { ReceiveTimeout = milliseconds } };
        socket.Connect(NameService.Address, 53);
        socket.Send(query);
        var from = new IPEndPoint(IPAddress.Any, 0);
        try
        {
            return socket.Receive(ref from);
        }
        catch (SocketException)
        {
            return null;
        }
    });

    private static byte[] AskOverTcp(Machine machine, params byte[][] queries) => machine.Run(() =>
    {
        using var client = new TcpClient(AddressFamily.InterNetwork);
        client.Connect(NameService.Address, 53);
        var stream = client.GetStream();
        stream.ReadTimeout = 5000;
        foreach (var query in queries) stream.Write([(byte)(query.Length >> 8), (byte)query.Length, .. query]);
        byte[] answer = [];
        foreach (var _ in queries)
        {
            var length = new byte[2];
            stream.ReadExactly(length);
            answer = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
            stream.ReadExactly(answer);
        }
        return answer;
    });

    // The code, and the addresses or the name of an answer.
    private static string Read(byte[]? answer)
    {
        if (answer is null) return "nothing";
        var text = new StringBuilder($"{answer[3] & 15}");
        var at = 12;
        while (answer[at] != 0) at += answer[at] + 1;
        at += 5;
        for (var i = 0; i < answer[7]; i++, at += 12 + answer[at + 11])
        {
            var data = answer.AsSpan(at + 12, answer[at + 11]);
            text.Append(' ').Append(data.Length == 4 ? new IPAddress(data).ToString() : Encoding.ASCII.GetString(data));
        }
        return text.ToString();
    }

    [Test]
    public void Containers_find_each_other_by_name_alias_and_address()
    {
        var one = Start("one", "blue", ["one", "www"]);
        using var two = Start("two", "blue", ["two", "WWW"]);
        Assert.Multiple(() =>
        {
            Assert.That(Read(Ask(one, QuestionTests.Ask("two"))), Is.EqualTo("0 10.89.0.3"));
            Assert.That(Read(Ask(one, QuestionTests.Ask("TWO"))), Is.EqualTo("0 10.89.0.3"));
            Assert.That(Read(Ask(one, QuestionTests.Ask("two.blue"))), Is.EqualTo("0 10.89.0.3"));
            Assert.That(Read(Ask(two, QuestionTests.Ask("one"))), Is.EqualTo("0 10.89.0.2"));
            Assert.That(Read(Ask(one, QuestionTests.Ask("two", Question.Aaaa))), Is.EqualTo("0"), "it exists, without an address of IPv6");
            Assert.That(Read(Ask(one, QuestionTests.Ask("3.0.89.10.in-addr.arpa", Question.Pointer))), Is.EqualTo("0 \u0003two\u0004blue\0"));
            Assert.That(Read(Ask(one, QuestionTests.Ask("9.0.89.10.in-addr.arpa", Question.Pointer))), Is.EqualTo("3"));
            Assert.That(Read(AskOverTcp(one, QuestionTests.Ask("one"), QuestionTests.Ask("two"))), Is.EqualTo("0 10.89.0.3"));
            Assert.That(new[] { Read(Ask(one, QuestionTests.Ask("www"))), Read(Ask(one, QuestionTests.Ask("www"))) }, Is.EquivalentTo(new[] { "0 10.89.0.2 10.89.0.3", "0 10.89.0.3 10.89.0.2" }));
        });
        two.Kill();
        Assert.That(Read(Ask(one, QuestionTests.Ask("www"))), Is.EqualTo("0 10.89.0.2"), "the dead are not found, whatever their record says");
    }

    [Test]
    public void A_container_can_serve_port_53_itself()
    {
        var one = Start("one", "blue", ["one"]);
        using var own = EchoServer.Start(one, IPAddress.Any, 53, "own", ProtocolType.Udp);
        Assert.That(Ask_(one), Is.EqualTo("own 127.0.0.1"));
        Assert.That(Read(Ask(one, QuestionTests.Ask("one"))), Is.EqualTo("0 10.89.0.2"));

        static string Ask_(Machine machine) => Network.Tests.Ask.Udp(machine, "127.0.0.1", 53);
    }

    [Test]
    public void Other_names_are_asked_of_the_servers_of_the_user_from_the_host()
    {
        using var upstream = new Upstream(_host.Machine, IPAddress.Parse("127.0.0.2"));
        var one = Start("one", "blue", ["one"], IPAddress.Parse("127.0.0.9"), IPAddress.Parse("127.0.0.2"));
        Assert.Multiple(() =>
        {
            Assert.That(Read(Ask(one, QuestionTests.Ask("example.org"))), Is.EqualTo("0 192.0.2.77"), "the first server refuses");
            Assert.That(Read(AskOverTcp(one, QuestionTests.Ask("one"), QuestionTests.Ask("example.org"), QuestionTests.Ask("example.net"))), Is.EqualTo("0 192.0.2.77"));
            Assert.That(BinaryPrimitives.ReadUInt16BigEndian(Ask(one, QuestionTests.Ask("example.org", id: 0xabcd))), Is.EqualTo(0xabcd), "the client's number");
            Assert.That(upstream.Ids, Does.Not.Contain(0xabcd), "is not the one that the server sees");
        });
    }

    [Test]
    public void What_a_server_answers_to_another_question_is_not_passed_on()
    {
        using var upstream = new Upstream(_host.Machine, IPAddress.Parse("127.0.0.2")) { Lies = true };
        var one = Start("one", "blue", ["one"], IPAddress.Parse("127.0.0.2"));
        Assert.That(Read(Ask(one, QuestionTests.Ask("example.org"))), Is.EqualTo("0 192.0.2.77"), "the lies came first");
    }

    [Test]
    public void Without_a_server_the_answer_is_a_failure()
    {
        var one = Start("one", "blue", ["one"], IPAddress.Parse("127.0.0.9"));
        Assert.That(Read(Ask(one, QuestionTests.Ask("example.org"))), Is.EqualTo("2"));
    }

    [Test]
    public void Nothing_is_asked_outside_for_an_internal_network()
    {
        _host.Machine.Run(() => _store.Create(new NetworkRequest { Name = "closed", IsInternal = true }, TimeProvider.System));
        using var upstream = new Upstream(_host.Machine, IPAddress.Parse("127.0.0.2"));
        var one = Start("one", "closed", ["one"], IPAddress.Parse("127.0.0.2"));
        Assert.That(Read(Ask(one, QuestionTests.Ask("secret.example.org"))), Is.EqualTo("2"));
        Assert.That(Read(Ask(one, QuestionTests.Ask("one"))), Is.EqualTo("0 10.89.1.2"));
        Assert.That(upstream.Ids, Is.Empty);
    }

    [Test]
    public void Whatever_a_container_sends_it_is_answered_afterwards()
    {
        var one = Start("one", "blue", ["one"], IPAddress.Parse("127.0.0.9"));
        var random = new Random(2);
        one.Run(() =>
        {
            using var socket = new UdpClient(AddressFamily.InterNetwork);
            socket.Connect(NameService.Address, 53);
            for (var i = 0; i < 5000; i++)
            {
                var bytes = new byte[random.Next(0, i % 50 == 0 ? 9000 : 80)];
                random.NextBytes(bytes);
                if (bytes.Length > 2) bytes[2] &= 0x7f;
                socket.Send(bytes);
            }
            var held = new List<TcpClient>();
            for (var i = 0; i < 40; i++)
            {
                var client = new TcpClient(AddressFamily.InterNetwork);
                held.Add(client);
                if (!client.ConnectAsync(NameService.Address, 53).Wait(200)) continue;
                var bytes = new byte[random.Next(0, 6000)];
                random.NextBytes(bytes);
                client.GetStream().Write(bytes);
            }
            foreach (var client in held) client.Dispose();
        });
        Assert.That(() => Read(Ask(one, QuestionTests.Ask("one"), 1000)), Is.EqualTo("0 10.89.0.2").After(10_000, 100));
        Assert.That(Read(AskOverTcp(one, QuestionTests.Ask("one"))), Is.EqualTo("0 10.89.0.2"));
    }

    /// <summary>A name server that knows one address.</summary>
    private sealed class Upstream : IDisposable
    {
        private readonly UdpClient _udp;
        private readonly TcpListener _tcp;

        public Upstream(Machine machine, IPAddress address)
        {
            _udp = machine.Run(() => new UdpClient(new IPEndPoint(address, 53)));
            _tcp = machine.Run(() =>
            {
                var listener = new TcpListener(address, 53);
                listener.Start();
                return listener;
            });
            new Thread(ServeUdp) { IsBackground = true }.Start();
            new Thread(ServeTcp) { IsBackground = true }.Start();
        }

        public bool Lies { get; init; }

        public List<int> Ids { get; } = [];

        public void Dispose()
        {
            _udp.Dispose();
            _tcp.Dispose();
        }

        private byte[] Reply(byte[] query)
        {
            Question.TryRead(query, out var question, out _);
            lock (Ids) Ids.Add(question.Id);
            return Answer.Addresses(query, question, [IPAddress.Parse("192.0.2.77")], Answer.MostOverUdp);
        }

        private void ServeUdp()
        {
            try
            {
                for (; ; )
                {
                    var from = new IPEndPoint(IPAddress.Any, 0);
                    var query = _udp.Receive(ref from);
                    if (Lies)
                    {
                        foreach (var lie in Forged(query)) _udp.Send(lie, from);
                    }
                    _udp.Send(Reply(query), from);
                }
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
            }
        }

        private static IEnumerable<byte[]> Forged(byte[] query)
        {
            yield return [];
            yield return query;
            var other = QuestionTests.Ask("example.com", id: BinaryPrimitives.ReadUInt16BigEndian(query));
            Question.TryRead(other, out var question, out _);
            yield return Answer.Addresses(other, question, [IPAddress.Parse("192.0.2.66")], Answer.MostOverUdp);
            other = [.. query];
            other[0] ^= 1;
            Question.TryRead(other, out question, out _);
            yield return Answer.Addresses(other, question, [IPAddress.Parse("192.0.2.66")], Answer.MostOverUdp);
        }

        private void ServeTcp()
        {
            try
            {
                for (; ; )
                {
                    using var client = _tcp.AcceptTcpClient();
                    var stream = client.GetStream();
                    var length = new byte[2];
                    stream.ReadExactly(length);
                    var query = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
                    stream.ReadExactly(query);
                    var reply = Reply(query);
                    stream.Write([0, (byte)reply.Length]);
                    stream.Write(reply);
                }
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException or IOException)
            {
            }
        }
    }
}
