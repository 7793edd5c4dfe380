using CrunSharp.Oci;
using CrunSharp.Runtime.Criu;

namespace CrunSharp.Runtime.Tests.Criu;

public sealed class CriuMessageTests
{
    [Test]
    public void A_request_is_what_protoc_makes_of_it()
    {
        // type: NOTIFY notify_success: true
        Assert.That(CriuRequest.Reply(goOn: true).Bytes.ToArray(), Is.EqualTo(new byte[] { 0x08, 6, 0x18, 1 }));
        // type: DUMP opts { images_dir_fd: 300 log_file: "a" inherit_fd { key: "k" fd: 4 } }
        var options = new ProtobufMessage().Number(1, 300).Text(10, "a").Flag(12, false);
        CriuRequest.AddFile(options, "k", 4);
        Assert.That(CriuRequest.Of(CriuRequestType.Dump, options).Bytes.ToArray(),
            Is.EqualTo(new byte[] { 0x08, 1, 0x12, 14, 0x08, 0xac, 2, 0x52, 1, (byte)'a', 0xda, 1, 5, 0x0a, 1, (byte)'k', 0x10, 4 }));
    }

    [Test]
    public void An_answer_is_read_and_what_is_new_in_it_passed_over()
    {
        // type: NOTIFY success: true notify { script: "ab" pid: 200 }, and fields 99 of all wire types
        var answer = CriuAnswer.Parse([0x08, 6, 0x10, 1, 0x2a, 7, 0x0a, 2, (byte)'a', (byte)'b', 0x10, 0xc8, 1, 0x99, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0x9d, 6, 1, 2, 3, 4]);
        Assert.Multiple(() =>
        {
            Assert.That(answer.Type, Is.EqualTo(CriuRequestType.Notify));
            Assert.That(answer.Succeeded);
            Assert.That(answer.Point, Is.EqualTo("ab"));
            Assert.That(answer.Pid, Is.EqualTo(200));
        });
    }

    [TestCase(new byte[] { 0x08 })]
    [TestCase(new byte[] { 0xff, 0xff })]
    [TestCase(new byte[] { 0x2a, 200, 1, 0 })]
    [TestCase(new byte[] { 0x2a, 2, 0x0a, 5 })]
    [TestCase(new byte[] { 0x0b })]
    [TestCase(new byte[] { 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1 })]
    [TestCase(new byte[] { 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1 })]
    public void A_broken_answer_is_refused(byte[] message) =>
        Assert.That(() => CriuAnswer.Parse(message), Throws.TypeOf<CrunException>().With.Message.StartsWith("criu's answer is broken at byte "));

    [TestCase("(00.1) Error (a.c:1): one\n(00.2) fine\n(00.3)      7: Error (b.c:2): two\n(00.4) Error (c.c:3): Dumping FAILED.\n", "one; two")]
    [TestCase("Error (a.c:1): zero\nError (a.c:1): one\nError (a.c:2): two\nError (a.c:2): two\n", "one; two")]
    [TestCase("Error (a.c:1): Restoring FAILED.\nError (b): \n", null)]
    [TestCase("nothing", null)]
    public void The_last_errors_of_a_log_are_told(string log, string? expected) => Assert.That(CriuProgram.LastErrorsIn(log), Is.EqualTo(expected));
}
