using CrunSharp.Cli.Options;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Tests.Options;

public class MomentsTests
{
    private static readonly DateTimeOffset Now = new(2024, 5, 1, 12, 0, 0, TimeSpan.Zero);

    [TestCase("2024-04-30T11:00:00Z", 25 * 3600)]
    [TestCase("2024-05-01T14:00:00+02:00", 0)]
    [TestCase("1714564799.5", 0.5)]
    [TestCase("10m", 600)]
    [TestCase("1h30m", 5400)]
    public void Moments_are_dates_seconds_or_durations(string text, double secondsAgo) =>
        Assert.That((Now - Moments.Parse(text, Now)).TotalSeconds, Is.EqualTo(secondsAgo).Within(1e-3));

    [TestCase("")]
    [TestCase("yesterday")]
    [TestCase("99999999999999999999999")]
    [TestCase("2562047h2562047h")]
    [TestCase("2024-13-01")]
    public void Other_moments_are_refused(string text) => Assert.That(() => Moments.Parse(text, Now), Throws.TypeOf<CrunException>());
}
