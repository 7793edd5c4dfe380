using CrunSharp.Cli.Options;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Tests.Options;

public class NumbersTests
{
    [TestCase("512m", 512L << 20)]
    [TestCase("1g", 1L << 30)]
    [TestCase("1.5G", 3L << 29)]
    [TestCase("10", 10)]
    [TestCase("10b", 10)]
    [TestCase("10KB", 10240)]
    [TestCase("1kib", 1024)]
    [TestCase("1 m", 1 << 20)]
    [TestCase("2TiB", 2L << 40)]
    public void Sizes_are_powers_of_1024(string text, long bytes) => Assert.That(Numbers.Bytes(text), Is.EqualTo(bytes));

    [TestCase("")]
    [TestCase("m")]
    [TestCase("1.2.3m")]
    [TestCase("1mm")]
    [TestCase("1bb")]
    [TestCase("-1m")]
    [TestCase("99999999p")]
    [TestCase("99999999999999999999999999999999999999")]
    public void Other_sizes_are_refused(string text) => Assert.That(() => Numbers.Bytes(text), Throws.TypeOf<CrunException>());

    [TestCase("1.5", 1_500_000_000)]
    [TestCase("0", 0)]
    [TestCase("1/2", 500_000_000)]
    [TestCase(".25", 250_000_000)]
    [TestCase("1e-1", 100_000_000)]
    [TestCase("0.000000001", 1)]
    public void Processors_are_decimals_or_fractions(string text, long nano) => Assert.That(Numbers.NanoCpus(text), Is.EqualTo(nano));

    [TestCase("1/0")]
    [TestCase("1e-30")]
    [TestCase("1e99")]
    [TestCase("0.0000000001")]
    public void Other_processors_are_refused(string text) => Assert.That(() => Numbers.NanoCpus(text), Throws.TypeOf<CrunException>());

    [TestCase("1h30m", 5400_000)]
    [TestCase("1.5s", 1500)]
    [TestCase("200ms", 200)]
    [TestCase("0", 0)]
    [TestCase("-2s", -2000)]
    [TestCase("1m0.5s", 60_500)]
    [TestCase("1500us", 1.5)]
    public void Durations_are_those_of_Go(string text, double milliseconds) =>
        Assert.That(Numbers.Duration(text).TotalMilliseconds, Is.EqualTo(milliseconds));

    [TestCase("5", "time: missing unit in duration \"5\"")]
    [TestCase("", "time: invalid duration \"\"")]
    [TestCase("x", "time: invalid duration \"x\"")]
    [TestCase("5q", "time: unknown unit \"q\" in duration \"5q\"")]
    [TestCase("99999999999h", "time: invalid duration \"99999999999h\"")]
    public void Other_durations_are_refused(string text, string message) =>
        Assert.That(() => Numbers.Duration(text), Throws.TypeOf<CrunException>().With.Message.EqualTo(message));
}
