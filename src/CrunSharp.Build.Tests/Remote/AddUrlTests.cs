using CrunSharp.Build.Cache;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Build.Tests.Remote;

public class AddUrlTests
{
    private const string Date = "Tue, 03 Feb 2026 04:05:06 GMT";

    private BuildFixture _build = null!;
    private FileServer _server = null!;

    [SetUp]
    public void Make()
    {
        _build = new BuildFixture();
        _server = new FileServer();
        _server.Files["/d/a.txt"] = new ServedFile("A", "\"1\"", Date);
    }

    [TearDown]
    public void Remove()
    {
        _server.Dispose();
        _build.Dispose();
    }

    private string Instruction(string text) => text.Replace("SITE", _server.Address, StringComparison.Ordinal);

    private BuildResult Build(string text) => _build.Build($"FROM base\n{Instruction(text)}\n");

    [TestCase("ADD SITE/d/a.txt /n", "/n 600 0:0 A\n")]
    [TestCase("ADD SITE/d/a.txt?x=y /n/", "/n 755 0:0\n/n/a.txt 600 0:0 A\n")]
    [TestCase("ADD SITE/d/a.txt /tmp", "/tmp 1777 0:0\n/tmp/a.txt 600 0:0 A\n")]
    [TestCase("ADD --chown=app --chmod=u=rwX,go=rX SITE/d/a.txt /n", "/n 644 1001:1002 A\n")]
    [TestCase("ADD --chmod=755 SITE/d/a.txt /n", "/n 755 0:0 A\n")]
    [TestCase("ADD --link SITE/d/a.txt /lib/", "/lib 755 0:0\n/lib/a.txt 600 0:0 A\n")]
    [TestCase("ADD b.txt SITE/d/a.txt /n/", "/n 755 0:0\n/n/a.txt 600 0:0 A\n/n/b.txt 644 0:0 B\n")]
    public void A_file_is_roots_alone_unless_it_is_said(string instruction, string tree)
    {
        _build.Write("b.txt", "B");
        var result = Build(instruction);
        Assert.That(_build.Tree(result), Is.EqualTo("--\n" + tree));
        using var layer = _build.Store.Images.Resolve(result.ImageId.ToString()).GetLayers()[1].OpenDirectory();
        foreach (var path in (string[])["n", "n/a.txt", "tmp/a.txt", "lib/a.txt"])
            if (FileAt.TryStatus(layer, path) is { Kind: FileKind.Regular } file) Assert.That(file.Modified.Seconds, Is.EqualTo(1770091506));
    }

    [Test]
    public void A_variable_names_it_and_no_context_is_needed()
    {
        var result = _build.Build($"FROM base\nARG V=d\nADD {_server.Address}/$V/a.txt /n\n", request => request with { ContextDirectory = null });
        Assert.That(_build.Tree(result), Is.EqualTo("--\n/n 600 0:0 A\n"));
    }

    [TestCase("\"1\"", Date)]
    [TestCase("\"1\"", null)]
    [TestCase(null, Date)]
    public void What_did_not_change_is_not_fetched_again(string? etag, string? modified)
    {
        _server.Files["/d/a.txt"] = new ServedFile("A", etag, modified);
        Assert.That(Build("ADD SITE/d/a.txt /n").Cached, Is.Zero);
        Assert.That(Build("ADD SITE/d/a.txt /n").Cached, Is.EqualTo(1));
        // Also where the step has to be done.
        Assert.That(Build("ADD SITE/d/a.txt /other").Cached, Is.Zero);
        Assert.That(_server.Seen, Is.EqualTo(new[] { "GET /d/a.txt 200", "GET /d/a.txt 304", "GET /d/a.txt 304" }));
    }

    [Test]
    public void What_changed_is_seen_and_its_time_alone_does_not_matter()
    {
        Build("ADD SITE/d/a.txt /n");
        _server.Files["/d/a.txt"] = new ServedFile("A", "\"2\"", "Wed, 04 Feb 2026 04:05:06 GMT");
        Assert.That(Build("ADD SITE/d/a.txt /n").Cached, Is.EqualTo(1), "the same content");
        _server.Files["/d/a.txt"] = new ServedFile("B", "\"3\"", Date);
        var result = Build("ADD SITE/d/a.txt /n");
        Assert.That((result.Cached, _build.Tree(result)), Is.EqualTo((0, "--\n/n 600 0:0 B\n")));
        Assert.That(Directory.GetFiles(Path.Combine(_build.Store.Root, "cache/downloads")), Has.Length.EqualTo(2), "what nobody needs is not kept");
    }

    [Test]
    public void A_server_that_tells_no_version_is_asked_for_all_of_it()
    {
        _server.Files["/d/a.txt"] = new ServedFile("A");
        Build("ADD SITE/d/a.txt /n");
        Assert.That(Build("ADD SITE/d/a.txt /n").Cached, Is.EqualTo(1));
        Assert.That(_server.Seen, Is.EqualTo(new[] { "GET /d/a.txt 200", "GET /d/a.txt 200" }));
    }

    [Test]
    public void The_same_content_of_another_address_hits()
    {
        _server.Files["/e/a.txt"] = new ServedFile("A");
        Build("ADD SITE/d/a.txt /n");
        Assert.That(Build("ADD SITE/e/a.txt /n").Cached, Is.EqualTo(1));
        Assert.That(Build("ADD --chmod=644 SITE/e/a.txt /n").Cached, Is.Zero);
    }

    [Test]
    public void Two_stages_fetch_it_once()
    {
        _server.Files["/d/a.txt"] = new ServedFile("A");
        _build.Build(Instruction("FROM base AS one\nADD SITE/d/a.txt /1\nFROM base\nCOPY --from=one /1 /1\nADD SITE/d/a.txt /2\n"));
        Assert.That(_server.Seen, Has.Count.EqualTo(1));
    }

    [Test]
    public void A_checksum_is_checked_and_saves_the_question()
    {
        var digest = Digest.Of("A"u8);
        Assert.That(_build.Tree(Build($"ADD --checksum={digest} SITE/d/a.txt /n")), Is.EqualTo("--\n/n 600 0:0 A\n"));
        Build($"ADD --checksum={digest} SITE/d/a.txt /other");
        Assert.That(_server.Seen, Has.Count.EqualTo(1));
        _server.Files["/d/a.txt"] = new ServedFile("changed", "\"2\"");
        Build($"ADD --checksum={digest} SITE/d/a.txt /third");
        Assert.That(_server.Seen, Has.Count.EqualTo(1));
        FileAt.RemoveTree(null, Path.Combine(_build.Store.Root, "cache/downloads"));
        Assert.That(Build($"ADD --checksum={digest} SITE/d/a.txt /n").Cached, Is.EqualTo(1), "the checksum says what is in it");
        Assert.That(Build($"ADD --checksum={digest} https://nowhere.invalid/d/a.txt /n").Cached, Is.EqualTo(1));
        CacheFolder.Forget(_build.Store.Root, null);
        Assert.That(_build.Fail(Instruction($"FROM base\nADD --checksum={digest} SITE/d/a.txt /n\n")).Message,
            Is.EqualTo($"Dockerfile:2: digest mismatch for {_server.Address}/d/a.txt: {Digest.Of("changed"u8)} (expected: {digest})"));
    }

    [TestCase("ADD --checksum=sha256:12 SITE/d/a.txt /n", "invalid checksum \"sha256:12\": not sha256: and 64 digits")]
    [TestCase("ADD --checksum=xyz https://h/x.git /n", "invalid checksum xyz for Git URL, expected hex commit hash")]
    [TestCase("ADD --checksum=abc b.txt /n", "checksum requires HTTP(S) or Git sources")]
    [TestCase("ADD --checksum=abc SITE/a SITE/b /n/", "checksum can't be specified for multiple sources")]
    [TestCase("ADD SITE/a SITE/b /n", "When using ADD with more than one source file, the destination must be a directory and end with a /")]
    [TestCase("ADD SITE/missing /n", "GET SITE/missing: invalid response status 404")]
    [TestCase("ADD http:///x /n", "invalid URL \"http:///x\"")]
    public void What_cannot_be_is_told(string instruction, string message)
    {
        Assert.That(_build.Fail(Instruction($"FROM base\n{instruction}\n")).Message, Is.EqualTo("Dockerfile:2: " + Instruction(message)));
    }

    [Test]
    public void An_archive_is_unpacked_only_where_that_is_wanted()
    {
        using (var memory = new MemoryStream())
        {
            _build.Write("inside", "I");
            using (var tar = new System.Formats.Tar.TarWriter(memory, System.Formats.Tar.TarEntryFormat.Ustar, leaveOpen: true))
                tar.WriteEntry(Path.Combine(_build.Context, "inside"), "../../inside");
            _server.Files["/a.tar"] = new ServedFile(memory.ToArray());
        }
        Assert.That(_build.Tree(Build("ADD SITE/a.tar /n/")), Is.EqualTo("--\n/n 755 0:0\n/n/a.tar 600 0:0 …\n"));
        Assert.That(_build.Tree(Build("ADD --unpack=true SITE/a.tar /n/")), Is.EqualTo("--\n/n 755 0:0\n/n/inside 644 0:0 I\n"));
        Assert.That(_build.Tree(Build("ADD --unpack=true SITE/d/a.txt /n/")), Is.EqualTo("--\n/n 755 0:0\n/n/a.txt 600 0:0 A\n"));
    }

    [Test]
    public void Redirections_are_followed_and_the_name_is_that_of_the_first()
    {
        _server.Files["/old.txt"] = new ServedFile([], RedirectTo: "/d/a.txt");
        Assert.That(_build.Tree(Build("ADD SITE/old.txt /n/")), Is.EqualTo("--\n/n 755 0:0\n/n/old.txt 600 0:0 A\n"));
    }

    [Test]
    public void A_download_that_a_cut_of_power_emptied_is_fetched_again()
    {
        Build("ADD SITE/d/a.txt /n");
        foreach (var file in Directory.GetFiles(Path.Combine(_build.Store.Root, "cache/downloads")).Where(static f => !f.EndsWith(".json", StringComparison.Ordinal)))
            File.WriteAllBytes(file, []);
        Assert.That(_build.Tree(Build("ADD SITE/d/a.txt /other")), Is.EqualTo("--\n/other 600 0:0 A\n"));
        Assert.That(_server.Seen, Is.EqualTo(new[] { "GET /d/a.txt 200", "GET /d/a.txt 200" }));
    }

    [Test]
    public void A_password_is_in_no_history_and_no_message()
    {
        var address = _server.Address.Replace("://", "://me:secret@", StringComparison.Ordinal);
        var result = _build.Build($"FROM base\nADD {address}/d/a.txt /n\n");
        Assert.That(_build.Config(result).History![^1].CreatedBy, Is.EqualTo($"ADD {_server.Address.Replace("://", "://xxxxx:xxxxx@", StringComparison.Ordinal)}/d/a.txt /n # buildkit"));
        Assert.That(_build.Progress.Events, Has.None.Contains("secret"));
        Assert.That(_build.Fail($"FROM base\nADD {address}/none /n\n").Message, Does.Not.Contain("secret"));
    }
}
