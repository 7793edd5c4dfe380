using System.Net;
using System.Text;
using CrunSharp.Network.Names;

namespace CrunSharp.Network.Tests.Names;

public class QuestionTests
{
    /// <summary>A question as resolvers write it.</summary>
    public static byte[] Ask(string name, ushort type = Question.A, ushort id = 0x1234)
    {
        var message = new List<byte> { (byte)(id >> 8), (byte)id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
        foreach (var label in name.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            message.Add((byte)label.Length);
            message.AddRange(Encoding.ASCII.GetBytes(label));
        }
        message.AddRange([0, (byte)(type >> 8), (byte)type, 0, 1]);
        return [.. message];
    }

    [Test]
    public void A_question_is_read()
    {
        var message = Ask("Web.Example.ORG", Question.Aaaa);
        Assert.That(Question.TryRead(message, out var question, out var refusal));
        Assert.That((question.Id, question.Name, question.Type, question.Class, question.End, refusal),
            Is.EqualTo(((ushort)0x1234, "web.example.org", Question.Aaaa, Question.Internet, message.Length, (ResponseCode?)null)));
        Assert.That(Question.TryRead([.. message, 0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0], out var withEdns, out _));
        Assert.That(withEdns, Is.EqualTo(question), "what follows is not part of it");
    }

    [Test]
    public void The_name_of_the_root_is_empty()
    {
        Assert.That(Question.TryRead(Ask(""), out var question, out _));
        Assert.That(question.Name, Is.Empty);
    }

    [TestCase("4.3.2.10.in-addr.arpa", "10.2.3.4")]
    [TestCase("4.3.2.in-addr.arpa", null)]
    [TestCase("4.3.2.256.in-addr.arpa", null)]
    [TestCase("1.4.3.2.10.in-addr.arpa", null)]
    [TestCase("in-addr.arpa", null)]
    public void An_address_is_read_from_its_reverse_name(string name, string? address)
    {
        Question.TryRead(Ask(name, Question.Pointer), out var question, out _);
        Assert.That(question.ReversedAddress(), Is.EqualTo(address is null ? null : IPAddress.Parse(address)));
    }

    [Test]
    public void Every_beginning_of_a_question_is_refused()
    {
        var message = Ask("web.example.org");
        for (var length = 0; length < message.Length; length++)
        {
            Assert.That(Question.TryRead(message.AsSpan(0, length), out var question, out var refusal), Is.False, $"{length} bytes");
            Assert.That(refusal, length < Question.HeaderSize ? Is.Null : Is.EqualTo(ResponseCode.FormatError));
            if (refusal is { } code) Assert.That(Answer.Empty(message.AsSpan(0, length), question, code), Has.Length.EqualTo(Question.HeaderSize));
        }
    }

    [Test]
    public void An_answer_is_not_answered()
    {
        var message = Ask("web");
        message[2] |= 0x80;
        Assert.That((Question.TryRead(message, out _, out var refusal), refusal), Is.EqualTo((false, (ResponseCode?)null)));
    }

    [TestCase(4, ResponseCode.FormatError, 0, 0, TestName = "No question")]
    [TestCase(4, ResponseCode.FormatError, 0, 2, TestName = "Two questions")]
    [TestCase(4, ResponseCode.FormatError, 255, 255, TestName = "65535 questions")]
    [TestCase(2, ResponseCode.NotImplemented, 0x28, 0, TestName = "An update")]
    [TestCase(12, ResponseCode.FormatError, 0xc0, 12, TestName = "A name that points to itself")]
    [TestCase(12, ResponseCode.FormatError, 64, 1, TestName = "A label of 64 bytes")]
    [TestCase(12, ResponseCode.FormatError, 63, 1, TestName = "A label beyond the end")]
    public void What_nobody_asks_is_refused(int at, object code, byte first, byte second)
    {
        var message = Ask("web");
        (message[at], message[at + 1]) = (first, second);
        Assert.That(Question.TryRead(message, out var question, out var refusal), Is.False);
        Assert.That((refusal, question.Id), Is.EqualTo(((ResponseCode?)code, (ushort)0x1234)));
    }

    [Test]
    public void A_name_of_more_than_255_bytes_is_refused()
    {
        var label = new string('a', 63);
        Assert.That(Question.TryRead(Ask(string.Join('.', Enumerable.Repeat(label, 5))), out _, out var refusal), Is.False);
        Assert.That(refusal, Is.EqualTo(ResponseCode.FormatError));
        Assert.That(Question.TryRead(Ask(string.Join('.', Enumerable.Repeat(label, 3)) + ".b"), out _, out _));
    }

    [Test]
    public void Random_bytes_never_throw()
    {
        var random = new Random(1);
        for (var i = 0; i < 100_000; i++)
        {
            var message = i % 2 == 0 ? new byte[random.Next(0, 64)] : Ask("web.example.org", (ushort)random.Next(0, 300));
            if (i % 2 == 0) random.NextBytes(message);
            else for (var changes = random.Next(1, 5); changes > 0; changes--) message[random.Next(message.Length)] = (byte)random.Next(256);
            var isRead = Question.TryRead(message, out var question, out var refusal);
            if (isRead)
            {
                question.ReversedAddress();
                Assert.That(Answer.Addresses(message, question, [IPAddress.Loopback], Answer.MostOverUdp), Is.Not.Empty);
                Assert.That(Answer.Name(message, question, "web.blue"), Is.Not.Empty);
            }
            else if (refusal is { } code)
            {
                Assert.That(Answer.Empty(message, question, code), Is.Not.Empty);
            }
        }
    }

    [Test]
    public void An_answer_has_the_addresses_that_fit_and_tells_when_there_are_more()
    {
        var message = Ask("web");
        Question.TryRead(message, out var question, out _);
        IPAddress[] all = [.. Enumerable.Range(1, 200).Select(static i => new IPAddress([10, 0, 0, (byte)i]))];
        var two = Answer.Addresses(message, question, all[..2], Answer.MostOverUdp);
        Assert.That(Convert.ToHexString(two), Is.EqualTo("12348580000100020000000003776562000001" + "0001" + "C00C00010001000000010004" + "0A000001" + "C00C00010001000000010004" + "0A000002"));
        var cut = Answer.Addresses(message, question, all, Answer.MostOverUdp);
        Assert.That((cut.Length <= 512, cut[2] & 2, cut[7]), Is.EqualTo((true, 2, (512 - message.Length) / 16)));
        Assert.That(Answer.Addresses(message, question, all, ushort.MaxValue), Has.Length.EqualTo(message.Length + 200 * 16));
    }
}
