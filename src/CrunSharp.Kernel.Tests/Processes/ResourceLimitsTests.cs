using CrunSharp.Kernel.Processes;

namespace CrunSharp.Kernel.Tests.Processes;

public class ResourceLimitsTests
{
    [Test]
    public void Names_are_those_of_the_C_header()
    {
        foreach (var limit in Enum.GetValues<ResourceLimit>())
        {
            Assert.Multiple(() =>
            {
                Assert.That(limit.ToName(), Is.EqualTo(limit.ToString()));
                Assert.That(ResourceLimits.Parse(limit.ToString()), Is.EqualTo(limit));
            });
        }
    }

    [TestCase("nofile", ExpectedResult = true)]
    [TestCase("NOFILE", ExpectedResult = true)]
    [TestCase("RLIMIT_nofile", ExpectedResult = false)]
    [TestCase("RLIMIT_", ExpectedResult = false)]
    [TestCase("", ExpectedResult = false)]
    public bool A_short_name_is_read_in_any_case(string text) => ResourceLimits.TryParse(text, out _);
}
