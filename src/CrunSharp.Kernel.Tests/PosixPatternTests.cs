using CrunSharp.Oci;

namespace CrunSharp.Kernel.Tests;

[TestFixture]
public class PosixPatternTests
{
    [TestCase("a", "bab", true)]
    [TestCase("^a", "bab", false)]
    [TestCase("^a.*b$", "acb", true)]
    [TestCase("a+(b|c){2}", "xaabcx", true)]
    [TestCase("", "anything", true)]
    [TestCase("[0-9]", "none", false)]
    [TestCase("\\.", "a-b", false)]
    public void It_matches_anywhere_unless_it_says_where(string pattern, string text, bool matches)
    {
        using var expression = new PosixPattern(pattern);
        Assert.That(expression.Matches(text), Is.EqualTo(matches));
        Assert.That(expression.Matches(text), Is.EqualTo(matches), "and once more");
    }

    [TestCase("(")]
    [TestCase("[a")]
    [TestCase("a{9,1}")]
    public void What_is_none_is_refused(string pattern)
    {
        var error = Assert.Throws<CrunException>(() => new PosixPattern(pattern).Dispose())!;
        Assert.That(error.Message, Does.StartWith($"\"{pattern}\" is no regular expression: ").And.Match(": .+"));
    }

    [Test]
    public void What_is_disposed_matches_nothing_any_more()
    {
        var expression = new PosixPattern("a");
        expression.Dispose();
        expression.Dispose();
        Assert.Throws<ObjectDisposedException>(() => expression.Matches("a"));
    }
}
