using CrunSharp.NativeTests.Harness;
using CrunSharp.Registry.Tests;

namespace CrunSharp.NativeTests;

/// <summary><c>build</c>: contexts that are no directory, and named ones.</summary>
public sealed class BuildContextTests : BuildTest
{
    private ScriptedServer Serve(Func<SeenRequest, int, Reply> script) => World.Host.Run(() => new ScriptedServer(script));

    private byte[] Packed(string context, string with) => World.Shell($"tar -C {context} -c . | {with}").Succeeded().Bytes;

    private static string LastLine(Outcome build) => build.Err.TrimEnd('\n').Split('\n')[^1];

    // A repository with two branches, as git daemon serves it.
    private GitDaemon ServeGit()
    {
        World.Shell("""
            export HOME=/nonexistent GIT_CONFIG_GLOBAL=/dev/null
            rm -rf git && mkdir -p git && cd git && git init -q -b main work && cd work && git config user.name me && git config user.email m@e
            mkdir -p sub && printf 'FROM busybox\nCOPY . /all\nRUN cat /all/version > /version\n' > Dockerfile && echo one > version
            printf 'FROM busybox\nCOPY . /sub\n' > sub/Dockerfile && printf 'FROM busybox\nCOPY . /other\n' > sub/Other && echo no > sub/Other.dockerignore && touch sub/no sub/yes && ln -s / out && ln -s sub in
            git add -A && git commit -qm one && git tag v1 && git checkout -q -b next && echo two > version && git commit -qam two && git checkout -q main
            head -c 4000000 /dev/urandom > large && git checkout -q -b large && git add -A && git commit -qm large && git checkout -q main
            git clone -q --bare . ../served/repo.git
            """).Succeeded();
        return new GitDaemon(World, $"{World.Files}/git/served");
    }

    [TestCase("cat", TestName = "A_tar_on_standard_input_is_a_context")]
    [TestCase("gzip", TestName = "A_tar_on_standard_input_is_a_context_gzip")]
    [TestCase("bzip2", TestName = "A_tar_on_standard_input_is_a_context_bzip2")]
    [TestCase("xz", TestName = "A_tar_on_standard_input_is_a_context_xz")]
    [TestCase("zstd", TestName = "A_tar_on_standard_input_is_a_context_zstd")]
    public void A_tar_on_standard_input_is_a_context(string with)
    {
        var context = Context("FROM busybox\nCOPY . /all\n", ("dir/a", "a\n"), ("no", ""), (".dockerignore", "no\n"));
        World.Shell($"tar -C {context} -c . | {with} | $C build -q -t out -").Succeeded();
        Assert.That(InImage("cd /all; find . -type f | sort; cat dir/a"), Is.EqualTo("./.dockerignore\n./Dockerfile\n./dir/a\na\n"));
    }

    [Test]
    public async Task A_tar_or_a_Dockerfile_comes_by_HTTP()
    {
        var context = Context("FROM busybox\nCOPY dir /dir\n", ("dir/a", "served\n"), ("my/file", "FROM busybox\nCOPY dir/a /other\n"));
        var archive = Packed(context, "gzip");
        await using var server = Serve((request, _) => request.Target switch
        {
            "/c.tar.gz" => Reply.Ok(archive, "ETag: \"1\""),
            "/Dockerfile" => Reply.Ok("FROM busybox\nRUN echo alone > /out\n"),
            _ => Reply.Empty(404),
        });
        Build($"{server.Address}/c.tar.gz").Succeeded();
        Assert.That(InImage("cat /dir/a"), Is.EqualTo("served\n"));
        Build($"{server.Address}/c.tar.gz", "-f", "my/file").Succeeded();
        Assert.That(InImage("cat /other"), Is.EqualTo("served\n"));
        Build($"{server.Address}/Dockerfile").Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("alone\n"));
        var again = Build($"{server.Address}/c.tar.gz").Succeeded();
        Assert.That(Done(again), Is.Empty);
        Assert.That(LastLine(Build($"{server.Address}/none")), Is.EqualTo($"crun-sharp: GET {server.Address}/none: invalid response status 404"));
        Assert.That(LastLine(Build($"{server.Address}/c.tar.gz", "-f", "none")), Is.EqualTo("crun-sharp: read Dockerfile: the build context has no none"));
    }

    [Test]
    public void A_git_repository_is_a_context()
    {
        using var git = ServeGit();
        var url = $"{git.Address}/repo.git";
        Build(url).Succeeded();
        Assert.That(InImage("cat /version; ls -A /all"), Is.EqualTo("one\nDockerfile\nin\nout\nsub\nversion\n"));
        Assert.That(Done(Build(url).Succeeded()), Is.Empty);
        Build($"{url}#next").Succeeded();
        Assert.That(InImage("cat /version"), Is.EqualTo("two\n"));
        Build($"{url}#v1:sub").Succeeded();
        Assert.That(InImage("ls -A /sub"), Is.EqualTo("Dockerfile\nOther\nOther.dockerignore\nno\nyes\n"));
        Build($"{url}?branch=main&subdir=in", "-f", "Other").Succeeded();
        Assert.That(InImage("ls -A /other"), Is.EqualTo("Dockerfile\nOther\nOther.dockerignore\nyes\n"));
        Build(url, "--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1").Succeeded();
        Assert.That(InImage("ls -dA /all/.git/HEAD"), Is.EqualTo("/all/.git/HEAD\n"));
        Assert.That(LastLine(Build($"{url}#none")), Is.EqualTo($"crun-sharp: {url}: repository does not contain ref none"));
        Assert.That(LastLine(Build($"{url}#main:nothing")), Is.EqualTo($"crun-sharp: {url}: subdirectory: \"nothing\": not found"));
        // "/" is the repository's own.
        Build($"{url}#main:out/out/sub").Succeeded();
        Assert.That(LastLine(Build($"{git.Address}/none.git")), Does.StartWith($"crun-sharp: git ls-remote {git.Address}/none.git: "));
    }

    [Test]
    public async Task Named_contexts_come_from_git_and_by_HTTP_when_they_are_used()
    {
        using var git = ServeGit();
        var packed = Packed(Context("", ("f", "packed\n")), "xz");
        await using var server = Serve((request, _) => request.Target switch
        {
            "/c.tar.xz" => Reply.Ok(packed),
            "/dir/plain.txt" => Reply.Ok("plain\n"),
            _ => Reply.Empty(404),
        });
        string[] contexts = ["--build-context", $"repo={git.Address}/repo.git#next", "--build-context", $"tar={server.Address}/c.tar.xz", "--build-context", $"file={server.Address}/dir/plain.txt", "--build-context", $"unused={server.Address}/none"];
        Build(Context("FROM busybox\nCOPY --from=repo version /\nCOPY --from=tar . /tar\nRUN --mount=from=file,target=/m cat /m/plain.txt > /plain; stat -c %a /m/plain.txt >> /plain\n"), contexts).Succeeded();
        Assert.That(InImage("cat /version /tar/f /plain"), Is.EqualTo("two\npacked\nplain\n600\n"));
        Assert.That(server.Seen.Select(static request => request.Target), Has.None.EqualTo("/none"));
    }

    [Test]
    public void Files_are_a_base()
    {
        World.File("rootfs/.dockerignore", "no\n");
        World.File("rootfs/no", "");
        World.File("rootfs/etc/mine", "mine\n");
        World.Shell("mkdir -p rootfs/bin && cp $(which busybox) rootfs/bin/sh && chown -R 5:6 rootfs/etc").Succeeded();
        var context = Context("FROM mine\nRUN [\"/bin/sh\", \"-c\", \"cat /etc/mine > /out\"]\nCMD [\"/bin/sh\"]\n");
        string[] mine = ["--build-context", $"mine={World.Files}/rootfs"];
        Build(context, mine).Succeeded();
        Assert.That(InImage("cat /out; test -e /no || echo ignored; stat -c '%u %g' /etc/mine"), Is.EqualTo("mine\nignored\n0 0\n"));
        Assert.That(Done(Build(context, mine).Succeeded()), Is.Empty);
        World.File("rootfs/etc/mine", "changed\n");
        Build(context, mine).Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("changed\n"));
    }

    [Test]
    public void An_OCI_layout_is_an_image()
    {
        BuildText("FROM busybox\nRUN echo one > /which\nENV FROM=one\n", "-t", "one:latest").Succeeded();
        BuildText("FROM busybox\nRUN echo two > /which\nENV FROM=two\n", "-t", "two:v2").Succeeded();
        World.Shell("$C save --format oci one:latest two:v2 | (mkdir layout && tar -xC layout)").Succeeded();
        Run("rmi", "one:latest", "two:v2").Succeeded();
        var images = Run("images", "-aq", "--no-trunc").Succeeded().Lines;
        var context = Context("FROM base\nCOPY --from=base /which /copied\nRUN echo $FROM >> /copied\n");
        Outcome From(string address) => Build(context, "--build-context", $"base=oci-layout://{address}");
        From($"{World.Files}/layout:v2").Succeeded();
        Assert.That(InImage("cat /copied"), Is.EqualTo("two\ntwo\n"));
        World.Shell($"cd {World.Files} && $C build -q -t out --build-context base=oci-layout://layout {context}").Succeeded();
        Assert.That(InImage("cat /copied"), Is.EqualTo("one\none\n"));
        var digest = World.Shell("""python3 -c "import json; print([m['digest'] for m in json.load(open('layout/index.json'))['manifests'] if 'v2' in str(m)][0])" """).Succeeded().Line;
        From($"{World.Files}/layout@{digest}").Succeeded();
        Assert.That(InImage("cat /copied"), Is.EqualTo("two\ntwo\n"));
        Run("rmi", "-f", "out").Succeeded();
        Assert.That(Run("images", "-aq", "--no-trunc").Succeeded().Lines.Except(images).Count(), Is.LessThanOrEqualTo(2), "it gets no record of its own");
        Assert.That(LastLine(From($"{World.Files}/layout:none")), Is.EqualTo($"crun-sharp: OCI layout {World.Files}/layout: it has no image with the tag none"));
        Assert.That(LastLine(From($"{World.Files}/layout@sha256:{new string('0', 64)}")), Does.Contain("it has no sha256:000"));
        Assert.That(LastLine(From("/nowhere")), Does.Contain("/nowhere").And.Contain("ENOENT"));
        World.Shell("for f in layout/blobs/sha256/*; do printf x >> $f; done").Succeeded();
        Assert.That(LastLine(From($"{World.Files}/layout:v2")), Does.StartWith($"crun-sharp: OCI layout {World.Files}/layout: "));
    }

    [Test]
    public void A_stage_has_another_name()
    {
        var context = Context("FROM busybox AS real\nRUN echo real > /which\nFROM busybox AS base\nRUN echo base > /which\nFROM alias\nCOPY --from=alias /which /copied\nCOPY --from=base /which /based\n");
        Build(context, "--build-context", "alias=target:real").Succeeded();
        Assert.That(InImage("cat /which /copied /based"), Is.EqualTo("real\nreal\nbase\n"));
        Assert.That(LastLine(Build(context, "--build-context", "alias=target:reel")), Is.EqualTo("crun-sharp: Dockerfile:5: the context alias is stage \"reel\", which is not defined before (did you mean real?)"));
    }

    [TestCase("ftp://host/x", "the context c is of the kind ftp: ")]
    [TestCase("/nowhere/at/all", "failed to get build context path c: /nowhere/at/all: no such directory")]
    [TestCase("target:none", "the context c is stage \"none\", which is not defined before")]
    public void A_named_context_that_cannot_be_is_said(string value, string message) =>
        Assert.That(LastLine(Build(Context("FROM busybox\nCOPY --from=c / /c\n"), "--build-context", $"c={value}")), Does.Contain(message));

    [Test]
    public void Nothing_gets_out_of_a_hostile_tar()
    {
        var victim = World.File("victim", "safe\n");
        World.File("pack.py", """
            import sys, tarfile, io
            out = tarfile.open(fileobj=sys.stdout.buffer, mode="w|")
            def add(name, kind=tarfile.REGTYPE, target="", content=b"", major=0, minor=0):
                e = tarfile.TarInfo(name); e.type = kind; e.linkname = target; e.size = len(content); e.devmajor = major; e.devminor = minor
                out.addfile(e, io.BytesIO(content))
            add("Dockerfile", content=b"FROM busybox\nCOPY . /all\nRUN cat /all/x/victim /all/up/victim /all/victim > /seen; ls /all > /list\n")
            add("x", tarfile.SYMTYPE, sys.argv[1])
            add("x/victim", content=b"inside\n")
            add("up", tarfile.SYMTYPE, "../../../../../.." + sys.argv[1])
            add("up/victim", content=b"inside\n")
            add("../../../../../../.." + sys.argv[1] + "/victim", content=b"inside\n")
            add("victim", content=b"top\n")
            add("device", tarfile.CHRTYPE, major=1, minor=3)
            add("pipe", tarfile.FIFOTYPE)
            out.close()
            """);
        World.Shell($"python3 pack.py {World.Files} | $C build -q -t out -").Succeeded();
        Assert.That(File.ReadAllText(victim), Is.EqualTo("safe\n"));
        Assert.That(World.Shell("find / -xdev -name victim -newer pack.py -not -path '*/root/*' -not -path '*/proc/*' 2>/dev/null | head").Lines, Is.Empty);
        Assert.That(World.Shell($"printf 'FROM busybox\\n' > Dockerfile; ln -sf {victim} link; tar -c Dockerfile link | $C build -q -f link - 2>&1").Line, Does.Contain("the build context has no link"));
        World.Shell("head -c 600 /dev/urandom | (printf '\\037\\213'; cat) | $C build -q - ").Failed(1, "decompress gzip");
    }

    [Test]
    public async Task What_is_interrupted_or_killed_leaves_nothing()
    {
        await using var server = Serve(static (_, _) => Reply.Ok(new string('x', 1_000_000)).StallAt(500_000));
        for (var i = 0; i < 2; i++)
        {
            using var session = World.Start("build", "-q", $"{server.Address}/c.tar");
            World.Await(() => server.Seen.Count == i + 1, "the request");
            session.Send(i == 0 ? CrunSharp.Kernel.Processes.Signal.SIGKILL : CrunSharp.Kernel.Processes.Signal.SIGINT);
            Assert.That(session.Wait().Code, Is.EqualTo(i == 0 ? 137 : 130));
        }
        BuildText("FROM busybox\n").Succeeded();
        Assert.That(World.Shell("find $CRUN_SHARP_ROOT/cache/downloads $CRUN_SHARP_ROOT/tmp -size +100k | wc -l").Succeeded().Line, Is.EqualTo("0"));
    }

    [Test]
    public void A_Dockerfile_that_is_a_link_out_of_the_context_shows_nothing_of_the_host()
    {
        var secret = World.File("secret", "auth: secret\n");
        var context = Context("FROM busybox\n");
        World.Shell($"cd {context}; mv Dockerfile real; ln -s real Dockerfile").Succeeded();
        Build(context).Succeeded();
        World.Shell($"ln -sf {secret} {context}/Dockerfile").Succeeded();
        Assert.That(Build(context).Failed(1).Err, Does.Contain("a link that leads out of the context").And.Not.Contains("auth"));
    }
}
