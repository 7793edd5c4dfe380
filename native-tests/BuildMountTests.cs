using CrunSharp.Kernel.Processes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>RUN --mount</c>, <c>--network</c>, <c>--security</c>, named contexts.</summary>
public sealed class BuildMountTests : BuildTest
{
    private const string Head = "FROM busybox\n";

    [Test]
    public void A_file_of_the_context_is_seen_read_only_and_in_no_layer()
    {
        var context = Context(Head + """
            RUN --mount=type=bind,source=data,target=/in/data cat /in/data/a > /out; ls -ln /in/data/a | awk '{print $3, $4}' >> /out; touch /in/data/x || echo refused >> /out
            RUN --mount=source=data/a,dst=/in/one cat /in/one >> /out
            WORKDIR /work
            RUN --mount=source=.,target=here ls -A here >> /out
            """, ("data/a", "text\n"), ("ignored", "x"), (".dockerignore", "ignored\n"));
        World.Shell($"chown -R 1234:1234 {context}/data").Succeeded();
        Build(context).Succeeded();
        Assert.That(InImage("cat /out; ls -A / | grep -x in; ls -A /work; true"), Is.EqualTo("text\n0 0\nrefused\ntext\n.dockerignore\nDockerfile\ndata\n"));
    }

    [Test]
    public void What_is_written_to_a_writable_one_is_thrown_away()
    {
        var context = Context("FROM busybox AS other\nRUN mkdir /d && echo from > /d/f\n" + Head + """
            RUN --mount=source=data,target=/in,rw echo changed > /in/a && rm -r /in/sub && cat /in/a > /out
            RUN --mount=source=data,target=/in cat /in/a /in/sub/b >> /out
            RUN --mount=from=other,source=/d,target=/d,readwrite echo changed > /d/f && cat /d/f >> /out
            RUN --mount=from=other,target=/other cat /other/d/f >> /out
            """, ("data/a", "one\n"), ("data/sub/b", "two\n"));
        Build(context).Succeeded();
        Assert.That(InImage("cat /out; ls -d /in /d /other 2>/dev/null; true"), Is.EqualTo("changed\none\ntwo\nchanged\nfrom\n"));
        Assert.That(World.Shell($"cat {context}/data/a").Out, Is.EqualTo("one\n"));
    }

    [Test]
    public void The_content_of_what_is_mounted_belongs_to_the_key()
    {
        const string text = "FROM busybox AS other\nCOPY b /b\nFROM busybox\nRUN --mount=source=a,target=/a cat /a > /out\nRUN --mount=from=other,source=/b,target=/b cat /b >> /out\n";
        var context = Context(text, ("a", "1\n"), ("b", "2\n"), ("c", "3\n"));
        Build(context).Succeeded();
        World.Shell($"touch {context}/a; echo 4 > {context}/c").Succeeded();
        Assert.That(Done(Build(context).Succeeded()), Is.Empty);
        World.Shell($"echo changed > {context}/b").Succeeded();
        Assert.That(Done(Build(context).Succeeded()), Has.Length.EqualTo(2), "COPY b, and the RUN that mounts it");
        World.Shell($"echo changed > {context}/a").Succeeded();
        Assert.That(Done(Build(context).Succeeded()), Has.Length.EqualTo(2), "the RUN that mounts it, and the next one");
        Assert.That(InImage("cat /out"), Is.EqualTo("changed\nchanged\n"));
    }

    [Test]
    public void A_cache_is_kept_and_not_in_the_image()
    {
        var id = Guid.NewGuid().ToString("N");
        const string rest = "target=/cache,mode=0770,uid=7,gid=8 stat -c '%a %u %g' /cache > /out; echo $STEP >> /cache/log; cat /cache/log >> /out\n";
        Outcome BuildStep(string step) => BuildText($"{Head}ARG STEP\nRUN --mount=type=cache,id={id},{rest}", "--build-arg", "STEP=" + step);
        BuildStep("first").Succeeded();
        BuildStep("second").Succeeded();
        Assert.That(InImage("cat /out; ls -d /cache 2>&1; true"), Is.EqualTo("770 7 8\nfirst\nsecond\nls: /cache: No such file or directory\n"));
        BuildText($"{Head}RUN --mount=type=cache,id={id},target=/cache,ro cat /cache/log > /out; touch /cache/x || echo refused >> /out\n").Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("first\nsecond\nrefused\n"));
        BuildText($"{Head}ARG BUILDKIT_CACHE_MOUNT_NS\nRUN --mount=type=cache,id={id},target=/cache ls -A /cache > /out\n", "--build-arg", "BUILDKIT_CACHE_MOUNT_NS=own").Succeeded();
        Assert.That(InImage("cat /out"), Is.Empty, "another namespace has another one");
    }

    [Test]
    public void A_step_that_mounts_a_cache_twice_does_not_wait_for_itself()
    {
        var id = Guid.NewGuid().ToString("N");
        BuildText($"{Head}RUN --mount=type=cache,id={id},sharing=locked,target=/a --mount=type=cache,id={id},sharing=locked,target=/b echo x > /a/f && cat /b/f > /out\n").Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("x\n"));
    }

    [Test]
    public void A_build_that_waits_for_a_cache_can_be_interrupted()
    {
        var text = $"{Head}RUN --mount=type=cache,id={Guid.NewGuid():N},sharing=locked,target=/c ";
        using var holds = World.Start("build", "--no-cache", "--progress", "plain", Context(text + "echo holds; sleep 1000\n"));
        World.Await(() => holds.Errors.Contains("holds\n", StringComparison.Ordinal) && holds.Errors.Split("holds").Length > 2, "the first has it");
        using var waits = World.Start("build", "--no-cache", "--progress", "plain", Context(text + "true\n"));
        World.Await(() => waits.Errors.Contains("[2/2]", StringComparison.Ordinal), "the second is at its step");
        waits.Send(Signal.SIGINT);
        Assert.That(waits.Wait().Code, Is.EqualTo(130));
        holds.Send(Signal.SIGINT);
        Assert.That(holds.Wait().Code, Is.EqualTo(130));
    }

    [Test]
    public void Caches_are_removed_with_all_of_the_build_cache_unless_they_are_in_use()
    {
        var id = Guid.NewGuid().ToString("N");
        string text(string script) => $"{Head}RUN --mount=type=cache,id={id},target=/cache {script}\n";
        BuildText(text("echo kept > /cache/log")).Succeeded();
        Run("builder", "prune", "-f").Succeeded();
        BuildText(text("cat /cache/log > /out; rm /cache/log")).Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("kept\n"));
        Run("builder", "prune", "-af").Succeeded();
        BuildText(text("ls -A /cache | wc -l > /out; touch /cache/new")).Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("0\n"));
        Assert.That(Run("run", "--rm", "--network", "none", "out", "true").Code, Is.Zero, "images stay");
        Assert.That(Run("system", "check").Code, Is.Zero);
    }

    [Test]
    public void A_new_cache_starts_from_files()
    {
        var id = Guid.NewGuid().ToString("N");
        BuildText($"""
            FROM busybox AS seed
            RUN mkdir /d && echo seed > /d/f && chown 5:6 /d/f
            {Head}RUN --mount=type=cache,id={id},from=seed,source=/d,target=/c cat /c/f > /out; stat -c '%u %g' /c/f >> /out; echo changed > /c/f
            RUN --mount=type=cache,id={id},from=seed,source=/d,target=/c cat /c/f >> /out
            """).Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("seed\n5 6\nchanged\n"));
    }

    [TestCase("shared", "one two", Description = "both at once")]
    [TestCase("locked", "in turn")]
    [TestCase("private", "apart")]
    public void Sharing_says_who_uses_a_cache_at_the_same_time(string sharing, string expected)
    {
        var id = Guid.NewGuid().ToString("N");
        // Each says that it is there, and waits for the other: long if it must come, a while if it must not.
        var tries = sharing == "shared" ? 600 : 20;
        var script = $"--mount=type=cache,id={id},sharing={sharing},target=/c touch /c/here-$NAME; i=0; while [ $i -lt {tries} ] && [ ! -e /c/both ]; do [ $(ls /c | grep -c here) -lt 2 ] || touch /c/both; sleep 0.1; i=$((i+1)); done; ls /c | grep -c both > /out-$NAME; rm /c/here-$NAME";
        BuildText($"FROM busybox AS a\nENV NAME=a\nRUN {script}\nFROM busybox AS b\nENV NAME=b\nRUN {script}\n{Head}COPY --from=a /out-a /\nCOPY --from=b /out-b /\n").Succeeded();
        Assert.That(InImage("cat /out-a /out-b"), Is.EqualTo(expected == "one two" ? "1\n1\n" : "0\n0\n"));
    }

    [Test]
    public void A_tmpfs_is_empty_and_has_its_size()
    {
        BuildText(Head + "RUN --mount=type=tmpfs,target=/t,tmpfs-mode=0750 [ $(stat -c %a /t) = 750 ]\n").Succeeded();
        Assert.That(BuildText(Head + "RUN --mount=type=cache,target=/t,tmpfs-size=1m true\n"), Has.Property("Code").EqualTo(1).And.Property("Err").Contains("unexpected key 'tmpfs-size' for mount type 'cache'"));
        BuildText(Head + "RUN --mount=type=tmpfs,target=/t,size=2m df -m /t | tail -1 | awk '{print $2}' > /out; touch /t/x; mount | grep -c ' /t type tmpfs' >> /out\n").Succeeded();
        Assert.That(InImage("cat /out; ls -d /t 2>/dev/null; true"), Is.EqualTo("2\n1\n"));
    }

    [Test]
    public void A_secret_is_there_for_its_command_alone()
    {
        World.File("secret", "hidden\n");
        var context = Context(Head + """
            RUN --mount=type=secret,id=one cat /run/secrets/one > /out; stat -c %a /run/secrets/one >> /out
            RUN --mount=type=secret,id=one,target=/etc/my/own,mode=0444,uid=5 stat -c '%a %u' /etc/my/own >> /out
            RUN --mount=type=secret,id=two,env=TOKEN echo $TOKEN >> /out; ls /run/secrets/two 2>&1 | grep -c 'No such' >> /out
            RUN --mount=type=secret,id=three ls /run/secrets 2>&1 | grep -c three >> /out; env | grep -c TOKEN >> /out; true
            """);
        var build = $"cd {World.Files} && TWO=$TOKEN $C build --progress plain -t out --secret id=one,src=secret --secret id=two,env=TWO {context}";
        var built = World.Shell("TOKEN=token; " + build).Succeeded();
        Assert.That(InImage("cat /out; ls -dA /run/secrets /etc/my 2>/dev/null; true"), Is.EqualTo("hidden\n400\n444 5\ntoken\n1\n0\n0\n"));
        Assert.That(built.Err, Does.Not.Contain("hidden"));
        World.File("secret", "another\n");
        Assert.That(Done(World.Shell("TOKEN=other; " + build).Succeeded()), Is.Empty, "a secret is no part of the key");
    }

    [TestCase("RUN --mount=type=secret,id=no,required true", "secret no: not found")]
    [TestCase("RUN --mount=type=secret true", "invalid secret mount. one of source, target required")]
    [TestCase("RUN --mount=type=sekret,id=x true", "unsupported mount type \"sekret\" (did you mean secret?)")]
    [TestCase("RUN --mount=tpye=bind,target=/x true", "unexpected key 'tpye' in 'tpye=bind' (did you mean type?)")]
    [TestCase("RUN --mount=type=cache,target=/x,sharing=some true", "unsupported sharing value \"some\"")]
    [TestCase("RUN --mount=target=/ true", "invalid mount target \"/\"")]
    [TestCase("RUN --mount=type=bind true", "target is required")]
    [TestCase("RUN --mount=type=bind,target=/x,source=nothing true", "\"/nothing\": not found")]
    [TestCase("RUN --mount=type=bind,target=/x,source=ignored true", "excluded by .dockerignore, line 1")]
    [TestCase("RUN --mount=type=bind,target=/x,from=$B true", "'from' doesn't support variable expansion, define alias stage instead")]
    [TestCase("RUN --mount=type=bind,target=/x,mode=700 true", "mode not allowed for \"bind\" type mounts")]
    [TestCase("RUN --mount=type=ssh,required true", "unset ssh forward key default")]
    [TestCase("RUN --security=insecure true", "security.insecure is not allowed")]
    [TestCase("RUN --network=host true", "network.host is not allowed")]
    public void What_cannot_be_is_said(string instruction, string message)
    {
        var build = Build(Context(Head + instruction + "\n", ("ignored", ""), (".dockerignore", "ignored\n")));
        Assert.That(build.Code, Is.EqualTo(1));
        Assert.That(build.Err.TrimEnd('\n').Split('\n')[^1], Does.StartWith("crun-sharp: Dockerfile:2").And.Contain(message));
    }

    [Test]
    public void Rights_beyond_the_usual_are_given_when_they_are_allowed()
    {
        BuildText(Head + "RUN --security=insecure mkdir -p /mnt && mount -t tmpfs t /mnt && echo mounted > /out\nRUN mount -t tmpfs t /mnt || echo refused >> /out\n", "--allow", "security.insecure").Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("mounted\nrefused\n"));
        BuildText(Head + "RUN --network=host true\n", "--allow", "network.host").Succeeded();
        BuildText(Head + "RUN --network=host true\n", "--network", "host").Succeeded();
    }

    [Test]
    public void A_named_context_is_a_directory_or_another_image()
    {
        World.File("more/f", "more\n");
        World.File("more/no", "");
        World.File("more/.dockerignore", "no\n");
        World.File("base/Dockerfile", "FROM busybox\nRUN echo base > /base\n");
        Run("build", "-t", "my-base", $"{World.Files}/base").Succeeded();
        var context = Context("FROM other\nCOPY --from=more . /m\nRUN --mount=from=more,target=/x cat /x/f > /out\nRUN cat /base >> /out\n");
        Build(context, "--build-context", $"more={World.Files}/more", "--build-context", "other=docker-image://my-base").Succeeded();
        Assert.That(InImage("cat /out; ls -A /m"), Is.EqualTo("more\nbase\n.dockerignore\nf\n"));
        Build(context, "--build-context", "more=/nowhere/at/all").Failed(1, "failed to get build context path more: /nowhere/at/all: no such directory");
        Run("rmi", "-f", "my-base").Succeeded();
    }

    [Test]
    public void Options_of_the_build_are_those_of_its_commands()
    {
        BuildText(Head + "RUN grep -w one.example /etc/hosts > /out; ulimit -n >> /out; df -k /dev/shm | tail -1 | awk '{print $2}' >> /out\n",
            "--add-host", "one.example:10.9.8.7", "--ulimit", "nofile=77:88", "--shm-size", "3m").Succeeded();
        Assert.That(InImage("cat /out").Replace('\t', ' '), Is.EqualTo("10.9.8.7 one.example\n77\n3072\n"));
        const string others = "FROM busybox\nRUN cat /etc/hosts > /out\n";
        BuildText(others, "--add-host", "one.example:10.9.8.7").Succeeded();
        BuildText(others, "--add-host", "one.example:10.9.8.6").Succeeded();
        Assert.That(InImage("grep -c 10.9.8.7 /out"), Is.EqualTo("1\n"), "addresses do not belong to the key");
        BuildText(others, "--add-host", "two.example:10.9.8.6").Succeeded();
        Assert.That(InImage("grep -c two.example /out"), Is.EqualTo("1\n"), "names do");
    }

    [Test]
    public void A_document_that_names_its_interpreter_is_a_program()
    {
        BuildText(Head + "RUN <<EOF\n#!/bin/sh -e\necho \"$0\" > /out\nfalse || echo caught >> /out\nEOF\n").Succeeded();
        Assert.That(InImage("cat /out; ls -d /dev/pipes 2>/dev/null; true"), Is.EqualTo("/dev/pipes/EOF\ncaught\n"));
    }

    [Test]
    public void The_cache_of_some_stages_is_not_used()
    {
        const string text = "FROM busybox AS a\nRUN echo a > /a\nFROM busybox AS b\nRUN echo b > /b\nFROM busybox\nCOPY --from=a /a /\nCOPY --from=b /b /\n";
        BuildText(text).Succeeded();
        Assert.That(Done(BuildText(text, "--no-cache-filter", "a").Succeeded()), Is.EqualTo((string[])["RUN echo a > /a"]));
    }
}
