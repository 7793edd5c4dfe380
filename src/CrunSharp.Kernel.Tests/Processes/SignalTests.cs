using System.Reflection;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Tests.Processes;

public class SignalTests
{
    [TestCase("TERM", 15)]
    [TestCase("SIGTERM", 15)]
    [TestCase("sigkill", 9)]
    [TestCase("9", 9)]
    [TestCase("64", 64)]
    [TestCase("RTMIN", 34)]
    [TestCase("SIGRTMIN+3", 37)]
    [TestCase("RTMAX-14", 50)]
    [TestCase("CLD", 17)]
    [TestCase("POLL", 29)]
    public void A_name_or_a_number_is_read(string text, int number) =>
        Assert.That(Signal.Parse(text).Number, Is.EqualTo(number));

    [TestCase("")]
    [TestCase("0")]
    [TestCase("65")]
    [TestCase("-9")]
    [TestCase("+9")]
    [TestCase(" 9")]
    [TestCase("009")]
    [TestCase("SIG")]
    [TestCase("SIGNOPE")]
    [TestCase("RTMIN+31")]
    [TestCase("RTMIN-1")]
    [TestCase("RTMAX-31")]
    [TestCase("RTMIN+")]
    [TestCase("SIGSIGTERM")]
    public void What_is_no_signal_is_refused(string text) =>
        Assert.That(() => Signal.Parse(text), Throws.TypeOf<CrunException>().With.Message.EqualTo($"\"{text}\" is no signal"));

    [Test]
    public void Text_and_number_are_the_same_for_all()
    {
        for (var number = 1; number <= 64; number++)
            Assert.That(Signal.Parse(Signal.FromNumber(number).ToString()).Number, Is.EqualTo(number));
    }

    [Test]
    public void Names_are_those_of_the_C_header()
    {
        foreach (var constant in typeof(SIG).GetFields(BindingFlags.Public | BindingFlags.Static))
            Assert.That(Signal.FromNumber((int)constant.GetRawConstantValue()!).ToString(), Is.EqualTo(constant.Name));
    }
}
