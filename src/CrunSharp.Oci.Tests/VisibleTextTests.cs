namespace CrunSharp.Oci.Tests;

public sealed class VisibleTextTests
{
    [TestCase("plain ✓ äöü\t日本", "plain ✓ äöü\t日本")]
    [TestCase("a\x1b[31mb\ac\rd\x7f", "a␛[31mb␇c␍d␡")]
    [TestCase("\u009b31m \u202eback\u2066", "�31m �back�")]
    public void What_would_change_a_terminal_can_be_seen(string text, string shown) => Assert.That(VisibleText.Of(text), Is.EqualTo(shown));

    [Test]
    public void Line_breaks_stay_only_where_there_are_lines()
    {
        Assert.That(VisibleText.Of("a\nb"), Is.EqualTo("a␊b"));
        Assert.That(VisibleText.Of("a\nb\x1b", hasLines: true), Is.EqualTo("a\nb␛"));
    }
}
