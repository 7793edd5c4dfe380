using CrunSharp.Build.Dockerfile;
using CrunSharp.Oci;
using CrunSharp.Storage;

namespace CrunSharp.Build.Tests;

public class BuilderTests
{
    private BuildFixture _build = null!;

    [SetUp]
    public void Make() => _build = new BuildFixture();

    [TearDown]
    public void Remove() => _build.Dispose();

    [Test]
    public void An_image_is_built_from_files_and_commands()
    {
        _build.Write("a.txt", "hello");
        var result = _build.Build("""
            FROM base
            WORKDIR /work
            COPY a.txt b/
            RUN cat b/a.txt > c.txt && rm /etc/group
            """, request => request with { Tags = [ImageReference.Parse("app:1")] });
        Assert.That(_build.Tree(result), Is.EqualTo("""
            --
            /work 755 0:0
            --
            /work 755 0:0
            /work/b 755 0:0
            /work/b/a.txt 644 0:0 hello
            --
            /etc 755 0:0
            /etc/group 0 0:0 whiteout
            /work 755 0:0
            /work/c.txt 644 0:0 hello

            """));
        Assert.That(_build.Store.Images.Resolve("app:1").Id, Is.EqualTo(result.ImageId));
        Assert.That((result.Steps, result.Cached), Is.EqualTo((3, 0)));
    }

    [Test]
    public void The_configuration_and_history_are_as_BuildKit_makes_them()
    {
        var result = _build.Build("""
            FROM base
            ARG V=2
            ENV A=x$V B="y z"
            LABEL l="$A" k=1
            RUN echo hi
            EXPOSE 80 53/udp
            VOLUME /data
            USER app
            STOPSIGNAL SIGQUIT
            SHELL ["/bin/sh", "-ec"]
            CMD echo "a"
            ENTRYPOINT ["/bin/sh"]
            HEALTHCHECK --interval=30s --retries=3 CMD true
            ONBUILD RUN echo later
            MAINTAINER me
            WORKDIR /
            """, request => request with { Labels = new Dictionary<string, string> { ["given"] = "too" } });
        var image = _build.Config(result);
        var config = image.Config!;
        Assert.That(config.Env, Is.EqualTo(new[] { "PATH=/bin", "BASE=1", "A=x2", "B=y z" }));
        Assert.That(config.Labels, Is.EqualTo(new Dictionary<string, string> { ["base"] = "yes", ["given"] = "too", ["k"] = "1", ["l"] = "x2" }));
        Assert.That(config.ExposedPorts!.Keys, Is.EqualTo(new[] { "53/udp", "80/tcp" }));
        Assert.That(config.Volumes!.Keys, Is.EqualTo(new[] { "/data" }));
        Assert.That(config.User, Is.EqualTo("app"));
        Assert.That(config.StopSignal, Is.EqualTo("SIGQUIT"));
        Assert.That(config.Shell, Is.EqualTo(new[] { "/bin/sh", "-ec" }));
        Assert.That(config.Cmd, Is.EqualTo(new[] { "/bin/sh", "-ec", "echo \"a\"" }));
        Assert.That(config.Entrypoint, Is.EqualTo(new[] { "/bin/sh" }));
        Assert.That(config.Healthcheck!.Test, Is.EqualTo(new[] { "CMD-SHELL", "true" }));
        Assert.That(config.Healthcheck.Interval, Is.EqualTo(30_000_000_000));
        Assert.That(config.OnBuild, Is.EqualTo(new[] { "RUN echo later" }));
        Assert.That(config.WorkingDir, Is.EqualTo("/"));
        Assert.That(image.Author, Is.EqualTo("me"));
        Assert.That(image.History!.Select(h => $"{(h.EmptyLayer == true ? "-" : "+")} {h.CreatedBy} {h.Comment}"), Is.EqualTo(new[]
        {
            "+ base ",
            "- ARG V=2 buildkit.dockerfile.v0",
            "- ENV A=x2 B=y z buildkit.dockerfile.v0",
            "- LABEL l=x2 k=1 buildkit.dockerfile.v0",
            "+ RUN |1 V=2 /bin/sh -c echo hi # buildkit buildkit.dockerfile.v0",
            "- EXPOSE map[53/udp:{} 80/tcp:{}] buildkit.dockerfile.v0",
            "- VOLUME [/data] buildkit.dockerfile.v0",
            "- USER app buildkit.dockerfile.v0",
            "- STOPSIGNAL SIGQUIT buildkit.dockerfile.v0",
            "- SHELL [/bin/sh -ec] buildkit.dockerfile.v0",
            "- CMD [\"/bin/sh\" \"-ec\" \"echo \\\"a\\\"\"] buildkit.dockerfile.v0",
            "- ENTRYPOINT [\"/bin/sh\"] buildkit.dockerfile.v0",
            "- HEALTHCHECK {Test:[CMD-SHELL true] Interval:30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:3} buildkit.dockerfile.v0",
            "- MAINTAINER me buildkit.dockerfile.v0",
            "- WORKDIR / buildkit.dockerfile.v0",
        }));
        Assert.That(image.History!.Skip(1).Select(h => h.Created).Distinct(), Is.EqualTo(new[] { image.Created }));
    }

    [Test]
    public void Stages_that_the_target_does_not_need_are_not_built()
    {
        var result = _build.Build("""
            FROM base AS one
            RUN echo 1 > /one
            FROM base AS two
            RUN false
            FROM scratch AS three
            COPY --from=one /one /
            FROM no-such-image:ever
            """, request => request with { Target = "THREE" });
        Assert.That(_build.Tree(result, 0), Is.EqualTo("--\n/one 644 0:0 1\\n\n"));
        Assert.That(_build.Progress.Events, Has.Some.EqualTo("finished [one 2/2] RUN echo 1 > /one"));
        Assert.That(_build.Progress.Events, Has.None.Contains("two"));
    }

    [Test]
    public void A_stage_may_start_from_another_and_take_files_from_an_image_or_an_index()
    {
        var result = _build.Build("""
            FROM base AS a
            ENV X=1
            ARG Y=2
            RUN echo $X$Y > /x
            FROM a AS b
            RUN echo $X$Y > /y
            FROM scratch
            COPY --from=0 /x /
            COPY --from=B /y /
            COPY --from=base /etc/group /g
            """);
        Assert.That(_build.Tree(result, 0), Is.EqualTo("--\n/x 644 0:0 12\\n\n--\n/y 644 0:0 12\\n\n--\n/g 644 0:0 root:x:0:\\napp:x:1002:\\nstaff:x:50:\\n\n"));
    }

    [Test]
    public void Triggers_of_the_base_run_first_and_are_not_inherited()
    {
        _build.Write("f", "from context");
        var parent = _build.Build("FROM base\nONBUILD COPY f /f\nONBUILD RUN cat /f > /g\n", request => request with { Tags = [ImageReference.Parse("trigger")] });
        Assert.That(_build.Config(parent).Config!.OnBuild, Has.Count.EqualTo(2));
        var child = _build.Build("FROM trigger\nRUN cat /g > /h\n");
        Assert.That(_build.Tree(child), Is.EqualTo("--\n/f 644 0:0 from context\n--\n/g 644 0:0 from context\n--\n/h 644 0:0 from context\n"));
        Assert.That(_build.Config(child).Config!.OnBuild, Is.Null);

        var staged = _build.Build("FROM base AS p\nONBUILD RUN echo t > /t\nFROM p\nRUN cat /t > /u\n");
        Assert.That(_build.Tree(staged), Is.EqualTo("--\n/t 644 0:0 t\\n\n--\n/u 644 0:0 t\\n\n"));
    }

    [Test]
    public void A_failing_command_is_reported_as_BuildKit_does_and_leaves_nothing()
    {
        var error = _build.Fail("FROM base\nRUN echo out; echo err >&2; \\\n  false\n");
        Assert.That(error.Message, Is.EqualTo("Dockerfile:2-3: process \"/bin/sh -c echo out; echo err >&2;   false\" did not complete successfully: exit code: 1"));
        Assert.That(DockerfileError.ExcerptOf(error), Does.Contain("   2 | >>> RUN echo out"));
        Assert.That(_build.Progress.Output, Does.Contain("out\n").And.Contain("err\n"));
        Assert.That(_build.Progress.Events[^1], Does.StartWith("failed [2/2] RUN"));
        Assert.That(File.ReadAllText("/proc/self/mountinfo"), Does.Not.Contain(_build.Store.Root));
    }

    [Test]
    public void A_cancelled_build_kills_its_command_and_leaves_nothing()
    {
        using var cancel = new CancellationTokenSource(TimeSpan.FromSeconds(0.5));
        Assert.That(() => _build.Build("FROM base\nRUN sleep 60\n", cancellationToken: cancel.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Directory.GetFileSystemEntries(Path.Combine(_build.Store.Root, "tmp")), Is.Empty);
    }

    [TestCase("FROM nothere\n", "Dockerfile:1: docker.io/library/nothere:latest: not found")]
    [TestCase("FROM base AS a\nFROM base\nCOPY --from=a /nope /\n", "Dockerfile:3: \"/nope\": not found")]
    [TestCase("FROM base AS a\nCOPY --from=a /x /\n", "Dockerfile:2: circular dependency detected on stage: a")]
    [TestCase("FROM base\nCOPY --from=b /x /\nFROM base AS b\n", "Dockerfile:2: cannot copy from stage \"b\", it needs to be defined before current stage \"stage-0\"", "0")]
    [TestCase("FROM base\nCOPY --from=7 /x /\n", "Dockerfile:2: invalid stage index 7")]
    [TestCase("FROM base\nCOPY --from=$x /x /\n", "Dockerfile:2: variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround")]
    [TestCase("ARG B\nFROM $B\n", "Dockerfile:2: base name ($B) should not be blank")]
    [TestCase("FROM --platform=linux/riscv64 base\n", "Dockerfile:1: docker.io/library/base:latest: not found (here it is for linux/amd64, and linux/riscv64 is needed)")]
    [TestCase("FROM base AS build\n", "Dockerfile: target stage \"biuld\" could not be found (did you mean build?)", "biuld")]
    [TestCase("FROM base\nENV A=${B?missing}\n", "Dockerfile:2: failed to process \"${B?missing}\": B: missing")]
    [TestCase("FROM base\nSTOPSIGNAL NOPE\n", "Dockerfile:2: invalid signal: NOPE")]
    [TestCase("FROM base\nEXPOSE 99999\n", "Dockerfile:2: invalid containerPort: 99999")]
    [TestCase("FROM base\nCOPY a b c\n", "Dockerfile:2: When using COPY with more than one source file, the destination must be a directory and end with a /")]
    [TestCase("FROM base\nCOPY --chmod=999 f /\n", "Dockerfile:2: invalid chmod parameter: '999'. it should be octal string and between 0 and 07777")]
    [TestCase("FROM base\nCOPY --chown=nobody f /\n", "Dockerfile:2: unable to find user nobody: no matching entries in passwd file")]
    [TestCase("FROM base\nCOPY --chown=4294967296 f /\n", "Dockerfile:2: 4294967296 is no user or group: not in 0 to 2147483647")]
    [TestCase("FROM base\nCOPY https://x/y /\n", "Dockerfile:2: source can't be a URL for COPY")]
    [TestCase("FROM scratch\nRUN x\n", "Dockerfile:2: there are no files that \"/bin/sh\" could be in, as the stage starts from scratch")]
    [TestCase("FROM base\nWORKDIR /bin/sh\n", "Dockerfile:2: /bin/busybox: not a directory")]
    public void What_cannot_be_built_is_refused_with_its_place(string dockerfile, string message, string? target = null)
    {
        _build.Write("f", "");
        if (message.StartsWith("Dockerfile:2: /bin/busybox", StringComparison.Ordinal)) message = "Dockerfile:2: /bin/sh: not a directory";
        Assert.That(_build.Fail(dockerfile, request => request with { Target = target }).Message, Is.EqualTo(message));
    }

    [Test]
    public void An_image_that_is_missing_is_pulled_when_the_caller_can()
    {
        var asked = new List<string>();
        var result = _build.Build("FROM other\nRUN true\n", request => request with
        {
            Pull = (name, _, _) =>
            {
                asked.Add(name.ToString());
                _build.Store.Images.Tag(_build.Store.Images.Resolve("base").Id, name);
                return Task.FromResult(_build.Store.Images.Resolve("base"));
            },
        });
        Assert.That(asked, Is.EqualTo(new[] { "docker.io/library/other:latest" }));
        Assert.That(result.Steps, Is.EqualTo(1));
    }

    [Test]
    public void All_images_are_pulled_before_the_first_step_and_anew_when_that_is_wanted()
    {
        var asked = new List<string>();
        Task<Image> Pull(ImageReference name)
        {
            asked.Add(name.Familiar);
            _build.Store.Images.Tag(_build.Store.Images.Resolve("base").Id, name);
            return Task.FromResult(_build.Store.Images.Resolve("base"));
        }
        BuildResult Build(bool always) => _build.Build("FROM base\nRUN true\nCOPY --from=tools /bin/sh /x\nCOPY --from=tools /bin/sh /y\n", request => request with
        {
            NoCache = true,
            AlwaysPull = always,
            Pull = (name, _, _) => Pull(name),
        });
        Build(always: false);
        Assert.That(asked, Is.EqualTo(new[] { "tools:latest" }));
        Build(always: true);
        Assert.That(asked[1..], Is.EquivalentTo(new[] { "base:latest", "tools:latest" }), "once each");
        Build(always: false);
        Assert.That(asked, Has.Count.EqualTo(3));
    }

    [Test]
    public void Heredocs_are_scripts_and_files()
    {
        var result = _build.Build("""
            FROM base
            ENV X=1
            RUN <<EOF
            echo one > /a
            echo $X >> /a
            EOF
            RUN cat <<A > /b && cat <<'B' >> /b
            x $X
            A
            y $X
            B
            COPY <<f1 <<"f2" /d/
            v=$X
            f1
            v=$X
            f2
            """);
        Assert.That(_build.Tree(result), Is.EqualTo("--\n/a 644 0:0 one\\n1\\n\n--\n/b 644 0:0 x 1\\ny $X\\n\n--\n/d 755 0:0\n/d/f1 644 0:0 v=1\\n\n/d/f2 644 0:0 v=$X\\n\n"));
    }

    [Test]
    public void Arguments_have_the_value_of_the_caller_the_default_or_the_one_before_the_first_FROM()
    {
        _build.Build("""
            ARG BASE=nothere G=global
            ARG H=$G-h
            FROM $BASE
            ARG G
            ARG H
            ARG TARGETARCH
            ARG D=default C=default NONE
            ENV E=env
            ARG E=arg
            RUN echo "$G $H $TARGETARCH $D $C [$NONE] $E $HTTP_PROXY"
            """, request => request with { BuildArgs = new Dictionary<string, string?> { ["BASE"] = "base", ["C"] = "caller", ["http_proxy"] = "p", ["UNUSED"] = "x" } });
        Assert.That(_build.Progress.Output, Is.EqualTo("global global-h amd64 default caller [] env p\n"));
        Assert.That(_build.Progress.Events, Has.Some.EqualTo("warning One or more build-args [UNUSED] were not consumed"));
    }

    [Test]
    public void WORKDIR_makes_a_layer_only_for_a_directory_that_is_missing()
    {
        var result = _build.Build("FROM base\nUSER app\nWORKDIR /srv/x\nWORKDIR ../y\nWORKDIR /lib\nRUN pwd\n");
        Assert.That(_build.Tree(result), Is.EqualTo("--\n/srv 755 1001:1002\n/srv/x 755 1001:1002\n--\n/srv 755 1001:1002\n/srv/y 755 1001:1002\n--\n"));
        Assert.That(_build.Progress.Output.TrimEnd(), Is.EqualTo("/usr/lib").Or.EqualTo("/lib"));
        Assert.That(_build.Config(result).Config!.WorkingDir, Is.EqualTo("/lib"));
    }

    [Test]
    public void Stages_run_side_by_side_and_the_same_step_of_two_runs_once()
    {
        var result = _build.Build("""
            FROM base AS common
            RUN echo common > /c
            FROM common AS a
            RUN sleep 1; date +%s > /a
            FROM common AS b
            RUN sleep 1; date +%s > /a
            FROM common AS c
            RUN sleep 1; echo c > /c
            FROM scratch
            COPY --from=a /a /a
            COPY --from=b /a /b
            COPY --from=c /c /
            """);
        Assert.That((result.Steps, result.Cached), Is.EqualTo((7, 1)));
        Assert.That(_build.Runner.Ran, Has.Count.EqualTo(3));
        var started = _build.Progress.Events.Select((text, index) => (text, index)).Where(e => e.text.StartsWith("started", StringComparison.Ordinal) && e.text.Contains("sleep", StringComparison.Ordinal)).Select(e => e.index);
        var finished = _build.Progress.Events.Select((text, index) => (text, index)).First(e => e.text.StartsWith("finished", StringComparison.Ordinal) && e.text.Contains("sleep", StringComparison.Ordinal)).index;
        Assert.That(started, Is.All.LessThan(finished));
    }

    [Test]
    public void A_stage_that_fails_stops_the_others_and_is_the_one_that_is_told()
    {
        var error = _build.Fail("FROM base AS a\nRUN sleep 60\nFROM base AS b\nRUN sleep 0.3; exit 7\nFROM a\nCOPY --from=b /x /x\n");
        Assert.That(error.Message, Is.EqualTo("Dockerfile:4: process \"/bin/sh -c sleep 0.3; exit 7\" did not complete successfully: exit code: 7"));
    }

    [Test]
    public void What_no_layer_can_hold_is_refused_at_its_instruction()
    {
        Assert.That(_build.Fail("FROM base\nRUN touch /.wh.x\nRUN true\n").Message, Does.StartWith("Dockerfile:2: ").And.Contains(".wh."));
        using var context = Kernel.Files.FileAt.OpenDirectory(_build.Context);
        Kernel.Files.FileAt.MakeNode(context, "zero", Kernel.Files.FileKind.CharacterDevice, 0x1b6);
        Assert.That(_build.Fail("FROM base\nCOPY . /n\n").Message, Does.StartWith("Dockerfile:2: /zero: a character device 0:0"));
    }

    [Test]
    public void A_given_time_is_the_time_of_the_image()
    {
        var result = _build.Build("FROM base\nRUN true\nENV A=1\n", request => request with { BuildArgs = new Dictionary<string, string?> { ["SOURCE_DATE_EPOCH"] = "1000000000" } });
        Assert.That(_build.Config(result).Created, Is.EqualTo("2001-09-09T01:46:40Z"));
        Assert.That(_build.Config(result).History!.Skip(1).Select(static h => h.Created), Is.All.EqualTo("2001-09-09T01:46:40Z"));
    }
}
