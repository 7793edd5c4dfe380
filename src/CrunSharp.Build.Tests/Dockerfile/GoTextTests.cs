using CrunSharp.Build.Dockerfile;

namespace CrunSharp.Build.Tests.Dockerfile;

public class GoTextTests
{
    [TestCase("a\"b\\c\n\t\u0001é\u2028", "\"a\\\"b\\\\c\\n\\t\\x01é\\u2028\"")]
    public void Strings_are_quoted_as_Go_does(string text, string expected) => Assert.That(GoText.Quote(text), Is.EqualTo(expected));

    [TestCase("1h30m", 5_400_000_000_000, "1h30m0s")]
    [TestCase("90s", 90_000_000_000, "1m30s")]
    [TestCase("1.5s", 1_500_000_000, "1.5s")]
    [TestCase("500ms", 500_000_000, "500ms")]
    [TestCase("0", 0, "0s")]
    [TestCase("-1us", -1_000, "-1µs")]
    [TestCase("1m1ns", 60_000_000_001, "1m0.000000001s")]
    public void Durations_are_read_and_written(string text, long nanoseconds, string written)
    {
        Assert.That(GoText.TryParseDuration(text, out var parsed), Is.True);
        Assert.That(parsed, Is.EqualTo(nanoseconds));
        Assert.That(GoText.Duration(parsed), Is.EqualTo(written));
    }

    [TestCase("")]
    [TestCase("3")]
    [TestCase("3x")]
    [TestCase("s")]
    [TestCase("-")]
    [TestCase("1..2s")]
    [TestCase("99999999999999999999h")]
    public void Other_texts_are_no_durations(string text) => Assert.That(GoText.TryParseDuration(text, out _), Is.False);

    [TestCase("/a/../../b/./c//", "/b/c")]
    [TestCase("../a/..", "..")]
    [TestCase("", ".")]
    [TestCase("a/b/..", "a")]
    [TestCase("/", "/")]
    public void Paths_are_cleaned(string path, string expected) => Assert.That(PosixPath.Clean(path), Is.EqualTo(expected));
}
