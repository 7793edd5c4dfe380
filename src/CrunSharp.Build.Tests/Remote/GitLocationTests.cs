using CrunSharp.Build.Remote;
using CrunSharp.Oci;

namespace CrunSharp.Build.Tests.Remote;

public class GitLocationTests
{
    [TestCase("https://example.com/foo.git", "https://example.com/foo.git", "", "")]
    [TestCase("HTTPS://example.com/foo.git", "HTTPS://example.com/foo.git", "", "")]
    [TestCase("https://example.com/foo.git#deadbeef", "https://example.com/foo.git", "deadbeef", "")]
    [TestCase("https://example.com/foo.git#release/1.2", "https://example.com/foo.git", "release/1.2", "")]
    [TestCase("https://example.com/foo.git#baz/qux:quux/quuz", "https://example.com/foo.git", "baz/qux", "quux/quuz")]
    [TestCase("https://example.com/foo.git#:folder", "https://example.com/foo.git", "", "folder")]
    [TestCase("https://example.com/foo.git#a%2Fb", "https://example.com/foo.git", "a/b", "")]
    [TestCase("https://foo:bar@example.com/foo.git", "https://foo:bar@example.com/foo.git", "", "")]
    [TestCase("git://example.com/foo", "git://example.com/foo", "", "")]
    [TestCase("ssh://git@example.com:22/foo", "ssh://git@example.com:22/foo", "", "")]
    [TestCase("git@example.com:foo/bar", "git@example.com:foo/bar", "", "")]
    [TestCase("git@example.com:foo/bar.git#v1:sub", "git@example.com:foo/bar.git", "v1", "sub")]
    [TestCase("git@example.com:foo/bar.git?ref=v1&subdir=/sub", "git@example.com:foo/bar.git", "v1", "/sub")]
    [TestCase("https://example.com/foo.git?ref=v1.0.0&subdir=/subdir", "https://example.com/foo.git", "v1.0.0", "/subdir")]
    [TestCase("https://example.com/foo.git?tag=v1", "https://example.com/foo.git", "refs/tags/v1", "")]
    [TestCase("https://example.com/foo.git?branch=refs/heads/main#refs/heads/main", "https://example.com/foo.git", "refs/heads/main", "")]
    [TestCase("https://example.com/foo.git?checksum=abcd", "https://example.com/foo.git", "abcd", "")]
    public void The_parts_of_an_address_are_found(string source, string remote, string @ref, string subdirectory)
    {
        var location = GitLocation.Parse(source);
        Assert.That((location.Remote, location.Ref, location.Subdirectory), Is.EqualTo((remote, @ref, subdirectory)));
    }

    [TestCase("https://example.com/")]
    [TestCase("https://example.com/foo")]
    [TestCase("https://example.com/foo.git/")]
    [TestCase("https://example.com/foo.git.bar")]
    [TestCase("http://github.com/docker/docker.git:#branch")]
    [TestCase("github.com/moby/buildkit")]
    [TestCase("custom.xyz/moby/buildkit.git")]
    [TestCase("file:///tmp/x.git")]
    [TestCase("ext::sh -c id")]
    [TestCase("ext://sh.git")]
    [TestCase("./.git")]
    [TestCase(".git")]
    [TestCase("../git@host:x")]
    [TestCase("a@b")]
    [TestCase("dir/a@b:c")]
    [TestCase("@host:x")]
    public void What_is_no_repository_is_a_file(string source) => Assert.That(GitLocation.IsGit(source), Is.False);

    [TestCase("https://h/x.git?ref=", "query \"ref\" has no value")]
    [TestCase("https://h/x.git?ref=a&ref=b", "query \"ref\" has multiple values")]
    [TestCase("https://h/x.git?token=1", "unexpected query \"token\"")]
    [TestCase("https://h/x.git?ref=a#b", "ref conflicts: \"b\" vs \"a\"")]
    [TestCase("https://h/x.git?subdir=a#b:c", "subdir conflicts: \"c\" vs \"a\"")]
    [TestCase("https://h/x.git?tag=a&branch=b", "branch conflicts with tag")]
    [TestCase("https://h/x.git?submodules=2", "invalid submodules value: \"2\"")]
    [TestCase("https://h/x.git?keep-git-dir=x", "invalid keep-git-dir value: \"x\"")]
    [TestCase("https://h/x.git?checksum=xyz", "invalid checksum xyz for Git URL, expected hex commit hash")]
    [TestCase("https://h/x.git#--upload-pack=id", "invalid git ref \"--upload-pack=id\"")]
    [TestCase("https://h/x.git#a b", "invalid git ref \"a b\"")]
    [TestCase("https://h/x.git#a..b", "invalid git ref \"a..b\"")]
    [TestCase("https://h/x.git#*", "invalid git ref \"*\"")]
    [TestCase("ssh://-oProxyCommand=id/x.git", "invalid address of a git repository: \"ssh://-oProxyCommand=id/x.git\"")]
    [TestCase("ssh://u@-oProxyCommand=id/x.git", "invalid address of a git repository: \"ssh://xxxxx@-oProxyCommand=id/x.git\"")]
    [TestCase("-u@host:x", "invalid address of a git repository: \"-u@host:x\"")]
    [TestCase("u@-host:x", "invalid address of a git repository: \"u@-host:x\"")]
    [TestCase("u@host:-x", "invalid address of a git repository: \"u@host:-x\"")]
    [TestCase("git:///x", "invalid address of a git repository: \"git:///x\"")]
    [TestCase("git://h/a b", "invalid address of a git repository: \"git://h/a b\"")]
    public void What_is_wrong_is_said(string source, string message)
    {
        Assert.That(GitLocation.IsGit(source), Is.True);
        Assert.That(() => GitLocation.Parse(source), Throws.TypeOf<CrunException>().With.Message.EqualTo(message));
    }

    [TestCase("", true, null)]
    [TestCase("?submodules=0", false, null)]
    [TestCase("?submodules", true, null)]
    [TestCase("?keep-git-dir=1&submodules=false", false, true)]
    [TestCase("?keep-git-dir", true, true)]
    [TestCase("?keep-git-dir=F", true, false)]
    public void Switches_are_read(string query, bool submodules, bool? keep)
    {
        var location = GitLocation.Parse("https://h/x.git" + query);
        Assert.That((location.Submodules, location.KeepGitDirectory), Is.EqualTo((submodules, keep)));
    }
}
