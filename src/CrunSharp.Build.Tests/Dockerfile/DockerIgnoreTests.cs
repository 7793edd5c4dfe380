using CrunSharp.Build.Dockerfile;
using CrunSharp.Oci;

namespace CrunSharp.Build.Tests.Dockerfile;

public class DockerIgnoreTests
{
    [TestCase("foo", "foo", true)]
    [TestCase("foo", "foo/bar", true)]
    [TestCase("foo", "a/foo", false)]
    [TestCase("/foo", "foo", true)]
    [TestCase("./foo/", "foo", true)]
    [TestCase("foo/../bar", "bar", true)]
    [TestCase("  foo  ", "foo", true)]
    [TestCase("#foo", "#foo", false)]
    [TestCase(" #foo", "#foo", true)]
    [TestCase("*.md", "README.md", true)]
    [TestCase("*.md", "docs/README.md", false)]
    [TestCase("*/temp*", "a/temporary.txt", true)]
    [TestCase("*/temp*", "a/b/temp", false)]
    [TestCase("temp?", "tempa", true)]
    [TestCase("temp?", "temp", false)]
    [TestCase("**/*.go", "a/b/c.go", true)]
    [TestCase("**/*.go", "c.go", true)]
    [TestCase("*\n!README*.md", "README.md", false)]
    [TestCase("*\n!README*.md\nREADME-secret.md", "README-secret.md", true)]
    [TestCase("*\nREADME-secret.md\n!README*.md", "README-secret.md", false)]
    [TestCase("*\n!src", "src/a/b.c", false)]
    [TestCase("*\n! src", "src/a", false)]
    [TestCase("dir\n!dir/keep\ndir/keep/not", "dir/keep/not/x", true)]
    [TestCase("dir\n!dir/keep\ndir/keep/not", "dir/keep/yes", false)]
    [TestCase("dir\n!dir/keep", "dir/other", true)]
    [TestCase("**/node_modules", "a/node_modules/b/c", true)]
    [TestCase(".", "a", false)]
    [TestCase("\\*x", "*x", true)]
    [TestCase("\uFEFFfoo", "foo", true)]
    [TestCase("foo\r\nbar\r\n", "foo", true)]
    [TestCase("a/[bc]", "a/b", true)]
    [TestCase("\n\n", "a", false)]
    public void The_last_pattern_that_matches_decides(string patterns, string path, bool expected) =>
        Assert.That(DockerIgnore.Parse(".dockerignore", patterns).IsIgnored(path), Is.EqualTo(expected));

    [Test]
    public void The_line_that_decides_is_known() =>
        Assert.That(DockerIgnore.Parse(".dockerignore", "# x\n\n*.o\nbuild\n").IgnoredByLine("build/a"), Is.EqualTo(4));

    [TestCase("!", ".dockerignore:1: illegal exclusion pattern: \"!\"")]
    [TestCase("a\n[", ".dockerignore:2: syntax error in pattern \"[\"")]
    public void A_malformed_pattern_is_refused(string patterns, string message) =>
        Assert.That(() => DockerIgnore.Parse(".dockerignore", patterns), Throws.TypeOf<CrunException>().With.Message.EqualTo(message));

    [TestCase("*\n!a/b", "a", true)]
    [TestCase("*\n!a/b", "c", false)]
    [TestCase("*\n!**/b", "c", true)]
    [TestCase("*\n!a", "a/b", true)]
    [TestCase("*\n!ab*/c", "abc", true)]
    [TestCase("*", "a", false)]
    public void An_ignored_directory_is_entered_only_when_something_in_it_may_come_back(string patterns, string directory, bool expected) =>
        Assert.That(DockerIgnore.Parse(".dockerignore", patterns).MayHoldIncluded(directory), Is.EqualTo(expected));
}
