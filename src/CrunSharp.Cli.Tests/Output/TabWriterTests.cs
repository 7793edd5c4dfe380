using CrunSharp.Cli.Output;

namespace CrunSharp.Cli.Tests.Output;

public class TabWriterTests
{
    [TestCase("a\tb\nc\td\n", "a         b\nc         d\n")]
    [TestCase("longer than ten\tb\nc\td\n", "longer than ten   b\nc                 d\n")]
    [TestCase("a\tb\tc\nx\ty\tz", "a         b         c\nx         y         z")]
    [TestCase("größe grö\tb\nc\td", "größe grö   b\nc           d")]
    [TestCase("one\ntwo", "one\ntwo")]
    [TestCase("", "")]
    [TestCase("aaaaaaaaaaaa\tb\nno cell\nc\td", "aaaaaaaaaaaa   b\nno cell\nc         d")]
    [TestCase("a\t\tc\nb\tx\td", "a                   c\nb         x         d")]
    public void Cells_are_aligned(string text, string aligned) => Assert.That(TabWriter.Align(text), Is.EqualTo(aligned));
}
