using CrunSharp.Build.Dockerfile;

namespace CrunSharp.Build.Tests.Dockerfile;

public class PathMatchTests
{
    [TestCase("abc", "abc", true)]
    [TestCase("abc", "ab", false)]
    [TestCase("*", "abc", true)]
    [TestCase("*", "", true)]
    [TestCase("*", "a/b", false)]
    [TestCase("*c", "abc", true)]
    [TestCase("a*", "a", true)]
    [TestCase("a*", "ab/c", false)]
    [TestCase("a*/b", "abc/b", true)]
    [TestCase("a*/b", "a/c/b", false)]
    [TestCase("a*b*c*d*e*/f", "axbxcxdxe/f", true)]
    [TestCase("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false)]
    [TestCase("a*b?c*x", "abxbbxdbxebxczzx", true)]
    [TestCase("a*b?c*x", "abxbbxdbxebxczzy", false)]
    [TestCase("ab[c]", "abc", true)]
    [TestCase("ab[b-d]", "abc", true)]
    [TestCase("ab[e-g]", "abc", false)]
    [TestCase("ab[^c]", "abc", false)]
    [TestCase("ab[^e-g]", "abc", true)]
    [TestCase(@"a\*b", "a*b", true)]
    [TestCase(@"a\*b", "ab", false)]
    [TestCase("a?b", "a☺b", true)]
    [TestCase("a?b", "a/b", false)]
    [TestCase("a[^a]b", "a☺b", true)]
    [TestCase("a???b", "a☺b", false)]
    [TestCase("[a-ζ]*", "α", true)]
    [TestCase("*[a-ζ]", "A", false)]
    [TestCase(@"[\]a]", "]", true)]
    [TestCase(@"[\-]", "-", true)]
    [TestCase(@"[x\-]", "-", true)]
    [TestCase(@"[x\-]", "z", false)]
    [TestCase("*x", "xxx", true)]
    [TestCase("**", "ab", true)]
    [TestCase("**", "a/b", false)]
    public void A_pattern_matches_a_whole_name(string pattern, string name, bool expected) =>
        Assert.That(PathMatch.TryParse(pattern)!.IsMatch(name), Is.EqualTo(expected));

    [TestCase("[]a]")]
    [TestCase("[-]")]
    [TestCase("[x-]")]
    [TestCase("[-x]")]
    [TestCase(@"a\")]
    [TestCase("[a-b-c]")]
    [TestCase("[")]
    [TestCase("[^")]
    [TestCase("[^bc")]
    [TestCase("a[")]
    [TestCase("[a")]
    public void A_malformed_pattern_is_none(string pattern) => Assert.That(PathMatch.TryParse(pattern), Is.Null);

    [TestCase("**", "a/b/c", true)]
    [TestCase("**/", "a/b", true)]
    [TestCase("**/foo", "foo", true)]
    [TestCase("**/foo", "a/b/foo", true)]
    [TestCase("**/foo", "xfoo", false)]
    [TestCase("**/foo", "a/xfoo", false)]
    [TestCase("foo/**", "foo/a/b", true)]
    [TestCase("foo/**", "foo", false)]
    [TestCase("a/**/b", "a/b", true)]
    [TestCase("a/**/b", "a/x/y/b", true)]
    [TestCase("a/**/b", "axb", false)]
    [TestCase("a/**/b", "a/xb", false)]
    [TestCase("a**/b", "aa/b", true)]
    [TestCase("**/*.md", "docs/a.md", true)]
    [TestCase("**/x/**/y", "x/y", true)]
    [TestCase("**/x/**/y", "1/x/2/3/y", true)]
    [TestCase("a/**", "a/b", true)]
    public void Two_stars_go_over_components(string pattern, string name, bool expected) =>
        Assert.That(PathMatch.TryParseIgnore(pattern)!.IsMatch(name), Is.EqualTo(expected));

    [Test]
    public void Many_stars_do_not_take_long() =>
        Assert.That(PathMatch.TryParse(string.Concat(Enumerable.Repeat("*a", 200)) + "b")!.IsMatch(new string('a', 4000)), Is.False);

    [TestCase("a", false)]
    [TestCase("a*", true)]
    [TestCase(@"a\*", false)]
    [TestCase("[a", true)]
    public void Wildcards_are_seen(string text, bool expected) => Assert.That(PathMatch.HasWildcards(text), Is.EqualTo(expected));
}
