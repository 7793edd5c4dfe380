using CrunSharp.Kernel.Files;

namespace CrunSharp.Build.Tests.Remote;

public class AddGitTests
{
    private BuildFixture _build = null!;
    private TestRepository _repository = null!;
    private FileServer _server = null!;
    private string _commit = "";

    [SetUp]
    public void Make()
    {
        _build = new BuildFixture();
        _repository = new TestRepository(_build.Outside);
        _server = new FileServer { Directory = _repository.Served };
        _commit = _repository.Commit("umask 077; echo one > a; mkdir -p sub/deep; echo two > sub/b; echo three > sub/deep/c; chmod +x sub/b; ln -s sub/b link; echo v1 > version; git add -A; git commit -qm v1; git tag v1; git tag -a -m annotated annotated; echo main > version; git branch side; git checkout -q side; echo side > version; git commit -qam side; git checkout -q main; echo main > version");
    }

    [TearDown]
    public void Remove()
    {
        _server.Dispose();
        _repository.Dispose();
        _build.Dispose();
    }

    private string Url => $"{_server.Address}/repo.git";

    private string Tree(string instruction) => _build.Tree(_build.Build($"FROM base\n{instruction}\n"));

    [Test]
    public void A_repository_comes_without_its_git_directory()
    {
        var result = _build.Build($"FROM base\nADD {Url} /n\n");
        Assert.That(_build.Tree(result), Is.EqualTo("""
            --
            /n 755 0:0
            /n/a 644 0:0 one\n
            /n/link 777 0:0 -> sub/b
            /n/sub 755 0:0
            /n/sub/b 755 0:0 two\n
            /n/sub/deep 755 0:0
            /n/sub/deep/c 644 0:0 three\n
            /n/version 644 0:0 main\n

            """));
        using var layer = _build.Store.Images.Resolve(result.ImageId.ToString()).GetLayers()[1].OpenDirectory();
        Assert.That(FileAt.Status(layer, "n/sub/b").Modified.Seconds, Is.EqualTo(1770091506), "the commit's time");
        Assert.That(Directory.GetFileSystemEntries(Path.Combine(_build.Store.Root, "tmp")), Is.Empty);
    }

    [TestCase("#v1", "v1")]
    [TestCase("#side", "side")]
    [TestCase("#refs/heads/side", "side")]
    [TestCase("#annotated", "v1")]
    [TestCase("?tag=v1", "v1")]
    [TestCase("?branch=side&submodules=0", "side")]
    [TestCase("?ref=main", "main")]
    [TestCase("#COMMIT", "main")]
    [TestCase("?commit=COMMIT", "main")]
    public void A_branch_a_tag_or_a_commit_is_taken(string selection, string version) =>
        Assert.That(Tree($"ADD {Url}{selection.Replace("COMMIT", _commit, StringComparison.Ordinal)} /n/"), Does.Contain($"/n/version 644 0:0 {version}\\n"));

    [TestCase("#:sub", "/n/b 755 0:0 two\\n\n/n/deep 755 0:0\n/n/deep/c 644 0:0 three\\n\n")]
    [TestCase("#main:sub/deep", "/n/c 644 0:0 three\\n\n")]
    [TestCase("?subdir=/sub/../sub/deep/&ref=main", "/n/c 644 0:0 three\\n\n")]
    public void A_subdirectory_is_taken(string selection, string tree) =>
        Assert.That(Tree($"ADD {Url}{selection} /n"), Is.EqualTo("--\n/n 755 0:0\n" + tree));

    [Test]
    public void Owner_mode_and_exclusions_apply() =>
        Assert.That(Tree($"ADD --chown=app --chmod=go= --exclude=sub/deep --exclude=[alv]* {Url} /n"), Is.EqualTo("--\n/n 755 1001:1002\n/n/sub 700 1001:1002\n/n/sub/b 700 1001:1002 two\\n\n"));

    [Test]
    public void The_git_directory_stays_where_it_is_wanted()
    {
        var tree = Tree($"ADD --keep-git-dir {Url.Replace("://", "://me:secret@", StringComparison.Ordinal)}#v1 /n");
        Assert.That(tree, Does.Contain("/n/.git/HEAD 644 0:0 ").And.Contain("/n/.git/refs/tags/v1 644").And.Not.Contain("/n/.git/logs").And.Not.Contain("FETCH_HEAD"));
        Assert.That(Tree($"ADD {Url}?keep-git-dir=1 /n"), Does.Contain("/n/.git/HEAD"));
        Assert.That(Tree($"ADD {Url}?keep-git-dir=1&subdir=sub /n"), Does.Not.Contain(".git"));
        using var layer = _build.Store.Images.Resolve(_build.Build($"FROM base\nADD --keep-git-dir {Url.Replace("://", "://me:secret@", StringComparison.Ordinal)}#v1 /n\n").ImageId.ToString()).GetLayers()[1].OpenDirectory();
        var config = System.Text.Encoding.UTF8.GetString(AtomicFile.TryRead(layer, "n/.git/config")!);
        Assert.That(config, Does.Contain("xxxxx:xxxxx@127.0.0.1").And.Not.Contain("secret"));
        Assert.That(_build.Fail($"FROM base\nADD --keep-git-dir=false {Url}?keep-git-dir=1 /n\n").Message, Does.EndWith("inconsistent keep-git-dir configuration"));
    }

    [Test]
    public void A_commit_that_is_known_is_not_fetched_again_wherever_it_is()
    {
        _build.Build($"FROM base\nADD {Url}#main /n\n");
        _server.Seen.Clear();
        Assert.That(_build.Build($"FROM base\nADD {Url}#main /n\n").Cached, Is.EqualTo(1));
        Assert.That(_server.Seen, Has.All.Match("/info/refs|/HEAD"));
        _server.Seen.Clear();
        Assert.That(_build.Build($"FROM base\nADD {Url}#{_commit} /n\n").Cached, Is.EqualTo(1));
        Assert.That(_server.Seen, Is.Empty, "a commit says itself what it is");
        Assert.That(_build.Build($"FROM base\nADD https://nowhere.invalid/x.git#{_commit} /n\n").Cached, Is.EqualTo(1));
        Assert.That(_build.Build($"FROM base\nADD {Url}#{_commit}:sub /n\n").Cached, Is.Zero);
        _repository.Commit("echo more > more");
        Assert.That(_build.Build($"FROM base\nADD {Url}#main /n\n").Cached, Is.Zero);
    }

    [Test]
    public void A_checksum_is_checked()
    {
        Tree($"ADD --checksum={_commit[..10]} {Url}#main /n");
        Tree($"ADD --checksum={_commit} {Url}#{_commit} /n");
        Tree($"ADD {Url}?ref=main&checksum={_commit[..7]} /n");
        var v1 = _repository.Shell("git -C work rev-parse v1").Trim();
        Assert.That(_build.Fail($"FROM base\nADD --checksum={_commit[..10]} {Url}#v1 /n\n").Message, Is.EqualTo($"Dockerfile:2: {Url}: expected checksum to match {_commit[..10]}, got {v1}"));
        Assert.That(_build.Fail($"FROM base\nADD --checksum=abc {Url}#{_commit} /n\n").Message, Does.EndWith($"expected checksum to match abc, got {_commit}"));
        Assert.That(_build.Fail($"FROM base\nADD --checksum=abc {Url}?checksum=abd /n\n").Message, Does.EndWith("checksum mismatch \"abc\" != \"abd\""));
        var annotated = _repository.Shell("git -C work rev-parse annotated").Trim();
        Tree($"ADD --checksum={annotated} {Url}#annotated /n");
        Tree($"ADD --checksum={v1} {Url}#annotated /n");
    }

    [Test]
    public void What_is_not_there_is_told()
    {
        Assert.That(_build.Fail($"FROM base\nADD {Url}#nowhere /n\n").Message, Is.EqualTo($"Dockerfile:2: {Url}: repository does not contain ref nowhere"));
        Assert.That(_build.Fail($"FROM base\nADD {Url}#:nowhere /n\n").Message, Is.EqualTo($"Dockerfile:2: {Url}: subdirectory: \"nowhere\": not found"));
        Assert.That(_build.Fail($"FROM base\nADD {Url}#:a /n\n").Message, Is.EqualTo($"Dockerfile:2: {Url}: subdirectory: \"a\": not a directory"));
        Assert.That(_build.Fail($"FROM base\nADD {Url}#{new string('0', 40)} /n\n").Message, Does.StartWith("Dockerfile:2: ").And.Contain(Url));
        Assert.That(_build.Fail($"FROM base\nADD {_server.Address}/none.git /n\n").Message, Does.StartWith($"Dockerfile:2: git ls-remote {_server.Address}/none.git: ").And.Contain("not found"));
        var secret = _server.Address.Replace("://", "://me:secret@", StringComparison.Ordinal);
        Assert.That(_build.Fail($"FROM base\nADD {secret}/none.git /n\n").Message, Does.Not.Contain("secret"));
    }

    [Test]
    public void Gits_own_protocol_gives_single_commits()
    {
        var address = _repository.Serve();
        Assert.That(Tree($"ADD {address}/repo.git#side:sub /n"), Does.Contain("/n/b 755 0:0 two"));
        Assert.That(Tree($"ADD {address}/repo.git#{_commit} /m"), Does.Contain("/m/version 644 0:0 main"));
        var v1 = _repository.Shell("git -C work rev-parse v1").Trim();
        Assert.That(Tree($"ADD {address}/repo.git#{v1} /o"), Does.Contain("/o/version 644 0:0 v1"), "a commit that no ref names");
    }

    [Test]
    public void Submodules_come_too_unless_they_are_not_wanted()
    {
        var address = _repository.Serve();
        _repository.Shell("cp -r served/repo.git served/inner.git");
        _repository.Commit($"git submodule -q add {address}/inner.git module");
        Assert.That(Tree($"ADD {address}/repo.git /n"), Does.Contain("/n/module/sub/b 755 0:0 two").And.Not.Contain(".git "));
        Assert.That(Tree($"ADD {address}/repo.git?submodules=0 /n"), Does.Contain("/n/module 755").And.Not.Contain("/n/module/sub"));
    }

    [Test]
    public void A_hostile_repository_reaches_nothing_of_the_host()
    {
        var secret = Path.Combine(_build.Outside, "secret");
        Directory.CreateDirectory(secret);
        File.WriteAllText(Path.Combine(secret, "key"), "SECRET");
        _repository.Shell("git init -q -b main secret && cd secret && git config user.name me && git config user.email m@e && git add -A && git commit -qm s");
        // A link out of it as the subdirectory, a submodule of the host's files, a filter and a hook that are programs.
        _repository.Commit($"ln -s {secret} out; ln -s ../../../../../../etc up; echo '* filter=evil' > .gitattributes; mkdir hooks; printf '#!/bin/sh\\ntouch {_build.Outside}/ran' > hooks/post-checkout; chmod +x hooks/post-checkout");
        Assert.That(_build.Fail($"FROM base\nADD {Url}#:out /n\n").Message, Does.EndWith("subdirectory: \"out\": not found"));
        Assert.That(_build.Fail($"FROM base\nADD {Url}#:up /n\n").Message, Does.EndWith("subdirectory: \"up\": not found"));
        Assert.That(Tree($"ADD {Url} /n"), Does.Contain($"/n/out 777 0:0 -> {secret}").And.Not.Contain("SECRET"));
        foreach (var url in (string[])[secret, $"file://{secret}", "ext::sh -c touch% ran", "--upload-pack=touch"])
        {
            _repository.Commit($"printf '[submodule \"m\"]\\n\\tpath = m\\n\\turl = {url.Replace("%", "%%", StringComparison.Ordinal)}\\n' > .gitmodules; mkdir -p m; git update-index --add --cacheinfo 160000,$(git -C ../secret rev-parse HEAD),m");
            Assert.That(_build.Fail($"FROM base\nADD {Url} /n\n").Message, Does.StartWith($"Dockerfile:2: update submodules of {Url}: "), url);
        }
        _repository.Commit($"printf '[submodule \"m\"]\\n\\tpath = m\\n\\turl = {Url}\\n\\tupdate = !touch {_build.Outside}/ran\\n' > .gitmodules");
        Assert.That(_build.Fail($"FROM base\nADD {Url} /n\n").Message, Does.Contain("submodules of"));
        Assert.That(File.Exists(Path.Combine(_build.Outside, "ran")), Is.False);
    }

    [Test]
    public void Without_git_it_is_told()
    {
        var path = Environment.GetEnvironmentVariable("PATH");
        try
        {
            Environment.SetEnvironmentVariable("PATH", "/nonexistent");
            Assert.That(_build.Fail($"FROM base\nADD {Url} /n\n").Message, Is.EqualTo("Dockerfile:2: find git: git is not installed: a git repository needs the program"));
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
        }
    }

    [Test]
    public void A_server_that_says_nothing_does_not_hold_a_build_that_is_stopped()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        Assert.That(() => _build.Build($"FROM base\nADD git://{listener.LocalEndpoint}/x /n\n", cancellationToken: stop.Token), Throws.InstanceOf<OperationCanceledException>());
    }
}
