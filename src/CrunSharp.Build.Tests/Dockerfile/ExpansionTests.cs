using CrunSharp.Build.Dockerfile;
using CrunSharp.Oci;

namespace CrunSharp.Build.Tests.Dockerfile;

public class ExpansionTests
{
    private static readonly Dictionary<string, string> Values = new()
    {
        ["a"] = "1",
        ["name"] = "xabcabc.tar.gz",
        ["empty"] = "",
        ["path"] = "/usr/local/bin",
        ["words"] = "80  443/tcp",
        ["é_1"] = "accent",
        ["stars"] = "a*b?c",
        ["lines"] = "one\ntwo",
    };

    [TestCase("", "")]
    [TestCase("plain text", "plain text")]
    [TestCase("$a", "1")]
    [TestCase("x$a-y${a}z", "x1-y1z")]
    [TestCase("$unset.", ".")]
    [TestCase("${unset}", "")]
    [TestCase("$é_1", "accent")]
    [TestCase(@"\$a", "$a")]
    [TestCase(@"\\$a", @"\1")]
    [TestCase(@"a\ b\c", "a bc")]
    [TestCase(@"end\", "end")]
    [TestCase("'$a'", "$a")]
    [TestCase(@"'a\b'", @"a\b")]
    [TestCase("\"$a\"", "1")]
    [TestCase(@"""\$a \"" \\ \x""", @"$a "" \ \x")]
    [TestCase("\"it's\"", "it's")]
    [TestCase("a\"b\"'c'd", "abcd")]
    [TestCase("$", "$")]
    [TestCase("$ a", "$ a")]
    [TestCase("a$.b", "a$.b")]
    [TestCase("$1$23x", "x")]
    [TestCase("$@$*$#$?$-$$$!$0.", ".")]
    [TestCase("${a:-w}", "1")]
    [TestCase("${empty:-w}", "w")]
    [TestCase("${empty-w}", "")]
    [TestCase("${unset:-w}", "w")]
    [TestCase("${unset-w}", "w")]
    [TestCase("${a:+w}", "w")]
    [TestCase("${empty:+w}", "")]
    [TestCase("${empty+w}", "w")]
    [TestCase("${unset+w}", "")]
    [TestCase("${unset:+w}", "")]
    [TestCase("${a:?no}${a?no}", "11")]
    [TestCase("${empty?no}", "")]
    [TestCase("${unset:-${empty:-${a}}}", "1")]
    [TestCase("${unset:-'q $a'}", "q $a")]
    [TestCase("${unset:-\"}\"}", "}")]
    [TestCase(@"${unset:-\}}", "}")]
    [TestCase("${name#*a}", "bcabc.tar.gz")]
    [TestCase("${name##*a}", "r.gz")]
    [TestCase("${name%.*}", "xabcabc.tar")]
    [TestCase("${name%%.*}", "xabcabc")]
    [TestCase("${name#x?b}", "cabc.tar.gz")]
    [TestCase("${name#nothing}", "xabcabc.tar.gz")]
    [TestCase("${name%nothing}", "xabcabc.tar.gz")]
    [TestCase("${path##*/}", "bin")]
    [TestCase("${path%/*}", "/usr/local")]
    [TestCase("${path#*}", "/usr/local/bin")]
    [TestCase("${path##*}", "")]
    [TestCase("${path%%*}", "")]
    [TestCase("${unset#x}", "")]
    [TestCase("${name/abc/-}", "x-abc.tar.gz")]
    [TestCase("${name//abc/-}", "x--.tar.gz")]
    [TestCase("${name//b?/}", "xaa.tar.gz")]
    [TestCase("${name/a*c/-}", "x-.tar.gz")]
    [TestCase(@"${path//\//-}", "-usr-local-bin")]
    [TestCase("${path//nothing/-}", "/usr/local/bin")]
    [TestCase(@"${stars//\*/-}", "a-b?c")]
    [TestCase(@"${stars/\?/-}", "a*b-c")]
    [TestCase("${lines%%o*}", "one\ntw")]
    [TestCase("${name/${unset:-abc}/$a}", "x1abc.tar.gz")]
    public void A_word_is_expanded(string word, string expected) =>
        Assert.That(Expansion.Word(word, '\\', LookUp), Is.EqualTo(expected));

    [TestCase("'a", "unexpected end of statement while looking for matching single-quote")]
    [TestCase("\"a", "unexpected end of statement while looking for matching double-quote")]
    [TestCase("${", "syntax error: missing '}'")]
    [TestCase("${a", "syntax error: missing '}'")]
    [TestCase("${a:", "syntax error: missing '}'")]
    [TestCase("${a:-x", "syntax error: missing '}'")]
    [TestCase("${}", "syntax error: bad substitution")]
    [TestCase("${:x}", "syntax error: bad substitution")]
    [TestCase("${{a}}", "syntax error: bad substitution")]
    [TestCase("${a:x}", "unsupported modifier (:x) in substitution")]
    [TestCase("${a:#x}", "unsupported modifier (:#) in substitution")]
    [TestCase("${a^x}", "unsupported modifier (^) in substitution")]
    [TestCase("${a/x}", "syntax error: missing '/' in ${}")]
    [TestCase("${a/x/y", "syntax error: missing '}'")]
    [TestCase("${unset:?}", "unset: is not allowed to be unset")]
    [TestCase("${empty:?}", "empty: is not allowed to be empty")]
    [TestCase("${unset?say $a}", "unset: say 1")]
    [TestCase("${empty:?must be set}", "empty: must be set")]
    [TestCase(@"${a#\x}", @"invalid pattern (\x) in substitution: invalid escape '\x'")]
    public void A_wrong_word_is_refused(string word, string reason)
    {
        var error = Assert.Throws<CrunException>(() => Expansion.Word(word, '\\', LookUp))!;
        Assert.That(error.Reason, Is.EqualTo(reason));
        Assert.That(error.Message, Is.EqualTo($"failed to process {GoText.Quote(word)}: {reason}"));
    }

    [TestCase("$words 90", new[] { "80", "443/tcp", "90" })]
    [TestCase("\"$words\" x", new[] { "80  443/tcp", "x" })]
    [TestCase("  ", new string[0])]
    [TestCase("a\\ b c", new[] { "a b", "c" })]
    public void Words_are_split_after_expansion(string word, string[] expected) =>
        Assert.That(Expansion.Words(word, '\\', LookUp), Is.EqualTo(expected));

    [TestCase("`$a", "$a")]
    [TestCase(@"c:\x\$a", @"c:\x\1")]
    [TestCase("\"`\"\"", "\"")]
    public void The_escape_character_may_be_a_backtick(string word, string expected) =>
        Assert.That(Expansion.Word(word, '`', LookUp), Is.EqualTo(expected));

    [Test]
    public void The_body_of_a_heredoc_keeps_its_quotes() =>
        Assert.That(Expansion.Word("it's \"$a\" \\$a", '\\', LookUp, ExpansionModes.PlainQuotes), Is.EqualTo("it's \"1\" $a"));

    [Test]
    public void Deep_nesting_is_refused_instead_of_a_stack_overflow() =>
        Assert.That(() => Expansion.Word(string.Concat(Enumerable.Repeat("${u:-", 30_000)), '\\', LookUp), Throws.TypeOf<CrunException>());

    [Test]
    public void A_slow_pattern_is_refused_instead_of_taking_hours()
    {
        var text = new string('a', 60_000);
        Assert.That(() => Expansion.Word("${x//*a*a*a*b/}", '\\', _ => text), Throws.TypeOf<CrunException>());
    }

    [Test]
    public void A_result_that_doubles_and_doubles_is_refused() =>
        Assert.That(() => Expansion.Word(string.Concat(Enumerable.Repeat("$x", 64)), '\\', static _ => new string('x', 1 << 20)), Throws.TypeOf<CrunException>());

    private static string? LookUp(string name) => Values.GetValueOrDefault(name);
}
