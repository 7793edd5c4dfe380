using System.Text;
using CrunSharp.Cli.Options;
using CrunSharp.Oci;

namespace CrunSharp.Cli.Tests.Options;

public class EnvironmentSyntaxTests
{
    [TestCase("A=1", "A", "1")]
    [TestCase("A=", "A", "")]
    [TestCase("A=b=c", "A", "b=c")]
    [TestCase("HOST", "HOST", "here")]
    [TestCase("MISSING", "MISSING", null)]
    public void Variables_are_read(string text, string name, string? value) =>
        Assert.That(EnvironmentSyntax.Variable(text, Host), Is.EqualTo(new EnvSpec(name, value)));

    [Test]
    public void A_file_keeps_quotes_and_skips_comments_and_what_the_host_lacks()
    {
        var text = "\uFEFF# comment\n\n  A=1\r\nQ=\"x y\"\nHOST\nMISSING\n\t# more\nB = 2"u8;
        Assert.That(() => EnvironmentSyntax.Lines("B = 2"u8, "env file (f)", Host),
            Throws.TypeOf<CrunException>().With.Message.EqualTo("invalid env file (f): variable 'B ' contains whitespaces"));
        var variables = EnvironmentSyntax.Lines(text[..^"\nB = 2"u8.Length], "env file (f)", Host);
        Assert.That(variables, Is.EqualTo((EnvSpec[])[new("A", "1"), new("Q", "\"x y\""), new("HOST", "here")]));
    }

    [TestCase("=x", "invalid env file (f): no variable name on line '=x'")]
    [TestCase("A=1\nC D=3", "invalid env file (f): variable 'C D' contains whitespaces")]
    public void Bad_lines_are_refused(string text, string message) =>
        Assert.That(() => EnvironmentSyntax.Lines(Encoding.UTF8.GetBytes(text), "env file (f)", Host),
            Throws.TypeOf<CrunException>().With.Message.EqualTo(message));

    [Test]
    public void Bytes_that_are_no_text_are_refused_by_their_line() =>
        Assert.That(() => EnvironmentSyntax.Lines([(byte)'A', (byte)'=', 10, 0xff], "env file (f)", Host),
            Throws.TypeOf<CrunException>().With.Message.EndsWith("invalid utf8 bytes at line 2"));

    private static string? Host(string name) => name == "HOST" ? "here" : null;
}
