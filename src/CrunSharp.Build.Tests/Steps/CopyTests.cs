using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Build.Tests.Steps;

public class CopyTests
{
    private BuildFixture _build = null!;

    [SetUp]
    public void Make()
    {
        _build = new BuildFixture();
        _build.Write("a.txt", "A");
        _build.Write("b.md", "B");
        _build.Write("dir/x.txt", "X");
        _build.Write("dir/sub/y.md", "Y");
        File.WriteAllText(Path.Combine(_build.Outside, "secret"), "SECRET");
    }

    [TearDown]
    public void Remove() => _build.Dispose();

    [Test]
    public void A_hard_link_is_made_to_no_file_that_another_source_replaced()
    {
        using (var directory = FileAt.OpenDirectory(_build.Context)) FileAt.Link(directory, "a.txt", directory, "hard");
        _build.Write("dir/a.txt", "other");
        var result = _build.Build("FROM scratch\nCOPY a.txt a.txt dir/a.txt hard /n/\n");
        Assert.That(_build.Tree(result, 0), Is.EqualTo("--\n/n 755 0:0\n/n/a.txt 644 0:0 other\n/n/hard 644 0:0 A\n"));
    }

    [Test]
    public void Thousands_of_files_keep_content_permissions_and_times()
    {
        var time = new FileTime(1_600_000_000, 123_456_789);
        for (var i = 0; i < 1500; i++) _build.Write($"many/d{i % 60:d2}/e/{i:d4}", $"content {i}");
        for (var i = 0; i < 700; i++) _build.Write($"many/flat/{i:d4}", new string('x', i * 7));
        var many = Path.Combine(_build.Context, "many");
        File.SetUnixFileMode(Path.Combine(many, "flat/0001"), (UnixFileMode)0x9ed);
        using (var directory = FileAt.OpenDirectory(many))
        {
            FileAt.Link(directory, "flat/0002", directory, "d00/hard");
            foreach (var path in (string[])["flat/0003", "flat", "d07/e", "d07", "d59/e/1499"]) FileAt.SetTime(directory, path, time);
        }
        // Into a directory that is there, and into one that the same step fills once more.
        var result = _build.Build("FROM scratch\nCOPY many /etc/\nCOPY many many/flat /etc/again/\n");
        foreach (var (layer, at) in (List<(int, string)>)[(0, "etc"), (1, "etc/again")])
        {
            var copy = Path.Combine(_build.Store.Images.Resolve(result.ImageId.ToString()).GetLayers()[layer].Path, at);
            for (var i = 0; i < 1500; i++) Assert.That(File.ReadAllText($"{copy}/d{i % 60:d2}/e/{i:d4}"), Is.EqualTo($"content {i}"));
            for (var i = 0; i < 700; i++)
            {
                Assert.That(File.ReadAllText($"{copy}/flat/{i:d4}"), Has.Length.EqualTo(i * 7));
                if (layer == 1) Assert.That(File.ReadAllText($"{copy}/{i:d4}"), Has.Length.EqualTo(i * 7));
            }
            using var directory = FileAt.OpenDirectory(copy);
            Assert.That(FileAt.Status(directory, "flat/0001").Mode, Is.EqualTo(0x9ed));
            Assert.That(FileAt.Status(directory, "d00/hard").Inode, Is.EqualTo(FileAt.Status(directory, "flat/0002").Inode));
            foreach (var path in (string[])["flat/0003", "flat", "d07/e", "d07", "d59/e/1499"])
                Assert.That(FileAt.Status(directory, path).Modified, Is.EqualTo(time), path);
        }
    }

    [Test]
    public void A_file_among_many_that_cannot_be_copied_is_named_and_nothing_is_left()
    {
        for (var i = 0; i < 300; i++) _build.Write($"many/{i:d3}", "x");
        _build.Write("blocked/250/x", "x");
        Assert.That(_build.Fail("FROM scratch\nCOPY blocked many /n/\n").Message, Is.EqualTo("Dockerfile:2: cannot replace to directory 250 with file"));
    }

    [TestCase("COPY a.txt /n", "/n 644 0:0 A\n")]
    [TestCase("COPY a.txt /n/", "/n 755 0:0\n/n/a.txt 644 0:0 A\n")]
    [TestCase("COPY a.txt /tmp", "/tmp 1777 0:0\n/tmp/a.txt 644 0:0 A\n")]
    [TestCase("COPY a.txt b.md /n/m/", "/n 755 0:0\n/n/m 755 0:0\n/n/m/a.txt 644 0:0 A\n/n/m/b.md 644 0:0 B\n")]
    [TestCase("COPY dir /n", "/n 755 0:0\n/n/sub 755 0:0\n/n/sub/y.md 644 0:0 Y\n/n/x.txt 644 0:0 X\n")]
    [TestCase("COPY dir/ /etc/", "/etc 755 0:0\n/etc/sub 755 0:0\n/etc/sub/y.md 644 0:0 Y\n/etc/x.txt 644 0:0 X\n")]
    [TestCase("COPY *.txt /n/", "/n 755 0:0\n/n/a.txt 644 0:0 A\n")]
    [TestCase("COPY d*/s?b /n/", "/n 755 0:0\n/n/y.md 644 0:0 Y\n")]
    [TestCase("COPY nothing* /n/", "")]
    [TestCase("COPY [\"a.txt\", \"/n m\"]", "/n m 644 0:0 A\n")]
    [TestCase("COPY ../../a.txt /n", "/n 644 0:0 A\n")]
    [TestCase("COPY dir/../a.txt /x/../n", "/n 644 0:0 A\n")]
    [TestCase("COPY a.txt ../../n", "/n 644 0:0 A\n")]
    [TestCase("COPY --chown=app a.txt /n/", "/n 755 1001:1002\n/n/a.txt 644 1001:1002 A\n")]
    [TestCase("COPY --chown=app:staff --chmod=4750 a.txt /n", "/n 4750 1001:50 A\n")]
    [TestCase("COPY --chown=12:34 a.txt /n", "/n 644 12:34 A\n")]
    [TestCase("COPY --chown=12 a.txt /n", "/n 644 12:12 A\n")]
    [TestCase("COPY --chmod=700 dir /n", "/n 755 0:0\n/n/sub 700 0:0\n/n/sub/y.md 700 0:0 Y\n/n/x.txt 700 0:0 X\n")]
    [TestCase("COPY --exclude=**/*.md --exclude=b* . /n", "/n 755 0:0\n/n/a.txt 644 0:0 A\n/n/dir 755 0:0\n/n/dir/sub 755 0:0\n/n/dir/x.txt 644 0:0 X\n")]
    [TestCase("COPY --exclude=a.txt a.txt /n/", "/n 755 0:0\n/n/a.txt 644 0:0 A\n")]
    [TestCase("COPY --exclude=*.md * /n/", "/n 755 0:0\n/n/a.txt 644 0:0 A\n/n/sub 755 0:0\n/n/sub/y.md 644 0:0 Y\n/n/x.txt 644 0:0 X\n")]
    [TestCase("COPY --exclude=sub --exclude=!sub/y.md dir /n/", "/n 755 0:0\n/n/sub 755 0:0\n/n/sub/y.md 644 0:0 Y\n/n/x.txt 644 0:0 X\n")]
    [TestCase("COPY --exclude=* dir /n", "/n 755 0:0\n")]
    [TestCase("ADD --exclude=*.txt dir /n", "/n 755 0:0\n/n/sub 755 0:0\n/n/sub/y.md 644 0:0 Y\n")]
    [TestCase("COPY --chmod=u=rwX,go=rX dir /n", "/n 755 0:0\n/n/sub 755 0:0\n/n/sub/y.md 644 0:0 Y\n/n/x.txt 644 0:0 X\n")]
    [TestCase("COPY --chmod=go=,u+x dir /n", "/n 755 0:0\n/n/sub 700 0:0\n/n/sub/y.md 700 0:0 Y\n/n/x.txt 700 0:0 X\n")]
    [TestCase("COPY --chmod=+x --chown=app a.txt /n", "/n 755 1001:1002 A\n")]
    [TestCase("COPY --chmod=g=u a.txt /n", "/n 664 0:0 A\n")]
    [TestCase("ADD --chmod=o= a.txt /n", "/n 640 0:0 A\n")]
    [TestCase("COPY a.txt /lib/n", "/usr 755 0:0\n/usr/lib 755 0:0\n/usr/lib/n 644 0:0 A\n")]
    [TestCase("COPY a.txt /etc/group", "/etc 755 0:0\n/etc/group 644 0:0 A\n")]
    [TestCase("ADD a.txt /n", "/n 644 0:0 A\n")]
    public void Files_go_where_Docker_puts_them(string instruction, string tree) =>
        Assert.That(_build.Tree(_build.Build($"FROM base\n{instruction}\n")), Is.EqualTo("--\n" + tree));

    [TestCase("COPY dir /etc/passwd", "cannot copy to non-directory: /etc/passwd")]
    [TestCase("COPY a.txt /etc/passwd/", "cannot copy to non-directory: /etc/passwd")]
    [TestCase("COPY a.txt /etc/passwd/x", "resolve /etc/passwd/x: /etc/passwd: not a directory")]
    [TestCase("COPY a.tx /n", "\"/a.tx\": not found (did you mean a.txt?)")]
    [TestCase("COPY --chmod=999 a.txt /n", "invalid chmod parameter: '999'. it should be octal string and between 0 and 07777")]
    [TestCase("COPY http://host/x /n", "source can't be a URL for COPY")]
    [TestCase("COPY https://host/x.git /n", "source can't be a git ref for COPY")]
    [TestCase("COPY git@host:x /n", "source can't be a git ref for COPY")]
    [TestCase("COPY --parents dir/none /n", "\"/dir/none\": not found")]
    [TestCase("COPY --parents none/./x /n", "\"/none/x\": not found")]
    [TestCase("COPY --parents none/./* /n", "\"/none\": not found")]
    [TestCase("COPY [^ /n/", "syntax error in pattern \"/[^\"")]
    public void What_does_not_fit_is_refused(string instruction, string message) =>
        Assert.That(_build.Fail($"FROM base\n{instruction}\n").Message, Is.EqualTo("Dockerfile:2: " + message));

    [TestCase("COPY --parents dir/sub/y.md a.txt /n/", "/n 755 0:0\n/n/a.txt 644 0:0 A\n/n/dir 755 0:0\n/n/dir/sub 700 0:0\n/n/dir/sub/y.md 644 0:0 Y\n", Description = "several")]
    [TestCase("COPY --parents dir/./sub/y.md /n", "/n 755 0:0\n/n/sub 700 0:0\n/n/sub/y.md 644 0:0 Y\n", Description = "a pivot")]
    [TestCase("COPY --parents ./dir/./sub/./y.md /n", "/n 755 0:0\n/n/sub 700 0:0\n/n/sub/y.md 644 0:0 Y\n", Description = "only the first pivot counts")]
    [TestCase("COPY --parents dir /n", "/n 755 0:0\n/n/dir 755 0:0\n/n/dir/sub 700 0:0\n/n/dir/sub/y.md 644 0:0 Y\n/n/dir/x.txt 644 0:0 X\n", Description = "a directory")]
    [TestCase("COPY --parents dir/. /n", "/n 755 0:0\n/n/dir 755 0:0\n/n/dir/sub 700 0:0\n/n/dir/sub/y.md 644 0:0 Y\n/n/dir/x.txt 644 0:0 X\n", Description = "a directory and a dot")]
    [TestCase("COPY --parents **/*.md /n", "/n 755 0:0\n/n/b.md 644 0:0 B\n/n/dir 755 0:0\n/n/dir/sub 700 0:0\n/n/dir/sub/y.md 644 0:0 Y\n", Description = "any depth")]
    [TestCase("COPY --parents dir/./**/*.md /n", "/n 755 0:0\n/n/sub 700 0:0\n/n/sub/y.md 644 0:0 Y\n", Description = "any depth below a pivot")]
    [TestCase("COPY --parents d*/./* /n", "/n 755 0:0\n/n/sub 700 0:0\n/n/sub/y.md 644 0:0 Y\n/n/x.txt 644 0:0 X\n", Description = "wildcards on both sides of the pivot")]
    [TestCase("COPY --parents */sub /n", "/n 755 0:0\n/n/dir 755 0:0\n/n/dir/sub 700 0:0\n/n/dir/sub/y.md 644 0:0 Y\n", Description = "a directory behind a wildcard")]
    [TestCase("COPY --parents --exclude=**/sub dir /n", "/n 755 0:0\n/n/dir 755 0:0\n/n/dir/x.txt 644 0:0 X\n", Description = "exclude")]
    [TestCase("COPY --parents --chmod=u=rwX,go=rX --chown=1:2 dir/sub /n", "/n 755 1:2\n/n/dir 755 1:2\n/n/dir/sub 755 1:2\n/n/dir/sub/y.md 644 1:2 Y\n", Description = "owner and mode")]
    [TestCase("COPY --parents no*/x /n", "", Description = "no match")]
    [TestCase("COPY --parents ../../dir/x.txt /n", "/n 755 0:0\n/n/dir 755 0:0\n/n/dir/x.txt 644 0:0 X\n", Description = "dots stop at the root")]
    public void Parents_keeps_the_directories_of_what_it_copies(string instruction, string tree)
    {
        File.SetUnixFileMode(Path.Combine(_build.Context, "dir/sub"), (UnixFileMode)0x1c0);
        Assert.That(_build.Tree(_build.Build($"FROM base\n{instruction}\n")), Is.EqualTo("--\n" + tree));
    }

    [Test]
    public void A_link_to_nowhere_is_not_left_out_of_what_a_wildcard_matches()
    {
        File.CreateSymbolicLink(Path.Combine(_build.Context, "alone"), "nowhere");
        Assert.That(_build.Fail("FROM base\nCOPY a* /n/\n").Message, Is.EqualTo("Dockerfile:2: \"/alone\": not found"));
        Assert.That(_build.Fail("FROM base\nCOPY alone /n/\n").Message, Is.EqualTo("Dockerfile:2: \"/alone\": not found"));
        _build.Write(".dockerignore", "alone\n");
        Assert.That(_build.Tree(_build.Build("FROM base\nCOPY a* /n/\n")), Is.EqualTo("--\n/n 755 0:0\n/n/a.txt 644 0:0 A\n"));
        _build.Write(".dockerignore", "b.md\n");
        File.Delete(Path.Combine(_build.Context, "alone"));
        File.CreateSymbolicLink(Path.Combine(_build.Context, "alone"), "b.md");
        Assert.That(_build.Fail("FROM base\nCOPY a* /n/\n").Message, Does.StartWith("Dockerfile:2: \"/alone\": not found (excluded by .dockerignore, line 1"));
    }

    [Test]
    public void Parents_follows_no_links_and_says_so()
    {
        File.CreateSymbolicLink(Path.Combine(_build.Context, "link"), "dir");
        File.CreateSymbolicLink(Path.Combine(_build.Context, "out"), _build.Outside);
        Assert.That(_build.Tree(_build.Build("FROM base\nCOPY --parents link out /n/\n")), Is.EqualTo($"--\n/n 755 0:0\n/n/link 777 0:0 -> dir\n/n/out 777 0:0 -> {_build.Outside}\n"));
        Assert.That(_build.Tree(_build.Build("FROM base\nCOPY --parents link/./x.txt /n/\n")), Is.EqualTo("--\n/n 755 0:0\n/n/x.txt 644 0:0 X\n"));
        Assert.That(_build.Fail("FROM base\nCOPY --parents link/x.txt /n/\n").Message, Is.EqualTo("Dockerfile:2: \"/link/x.txt\": with --parents it must not be reached through a symbolic link"));
        Assert.That(_build.Fail("FROM base\nCOPY --parents out/secret /n/\n").Message, Does.EndWith("\"/out/secret\": not found"));
    }

    [Test]
    public void Parents_leaves_the_owner_of_a_directory_that_is_there()
    {
        File.SetUnixFileMode(Path.Combine(_build.Context, "dir"), (UnixFileMode)0x1c0);
        var result = _build.Build("FROM base\nRUN mkdir -m 711 /dir && busybox chown 5:6 /dir\nCOPY --parents dir/x.txt /\n");
        Assert.That(_build.Tree(result, 2), Is.EqualTo("--\n/dir 700 5:6\n/dir/x.txt 644 0:0 X\n"));
    }

    [Test]
    public void Parents_respects_the_ignore_file()
    {
        _build.Write(".dockerignore", "dir/sub\n");
        Assert.That(_build.Tree(_build.Build("FROM base\nCOPY --parents dir /n\n")), Is.EqualTo("--\n/n 755 0:0\n/n/dir 755 0:0\n/n/dir/x.txt 644 0:0 X\n"));
        Assert.That(_build.Fail("FROM base\nCOPY --parents dir/./sub/y.md /n\n").Message, Is.EqualTo("Dockerfile:2: \"/dir/sub/y.md\": not found (excluded by .dockerignore, line 1: \"dir/sub\")"));
    }

    [Test]
    public void A_linked_layer_knows_nothing_of_those_beneath()
    {
        // As in an empty tree: a link of the base is not followed, a directory of its gets the mode of a new one.
        var result = _build.Build("FROM base\nCOPY --link a.txt /lib/\nCOPY --link --chown=app dir/x.txt /tmp/\nCOPY --link --chmod=600 b.md /lib/\nCOPY --link b.md /etc\n");
        Assert.That(_build.Tree(result), Is.EqualTo("""
            --
            /lib 755 0:0
            /lib/a.txt 644 0:0 A
            --
            /tmp 755 1001:1002
            /tmp/x.txt 644 1001:1002 X
            --
            /lib 755 0:0
            /lib/b.md 600 0:0 B
            --
            /etc 644 0:0 B

            """));
    }

    [Test]
    public void An_ADD_that_does_not_unpack_copies_the_archive()
    {
        using (var tar = new System.Formats.Tar.TarWriter(File.Create(Path.Combine(_build.Context, "a.tar")), System.Formats.Tar.TarEntryFormat.Ustar))
            tar.WriteEntry(Path.Combine(_build.Context, "a.txt"), "inside");
        Assert.That(_build.Tree(_build.Build("FROM base\nADD a.tar /n/\n")), Is.EqualTo("--\n/n 755 0:0\n/n/inside 644 0:0 A\n"));
        Assert.That(_build.Tree(_build.Build("FROM base\nADD --unpack a.tar /n/\n")), Is.EqualTo("--\n/n 755 0:0\n/n/inside 644 0:0 A\n"));
        Assert.That(_build.Tree(_build.Build("FROM base\nADD --unpack=false a.tar /n/\n")), Is.EqualTo("--\n/n 755 0:0\n/n/a.tar 644 0:0 …\n"));
    }

    [Test]
    public void The_history_has_the_flags_that_BuildKit_writes()
    {
        var result = _build.Build("FROM base\nCOPY --parents --link --chown=1 --exclude=x a.txt /n/\nADD --chmod=u=r --unpack=false a.txt b.md /n/\n");
        Assert.That(_build.Config(result).History!.Skip(1).Select(static h => h.CreatedBy), Is.EqualTo(new[]
        {
            "COPY --parents --chown=1 a.txt /n/ # buildkit", "ADD --chmod=u=r a.txt b.md /n/ # buildkit",
        }));
    }

    [Test]
    public void A_file_does_not_replace_a_directory_nor_the_other_way_round()
    {
        _build.Write("one/thing", "file");
        _build.Write("two/thing/inside", "x");
        Assert.That(_build.Fail("FROM base\nCOPY one two /n/\n").Message, Does.EndWith("cannot copy to non-directory: /n/thing"));
        Assert.That(_build.Fail("FROM base\nCOPY two one /n/\n").Message, Does.EndWith("cannot replace to directory thing with file"));
        Assert.That(_build.Fail("FROM base\nCOPY two /n\nCOPY one /n\n").Message, Does.EndWith("cannot replace to directory thing with file"));
    }

    [Test]
    public void An_existing_directory_keeps_its_mode_unless_the_source_has_it_too()
    {
        var result = _build.Build("FROM base\nRUN mkdir -m 700 /n /n/sub && echo 1 > /n/keep\nCOPY dir /n\nRUN cat /n/keep /n/x.txt /n/sub/y.md\n");
        Assert.That(_build.Progress.Output, Is.EqualTo("1\nXY"));
        Assert.That(_build.Tree(result, 2), Does.StartWith("--\n/n 700 0:0\n/n/sub 755 0:0\n/n/sub/y.md 644 0:0 Y\n/n/x.txt 644 0:0 X\n"));
    }

    [Test]
    public void Links_are_copied_as_links_and_only_a_source_itself_is_followed()
    {
        File.CreateSymbolicLink(Path.Combine(_build.Context, "link"), "dir");
        File.CreateSymbolicLink(Path.Combine(_build.Context, "dir/inner"), "/anywhere");
        File.CreateSymbolicLink(Path.Combine(_build.Context, "file"), "a.txt");
        var result = _build.Build("FROM base\nCOPY link /n/\nCOPY file /f/\n");
        Assert.That(_build.Tree(result), Is.EqualTo("--\n/n 755 0:0\n/n/inner 777 0:0 -> /anywhere\n/n/sub 755 0:0\n/n/sub/y.md 644 0:0 Y\n/n/x.txt 644 0:0 X\n--\n/f 755 0:0\n/f/file 644 0:0 A\n"));
    }

    [Test]
    public void Hard_links_times_modes_and_attributes_are_kept()
    {
        File.SetUnixFileMode(Path.Combine(_build.Context, "dir/x.txt"), (UnixFileMode)0x9ed);
        File.SetLastWriteTimeUtc(Path.Combine(_build.Context, "dir/x.txt"), new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc));
        using (var directory = FileAt.OpenDirectory(Path.Combine(_build.Context, "dir")))
        {
            FileAt.Link(directory, "x.txt", directory, "z.txt");
            ExtendedAttributes.Set(directory, "x.txt", "user.note", "n"u8);
        }
        var result = _build.Build("FROM base\nCOPY --chown=app dir /n\n");
        using var layer = _build.Store.Images.Resolve(result.ImageId.ToString()).GetLayers()[1].OpenDirectory();
        using var made = FileAt.OpenBeneath(layer, "n", Kernel.Libc.OpenFlags.O_RDONLY);
        var status = FileAt.Status(made, "x.txt");
        Assert.That(status.Inode, Is.EqualTo(FileAt.Status(made, "z.txt").Inode));
        Assert.That((status.Mode, status.Uid, status.Modified.Seconds), Is.EqualTo((0x9edu, 1001u, 981173106L)));
        Assert.That(ExtendedAttributes.Get(made, "x.txt", "user.note"), Is.EqualTo("n"u8.ToArray()));
    }

    [Test]
    public void Owners_are_kept_from_a_stage_and_root_from_the_context()
    {
        _build.Write("c", "");
        using (var context = FileAt.OpenDirectory(_build.Context)) FileAt.SetOwner(context, "c", 77, 78);
        var result = _build.Build("FROM base AS s\nRUN touch /x && mkdir /d && touch /d/y && busybox chown 5:6 /x /d/y /d\nFROM scratch\nCOPY --from=s /x /d /n/\nCOPY c /\n");
        Assert.That(_build.Tree(result, 0), Is.EqualTo("--\n/n 755 0:0\n/n/x 644 5:6 \n/n/y 644 5:6 \n--\n/c 644 0:0 \n"));
    }

    [Test]
    public void What_the_ignore_file_names_is_not_there()
    {
        _build.Write(".dockerignore", "# comment\ndir\n!dir/sub\n*.md\n");
        Assert.That(_build.Tree(_build.Build("FROM base\nCOPY . /n\n")), Is.EqualTo("--\n/n 755 0:0\n/n/.dockerignore 644 0:0 # comment\\ndir\\n!dir/sub\\n*.md\\n\n/n/a.txt 644 0:0 A\n/n/dir 755 0:0\n/n/dir/sub 755 0:0\n/n/dir/sub/y.md 644 0:0 Y\n"));
        Assert.That(_build.Fail("FROM base\nCOPY b.md /\n").Message, Is.EqualTo("Dockerfile:2: \"/b.md\": not found (excluded by .dockerignore, line 4: \"*.md\")"));
        File.CreateSymbolicLink(Path.Combine(_build.Context, "way"), "dir/x.txt");
        Assert.That(_build.Fail("FROM base\nCOPY way /\n").Message, Is.EqualTo("Dockerfile:2: \"/way\": not found (excluded by .dockerignore, line 2: \"dir\")"));
    }

    [Test]
    public void The_ignore_file_beside_the_Dockerfile_wins()
    {
        _build.Write(".dockerignore", "a.txt\n");
        _build.Write("docker/Dockerfile", "FROM base\nCOPY * /n/\n");
        _build.Write("docker/Dockerfile.dockerignore", "*\n!a.txt\n");
        var result = _build.Build("", request => request with { DockerfileContent = null, DockerfilePath = Path.Combine(_build.Context, "docker/Dockerfile") });
        Assert.That(_build.Tree(result), Is.EqualTo("--\n/n 755 0:0\n/n/a.txt 644 0:0 A\n"));
    }

    [Test]
    public void A_link_of_the_context_never_leads_out_of_it()
    {
        File.CreateSymbolicLink(Path.Combine(_build.Context, "out"), _build.Outside);
        File.CreateSymbolicLink(Path.Combine(_build.Context, "up"), "../outside");
        File.CreateSymbolicLink(Path.Combine(_build.Context, "etc"), "/etc");
        foreach (var source in (string[])["out/secret", "up/secret", "etc/passwd", "out", "up/", "out/*"])
        {
            var dockerfile = $"FROM base\nCOPY {source} /n/\n";
            if (source.EndsWith('*')) Assert.That(_build.Tree(_build.Build(dockerfile)), Is.EqualTo("--\n"));
            else Assert.That(_build.Fail(dockerfile).Message, Does.Contain("not found").Or.Contain("too many symbolic links"));
        }
    }

    [Test]
    public void A_destination_through_the_images_links_stays_in_the_image()
    {
        var before = Directory.GetFileSystemEntries(_build.Outside);
        var result = _build.Build($"FROM base\nRUN ln -s {_build.Outside} /abs && ln -s ../../../../..{_build.Outside} /rel && ln -s /nowhere /dangling\nCOPY a.txt /abs/x\nCOPY a.txt /rel/y\nCOPY a.txt /dangling\nCOPY dir /abs/d\n");
        Assert.That(Directory.GetFileSystemEntries(_build.Outside), Is.EqualTo(before));
        Assert.That(_build.Tree(result, 2), Does.Contain($"{_build.Outside}/x 644 0:0 A").And.Contain($"{_build.Outside}/y 644 0:0 A").And.Contain("/nowhere 644 0:0 A").And.Contain($"{_build.Outside}/d/x.txt"));
    }

    [Test]
    public void A_source_in_a_stage_stays_in_the_stage()
    {
        var dockerfile = $"FROM base AS s\nRUN ln -s {_build.Outside} /abs && ln -s ../../../../../etc/passwd /pw\nFROM scratch\nCOPY --from=s /pw /p\n";
        Assert.That(_build.Tree(_build.Build(dockerfile), 0), Does.Contain("app:x:1001"));
        Assert.That(_build.Fail(dockerfile + "COPY --from=s /abs/secret /\n").Message, Does.Contain("not found"));
        Assert.That(_build.Fail(dockerfile + "COPY --from=s ../../../abs/secret /\n").Message, Does.Contain("not found"));
    }

    [TestCase("busybox mkfifo /etc/passwd")]
    [TestCase("ln -s /dev/zero /etc/passwd")]
    [TestCase("ln -s /proc/self/mem /etc/passwd")]
    [TestCase("mkdir /etc/passwd")]
    [TestCase("ln -s passwd /etc/passwd")]
    public void A_strange_passwd_neither_hangs_nor_is_read(string make)
    {
        var error = _build.Fail($"FROM base\nRUN rm /etc/passwd && {make}\nCOPY --chown=app a.txt /\n");
        Assert.That(error.Message, Does.StartWith("Dockerfile:3: "));
        Assert.That(error.Kind, Is.AnyOf(ErrorKind.NotFound, ErrorKind.InvalidInput));
    }

    [Test]
    public void A_passwd_that_is_too_large_is_refused() =>
        Assert.That(_build.Fail("FROM base\nRUN busybox dd if=/bin/busybox of=/etc/passwd bs=1M seek=1\nCOPY --chown=app a.txt /\n").Message, Does.Contain("more than 1048576"));

    [Test]
    public void Whiteouts_hide_and_opaque_directories_cut_off_what_is_beneath()
    {
        var result = _build.Build("""
            FROM base AS s
            RUN mkdir -p /d/e && echo 1 > /d/1 && echo 2 > /d/e/2
            RUN rm /d/1 && rm -r /d/e && mkdir /d/e && echo 3 > /d/e/3
            FROM scratch
            COPY --from=s /d /d
            """);
        Assert.That(_build.Tree(result, 0), Is.EqualTo("--\n/d 755 0:0\n/d/e 755 0:0\n/d/e/3 644 0:0 3\\n\n"));
    }

    [TestCase("tar cf", "")]
    [TestCase("tar czf", "")]
    [TestCase("tar cjf", "")]
    [TestCase("tar cJf", "")]
    public void ADD_unpacks_a_local_archive(string tar, string _)
    {
        Run($"cd {_build.Context}/dir && ln -s x.txt l && {tar} ../t.bin --owner=3 --group=4 --mtime=@5 . ");
        var result = _build.Build("FROM base\nADD t.bin /n\nCOPY t.bin /n/t\n");
        Assert.That(_build.Tree(result), Does.StartWith("--\n/n 755 0:0\n/n/l 777 3:4 -> x.txt\n/n/sub 755 3:4\n/n/sub/y.md 644 3:4 Y\n/n/x.txt 644 3:4 X\n--\n/n 755 0:0\n/n/t 644 0:0 …\n"));
    }

    [Test]
    public void An_archive_cannot_leave_the_image_either()
    {
        Run($"""
            cd {_build.Context} && mkdir t && cd t && ln -s {_build.Outside} out && tar cf ../t.tar out && rm out && mkdir out && echo evil > out/x
            tar rf ../t.tar out/x && tar rPf ../t.tar --transform 's,^,../../../../,' out/x && tar rPf ../t.tar --transform 's,^out,{_build.Outside},' out/x
            """);
        var result = _build.Build("FROM base\nADD t.tar /n/\n");
        Assert.That(Directory.GetFileSystemEntries(_build.Outside).Select(Path.GetFileName), Is.EqualTo(new[] { "secret" }));
        Assert.That(_build.Tree(result), Does.Contain($"{_build.Outside}/x 644 0:0 evil"));
    }

    private static void Run(string script)
    {
        using var process = System.Diagnostics.Process.Start("sh", ["-ec", script]);
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero);
    }
}
