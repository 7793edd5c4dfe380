using CrunSharp.Cli.Output;

namespace CrunSharp.Cli.Tests.Output;

public class HumanTests
{
    [TestCase(0, "0B")]
    [TestCase(999, "999B")]
    [TestCase(1000, "1kB")]
    [TestCase(1230, "1.23kB")]
    [TestCase(7_812_345, "7.81MB")]
    [TestCase(123_456_789, "123MB")]
    [TestCase(999_999, "1MB")]
    [TestCase(1_500_000_000_000, "1.5TB")]
    [TestCase(long.MaxValue, "9.22EB")]
    public void Lists_have_three_digits(long bytes, string text) => Assert.That(Human.Size(bytes), Is.EqualTo(text));

    [TestCase(7_812_345, "7.812MB")]
    [TestCase(123_456_789, "123.5MB")]
    [TestCase(-5_000, "-5kB")]
    public void Sums_have_four_digits(long bytes, string text) => Assert.That(Human.Size(bytes, 4), Is.EqualTo(text));

    [TestCase(1024, "1KiB")]
    [TestCase(7_812_345, "7.45MiB")]
    [TestCase(1023, "1023B")]
    public void Memory_is_in_powers_of_1024(long bytes, string text) => Assert.That(Human.BinarySize(bytes), Is.EqualTo(text));

    [TestCase(0.4, "Less than a second")]
    [TestCase(1, "1 second")]
    [TestCase(45, "45 seconds")]
    [TestCase(60, "About a minute")]
    [TestCase(180, "3 minutes")]
    [TestCase(3600, "About an hour")]
    [TestCase(7200, "2 hours")]
    [TestCase(86400 * 2, "2 days")]
    [TestCase(86400 * 13, "13 days")]
    [TestCase(86400 * 14, "2 weeks")]
    [TestCase(86400 * 60, "2 months")]
    [TestCase(86400 * 365 * 2, "2 years")]
    [TestCase(86400 * 365, "12 months")]
    public void Durations_are_words(double seconds, string text) =>
        Assert.That(Human.Duration(TimeSpan.FromSeconds(seconds)), Is.EqualTo(text));
}
