using System.Text;
using CrunSharp.Kernel.Processes;
using CrunSharp.NativeTests.Harness;
using CrunSharp.Oci;
using CrunSharp.Registry.Tests;

namespace CrunSharp.NativeTests;

/// <summary><c>build</c>: what COPY and ADD take, and from where.</summary>
public sealed class BuildSourcesTests : BuildTest
{
    private const string Date = "Tue, 03 Feb 2026 04:05:06 GMT";

    private ScriptedServer Serve(Func<SeenRequest, int, Reply> script) => World.Host.Run(() => new ScriptedServer(script));

    [Test]
    public void COPY_parents_chmod_and_exclude_make_what_they_say()
    {
        var context = Context("""
            FROM busybox
            COPY --parents ./src/*/go.mod src/b/./**/*.go /mod/
            COPY --chmod=u=rwX,go=rX src /src
            COPY --chmod=+x,g=u --chown=user src/a/main.go /bin/tool
            COPY --exclude=**/*.go --exclude=b/doc src /rest
            COPY --parents no*thing/*.x /none
            RUN find /mod /src /rest /bin/tool | sort | xargs stat -c '%n %a %U' > /list && ! test -e /none
            """, ("src/a/go.mod", "a"), ("src/a/main.go", "m"), ("src/b/go.mod", "b"), ("src/b/x/y/z.go", "z"), ("src/b/doc/d", "d"));
        World.Shell($"cd {context}; chmod 700 src/b; chmod 600 src/a/go.mod; chmod 711 src/b/x/y/z.go; chmod 640 src/a/main.go").Succeeded();
        Build(context).Succeeded();
        Assert.That(InImage("cat /list"), Is.EqualTo("""
            /bin/tool 771 user
            /mod 755 root
            /mod/src 755 root
            /mod/src/a 755 root
            /mod/src/a/go.mod 600 root
            /mod/src/b 700 root
            /mod/src/b/go.mod 644 root
            /mod/x 755 root
            /mod/x/y 755 root
            /mod/x/y/z.go 711 root
            /rest 755 root
            /rest/a 755 root
            /rest/a/go.mod 600 root
            /rest/b 700 root
            /rest/b/go.mod 644 root
            /rest/b/x 755 root
            /rest/b/x/y 755 root
            /src 755 root
            /src/a 755 root
            /src/a/go.mod 644 root
            /src/a/main.go 644 root
            /src/b 755 root
            /src/b/doc 755 root
            /src/b/doc/d 644 root
            /src/b/go.mod 644 root
            /src/b/x 755 root
            /src/b/x/y 755 root
            /src/b/x/y/z.go 755 root

            """));
    }

    [Test]
    public void A_linked_layer_is_not_made_again_when_its_base_changes()
    {
        const string Text = "FROM busybox\nRUN echo BASE > /base\nCOPY --link dir /dir/\nRUN cat /base /dir/a > /both\n";
        var context = Context(Text, ("dir/a", "a"));
        Build(context).Succeeded();
        World.File(Path.GetFileName(context) + "/Dockerfile", Text.Replace("BASE", "other", StringComparison.Ordinal));
        Assert.That(Done(Build(context).Succeeded()), Is.EqualTo((string[])["RUN echo other > /base", "RUN cat /base /dir/a > /both"]));
        Assert.That(InImage("cat /both"), Is.EqualTo("other\na"));
        Assert.That(Done(Build(context, "--no-cache").Succeeded()), Has.Length.EqualTo(3));
    }

    [Test]
    public async Task ADD_takes_a_file_by_HTTP_once_for_each_version()
    {
        var content = "one";
        await using var server = Serve((request, _) => request.Target switch
        {
            "/moved" => Reply.Empty(302, "Location: /a/file.txt"),
            "/a/file.txt" when request.Header("if-none-match") == $"\"{content}\"" => Reply.Empty(304),
            "/a/file.txt" => Reply.Ok(content, $"ETag: \"{content}\"", $"Last-Modified: {Date}"),
            _ => Reply.Empty(404),
        });
        var text = $"FROM busybox\nADD {server.Address}/a/file.txt {server.Address}/moved /add/\nADD --chmod=go=r --checksum={Digest.Of("one"u8)} {server.Address}/a/file.txt /own\nRUN stat -c '%n %a %u %g %Y' /add/* /own; cat /add/* /own > /all\n";
        var first = BuildText(text).Succeeded();
        Assert.That(first.Err, Does.Contain(" /add/file.txt 600 0 0 1770091506\n").And.Contain(" /add/moved 600 0 0 1770091506\n").And.Contain(" /own 644 0 0 1770091506\n"));
        Assert.That(InImage("cat /all"), Is.EqualTo("oneoneone"));
        var before = server.Seen.Count;
        Assert.That(Done(BuildText(text).Succeeded()), Is.Empty);
        Assert.That(server.Seen.Skip(before).Select(static request => (request.Target, request.Header("if-none-match"))),
            Is.EqualTo(new[] { ("/a/file.txt", "\"one\""), ("/moved", "\"one\""), ("/a/file.txt", "\"one\"") }), "the one with a checksum is not asked for");
        content = "two";
        var changed = BuildText(text);
        Assert.That((changed.Code, changed.Err.TrimEnd('\n').Split('\n')[^1]), Is.EqualTo((1,
            $"crun-sharp: Dockerfile:3: digest mismatch for {server.Address}/a/file.txt: {Digest.Of("two"u8)} (expected: {Digest.Of("one"u8)})")));
        var gone = BuildText($"FROM busybox\nADD {server.Address}/none /x\n");
        Assert.That((gone.Code, gone.Err.TrimEnd('\n').Split('\n')[^1]), Is.EqualTo((1, $"crun-sharp: Dockerfile:2: GET {server.Address}/none: invalid response status 404")));
    }

    [Test]
    public async Task A_download_that_is_killed_leaves_nothing_and_one_that_is_interrupted_ends()
    {
        await using var server = Serve(static (request, number) => number < 2 ? Reply.Ok(new string('x', 1_000_000)).StallAt(500_000) : Reply.Ok("whole"));
        var text = $"FROM busybox\nADD {server.Address}/big /big\n";
        for (var i = 0; i < 2; i++)
        {
            using var session = World.Start("build", "-f", "-", "--progress", "plain", Context("unused"));
            session.Write(text);
            session.EndInput();
            World.Await(() => server.Seen.Count == i + 1, "the request");
            session.Send(i == 0 ? Signal.SIGKILL : Signal.SIGINT);
            Assert.That(session.Wait().Code, Is.EqualTo(i == 0 ? 137 : 130));
        }
        BuildText(text).Succeeded();
        Assert.That(InImage("cat /big"), Is.EqualTo("whole"));
        Assert.That(World.Shell("find $CRUN_SHARP_ROOT/cache/downloads $CRUN_SHARP_ROOT/tmp -size +100k | wc -l").Succeeded().Line, Is.EqualTo("0"));
    }

    [Test]
    public void ADD_takes_a_git_repository()
    {
        World.Shell("""
            export HOME=/nonexistent GIT_CONFIG_GLOBAL=/dev/null
            mkdir -p git && cd git && git init -q -b main work && cd work && git config user.name me && git config user.email m@e
            mkdir -p sub && echo v1 > version && echo '#!/bin/sh' > sub/tool && chmod 700 sub/tool && git add -A && git commit -qm one && git tag v1
            echo main > version && git commit -qam two && git clone -q --bare . ../served/repo.git
            """).Succeeded();
        using var daemon = new GitDaemon(World, $"{World.Files}/git/served");
        var url = $"{daemon.Address}/repo.git";
        var text = $"FROM busybox\nADD {url} /main\nADD --keep-git-dir=true {url}#v1 /kept\nADD --chown=user {url}?tag=v1&subdir=sub /tool\nRUN cat /main/version /kept/version; stat -c '%n %a %U' /tool/tool /kept/.git/HEAD; ls -A /main\n";
        var build = BuildText(text).Succeeded();
        foreach (var line in (string[])["main", "v1", "/tool/tool 755 user", "/kept/.git/HEAD 644 root", "sub", "version"])
            Assert.That(build.Err, Does.Match($@"#\d+ [0-9.]+ {line}\n"));
        Assert.That(Done(BuildText(text).Succeeded()), Is.Empty);
        var refused = BuildText($"FROM busybox\nADD {url}#none /x\n");
        Assert.That((refused.Code, refused.Err.TrimEnd('\n').Split('\n')[^1]), Is.EqualTo((1, $"crun-sharp: Dockerfile:2: {url}: repository does not contain ref none")));
    }

    [Test]
    public async Task Buildah_adds_the_same_of_URLs()
    {
        await using var server = Serve(static (request, _) => Reply.Ok(Encoding.UTF8.GetBytes(request.Target), $"Last-Modified: {Date}"));
        var archive = BusyboxImage.Archive;
        World.Import("localhost/base", archive);
        var context = Context($"FROM localhost/base\nADD {server.Address}/d/one.txt /named\nADD {server.Address}/d/one.txt /dir/\nADD --chown=12:34 {server.Address}/d/two.txt plain /dir/\nADD --chmod=755 {server.Address}/d/three /dir/\n", ("plain", "p"));
        using var buildah = new Buildah(World);
        buildah.Run($"c=$(buildah from scratch); buildah add $c {archive} / >/dev/null; buildah commit -q $c localhost/base; buildah rm $c; buildah bud --isolation chroot --pull-never -t localhost/theirs {context}");
        Build(context).Succeeded();
        Run("save", "-o", "ours.tar", "out").Succeeded();
        buildah.Run($"buildah tag $(buildah pull -q docker-archive:{World.Files}/ours.tar) localhost/ours");
        Assert.That(buildah.FilesOf("localhost/ours"), Is.EqualTo(buildah.FilesOf("localhost/theirs")));
    }
}
