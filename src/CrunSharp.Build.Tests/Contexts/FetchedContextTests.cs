using CrunSharp.Build.Contexts;
using CrunSharp.Build.Tests.Remote;

namespace CrunSharp.Build.Tests.Contexts;

/// <summary>Contexts from elsewhere: addresses and limits. What they are good for is in the native tests.</summary>
[Category("needs-root")]
public class FetchedContextTests
{
    [TestCase("dir", ContextKind.Directory, "dir")]
    [TestCase("https://host/file", ContextKind.Web, "https://host/file")]
    [TestCase("https://host/a.git#b:c", ContextKind.Git, "https://host/a.git#b:c")]
    [TestCase("git@host:a/b", ContextKind.Git, "git@host:a/b")]
    [TestCase("github.com/a/b", ContextKind.Git, "https://github.com/a/b.git")]
    [TestCase("github.com/a/b.git#ref:dir", ContextKind.Git, "https://github.com/a/b.git#ref:dir")]
    [TestCase("github.com/a/b/?ref=x", ContextKind.Git, "https://github.com/a/b.git?ref=x")]
    [TestCase("docker-image://alpine", ContextKind.Image, "alpine")]
    [TestCase("oci-layout:///a:b", ContextKind.Layout, "/a:b")]
    [TestCase("target:stage", ContextKind.Stage, "stage")]
    [TestCase("./target:stage", ContextKind.Directory, "./target:stage")]
    public void An_address_says_what_it_is(string text, ContextKind kind, string value) =>
        Assert.That(ContextAddress.OfNamed("n", text), Is.EqualTo(new ContextAddress(kind, value)));

    [TestCase("/a/b", "/a/b", null, false)]
    [TestCase("/a/b:tag", "/a/b", "tag", false)]
    [TestCase("a:b/c", "a:b/c", null, false)]
    [TestCase("/a@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "/a", null, true)]
    [TestCase("/a:tag@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "/a", null, true)]
    public void A_layouts_address_has_a_path_and_a_tag_or_digest(string text, string path, string? tag, bool hasDigest)
    {
        var (actualPath, actualTag, digest) = new ContextAddress(ContextKind.Layout, text).SplitLayout();
        Assert.That((actualPath, actualTag, digest is not null), Is.EqualTo((path, tag, hasDigest)));
    }

    [TestCase("repo.git", "the repository takes more than 1000000 bytes")]
    [TestCase("big.tar", "the archive is too large: more than 4000000 entries or 1000000 bytes")]
    [TestCase("large", "has more than 1000000 bytes")]
    public void What_is_too_large_is_refused_and_nothing_is_left(string name, string message)
    {
        using var build = new BuildFixture();
        using var repository = new TestRepository(build.Outside);
        using var server = new FileServer { Directory = repository.Served };
        repository.Commit("echo FROM scratch > Dockerfile; head -c 3000000 /dev/urandom > large");
        // What is small on the wire may be large here.
        repository.Shell("echo FROM scratch > Dockerfile; truncate -s 3000000 zeros; tar -czf served/big.tar Dockerfile zeros; cp zeros served/large");
        foreach (var file in (string[])["big.tar", "large"]) server.Files["/" + file] = new ServedFile(File.ReadAllBytes($"{repository.Served}/{file}"));
        foreach (var isMain in (bool[])[true, false])
        {
            var address = $"{server.Address}/{name}";
            var error = build.Fail("FROM scratch\nCOPY --from=other / /\n", request => (isMain ? request with { ContextDirectory = null, DockerfileContent = null, RemoteContext = address }
                : request with { Contexts = new Dictionary<string, string> { ["other"] = address } }) with
            { MostFetchedBytes = 1_000_000 });
            Assert.That(error.Message, Does.Contain(message).Or.Contain("more than 1000000"));
        }
    }
}
