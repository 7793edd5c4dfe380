using CrunSharp.Kernel.Processes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>build</c>: its options, where it reads from, what it says, what it refuses.</summary>
public sealed class BuildCommandTests : BuildTest
{
    [Test]
    public void F_names_the_Dockerfile_and_may_be_the_input()
    {
        var context = Context("FROM busybox\nRUN exit 1\n", ("file", "f\n"), ("sub/other.dockerfile", "FROM busybox\nCOPY file /other\n"));
        Build(context, "-f", $"{context}/sub/other.dockerfile").Succeeded();
        Assert.That(InImage("cat /other"), Is.EqualTo("f\n"));
        World.RunWith("FROM busybox\nCOPY file /piped\n", "build", "-t", "out", "-f", "-", context).Succeeded();
        Assert.That(InImage("cat /piped"), Is.EqualTo("f\n"));
        Run("build", "-f", "-", "-").Failed(1, "can't use stdin for both build context and dockerfile");
        Run("build", "-f", $"{context}/nosuch", context).Failed(1, "nosuch");
    }

    [TestCase("")]
    [TestCase("-z")]
    [TestCase("-j")]
    [TestCase("-J")]
    public void A_context_comes_as_a_tar(string compression)
    {
        var context = Context("FROM busybox\nCOPY . /all\n", ("file", "f\n"), (".dockerignore", "secret\n"), ("secret", "s"), ("named.dockerfile", "FROM busybox\nCOPY file /named\n"));
        World.Shell($"tar -C {context} {compression} -c . | $C build -t out -").Succeeded();
        Assert.That(InImage("ls -A /all; cat /all/file"), Is.EqualTo(".dockerignore\nDockerfile\nfile\nnamed.dockerfile\nf\n"));
        World.Shell($"tar -C {context} {compression} -c . | $C build -t out -f named.dockerfile -").Succeeded();
        Assert.That(InImage("cat /named"), Is.EqualTo("f\n"));
    }

    [Test]
    public void A_dockerignore_leaves_files_out()
    {
        var context = Context("FROM busybox\nCOPY . /all\n", ("a.log", "1"), ("sub/b.log", "2"), ("sub/keep.log", "3"), ("sub/code", "4"), ("node_modules/x/y", "5"), ("node_modules/z", "6"), ("doc/x.md", "7"), ("README.md", "8"),
            (".dockerignore", "# comment\n**/*.log\n!sub/keep.log\nnode_modules\n*.md\nDockerfile\n.dockerignore\n"));
        Build(context).Succeeded();
        Assert.That(InImage("cd /all; find . -type f | sort"), Is.EqualTo("./doc/x.md\n./sub/code\n./sub/keep.log\n"));
        World.File(Path.GetFileName(context) + "/own.dockerfile", "FROM busybox\nCOPY . /all\n");
        World.File(Path.GetFileName(context) + "/own.dockerfile.dockerignore", "*\n!README.md\n");
        Build(context, "-f", $"{context}/own.dockerfile").Succeeded();
        Assert.That(InImage("cd /all; find . -type f"), Is.EqualTo("./README.md\n"));
        var refused = World.RunWith("FROM busybox\nCOPY a.log /\n", "build", "-f", "-", context);
        Assert.That((refused.Code, refused.Err.TrimEnd('\n').Split('\n')[^1]), Is.EqualTo((1, "crun-sharp: Dockerfile:2: \"/a.log\": not found (excluded by .dockerignore, line 2: \"**/*.log\")")));
    }

    [Test]
    public void A_target_ends_the_build_and_others_are_not_done()
    {
        const string Text = "FROM busybox AS one\nRUN echo 1 > /n\nFROM busybox AS two\nRUN exit 1\nFROM one AS three\nRUN echo 3 >> /n\n";
        BuildText(Text, "--target", "one").Succeeded();
        Assert.That(InImage("cat /n"), Is.EqualTo("1\n"));
        BuildText(Text, "--target", "2").Succeeded();
        Assert.That(InImage("cat /n"), Is.EqualTo("1\n3\n"));
        Assert.That(BuildText(Text, "--target", "two").Code, Is.EqualTo(1));
        Assert.That(BuildText(Text, "--target", "four"), Has.Property("Code").EqualTo(1).And.Property("Err").Contains("four"));
    }

    [Test]
    public void Build_arguments_have_values_of_the_option_the_host_or_the_file()
    {
        const string Text = "ARG BASE=nosuch\nFROM $BASE\nARG A=file\nARG B\nARG C=file\nRUN echo \"$A.$B.$C.$UNDECLARED\" > /args\n";
        using (var session = World.StartWith(new Dictionary<string, string> { ["B"] = "host" }, "build", "-t", "out", "--build-arg", "BASE=busybox", "--build-arg", "A=option", "--build-arg", "B", "--build-arg", "UNDECLARED=x", "-"))
        {
            session.Write(Text);
            session.EndInput();
            Assert.That(session.Wait().Succeeded().Err, Does.Contain("WARNING: One or more build-args [UNDECLARED] were not consumed"));
        }
        Assert.That(InImage("cat /args"), Is.EqualTo("option.host.file.\n"));
        Assert.That(ConfigOf().ToString(), Does.Not.Contain("option"), "arguments do not stay in the configuration");
    }

    [Test]
    public void Of_an_option_that_is_given_twice_the_last_value_counts()
    {
        World.File("arguments", "# of the team\n\nA=file\nB=file\n");
        BuildText("FROM busybox\nARG A\nARG B\nRUN --mount=type=secret,id=s echo $A.$B.$(cat /run/secrets/s) > /out\n",
            "--build-arg-file", $"{World.Files}/arguments", "--build-arg", "A=one", "--build-arg", "A=two", "--label", "l=one", "--label", "l=two",
            "--secret", $"id=s,src={World.Files}/arguments", "--secret", $"id=s,src={World.File("second", "second")}").Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("two.file.second\n"));
        Assert.That(ConfigOf().GetProperty("Labels").GetProperty("l").GetString(), Is.EqualTo("two"));
    }

    [Test]
    public void Pull_says_when_base_images_are_asked_for()
    {
        BuildText("FROM busybox\nRUN true\n", "--pull=never").Succeeded();
        BuildText("FROM busybox\nRUN true\n", "--pull=missing").Succeeded();
        Assert.That(BuildText("FROM localhost:1/none\n", "--pull=never"), Has.Property("Code").EqualTo(1).And.Property("Err").Contains("localhost:1/none:latest: not found"));
        Assert.That(BuildText("FROM localhost:1/none\n", "--pull=missing"), Has.Property("Code").EqualTo(1).And.Property("Err").Contains("connection refused").IgnoreCase);
        Assert.That(BuildText("FROM busybox\n", "--pull=often"), Has.Property("Code").EqualTo(125).And.Property("Err").Contains("must be true, false, always, missing, newer or never"));
    }

    [Test]
    public void The_result_is_named_labelled_and_told()
    {
        var outcome = World.RunWith("FROM busybox\nLABEL a=file b=file\n", "build", "-q", "-t", "one", "-t", "example.com/two:v2", "--label", "b=option", "--label", "c=option", "--iidfile", "iid", "-").Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(outcome.Out, Does.Match("^sha256:[0-9a-f]{64}\n$"));
            Assert.That(outcome.Err, Is.Empty);
            Assert.That(File.ReadAllText(World.Files + "/iid"), Is.EqualTo(outcome.Line));
            Assert.That(World.Inspect("one", "{{.Id}} {{json .Config.Labels}}"), Is.EqualTo(outcome.Line + """ {"a":"file","b":"option","c":"option"}"""));
            Assert.That(World.Inspect("example.com/two:v2", "{{.Id}}"), Is.EqualTo(outcome.Line));
        });
    }

    [Test]
    public void A_failing_command_is_told_with_its_code_place_and_output()
    {
        var context = Context("FROM busybox\nENV A=b\n\nRUN echo said; \\\n    echo complained >&2; \\\n    exit 42\nRUN echo never\n");
        var outcome = Build(context);
        Assert.Multiple(() =>
        {
            Assert.That(outcome.Code, Is.EqualTo(1));
            Assert.That(outcome.Err, Does.Contain("""
                Dockerfile:4
                --------------------
                   3 |     
                   4 | >>> RUN echo said; \
                   5 | >>>     echo complained >&2; \
                   6 | >>>     exit 42
                   7 |     RUN echo never
                --------------------
                crun-sharp: Dockerfile:4-6: process "/bin/sh -c echo said;     echo complained >&2;     exit 42" did not complete successfully: exit code: 42

                """));
            Assert.That(outcome.Err, Does.Contain("said\n").And.Contain("complained\n").And.Not.Contain("never\n#"));
            Assert.That(outcome.Out, Is.Empty);
        });
    }

    [TestCase("FROM busybox\nRUNN x\n", 2, "unknown instruction: RUNN (did you mean RUN?)")]
    [TestCase("FROM 127.0.0.1:1/nosuch:9\n", 1, "127.0.0.1:1/v2/nosuch/manifests/9: connection refused")]
    [TestCase("FROM busybox\n\nCOPY nosuch /\n", 3, "\"/nosuch\": not found")]
    [TestCase("FROM busybox\nCOPY --from=127.0.0.1:1/nosuch a /\n", 2, "nosuch")]
    [TestCase("RUN x\n", 1, "no build stage")]
    [TestCase("FROM busybox\nCOPY --nosuch=1 a /\n", 2, "unknown flag: --nosuch")]
    [TestCase("FROM busybox\nUSER nosuch\nRUN id\n", 3, "unable to find user nosuch")]
    [TestCase("FROM busybox\nENV novalue\n", 2, "ENV")]
    [TestCase("FROM busybox\nEXPOSE http\n", 2, "http")]
    [TestCase("FROM busybox\nRUN [\"/nosuch\"]\n", 2, "/nosuch")]
    [TestCase("FROM busybox\nSTOPSIGNAL SIGNO\n", 2, "SIGNO")]
    [TestCase("FROM busybox\nHEALTHCHECK --interval=x CMD y\n", 2, "x")]
    [TestCase("FROM scratch\nRUN x\n", 2, "")]
    public void What_is_wrong_is_told_with_its_line(string dockerfile, int line, string message)
    {
        var outcome = World.RunWith(dockerfile, "build", "-f", "-", Context(""));
        var last = outcome.Err.TrimEnd('\n').Split('\n')[^1];
        Assert.Multiple(() =>
        {
            Assert.That(outcome.Code, Is.EqualTo(1));
            Assert.That(last, Does.StartWith($"crun-sharp: Dockerfile:{line}: ").And.Contain(message));
            Assert.That(outcome.Err, Does.Contain($"\nDockerfile:{line}\n").Or.StartWith($"Dockerfile:{line}\n"));
        });
    }

    [Test]
    public void Nothing_outside_the_context_can_be_copied()
    {
        var context = Context("FROM busybox\nCOPY ../context-secret /s\n", ("in", "in"));
        World.File("context-secret", "secret");
        Assert.That(Build(context).Err, Does.Contain("\"/context-secret\": not found"));
        World.Shell($"ln -s {World.Files}/context-secret {context}/link; ln -s {World.Files} {context}/dir").Succeeded();
        foreach (var source in (string[])["link", "dir/context-secret", "dir/../context-secret", "link/"])
            Assert.That(World.RunWith($"FROM busybox\nCOPY {source} /s\n", "build", "-f", "-", context), Has.Property("Code").EqualTo(1).And.Property("Err").Contains("not found"), source);
    }

    [Test]
    public void RUN_sees_nothing_of_the_host_and_leaves_nothing_in_the_image()
    {
        BuildText("FROM busybox\nRUN ls /proc | grep -c '^[0-9]' > /count; ls /dev > /devices; hostname > /name; echo x > /dev/shm/gone; echo y > /run/stays; cat /etc/hosts > /hosts\n".Replace("/run/stays", "/tmp/stays", StringComparison.Ordinal), "--network", "none").Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(int.Parse(InImage("cat /count")), Is.LessThan(6));
            Assert.That(InImage("cat /devices"), Does.Contain("null\n").And.Not.Contain("vda").And.Not.Contain("kvm"));
            Assert.That(InImage("cat /tmp/stays; cat /hosts"), Does.StartWith("y\n127.0.0.1\tlocalhost\n"));
        });
        Run("save", "-o", "saved.tar", "out").Succeeded();
        Assert.That(World.Shell("mkdir x && tar -xf saved.tar -C x && for l in $(tar -tf saved.tar | grep -v json); do tar -tf x/$l 2>/dev/null; done; rm -rf x").Out, Does.Not.Contain("etc/hosts").And.Not.Contain("dev/shm/gone").And.Not.Contain("resolv.conf"));
    }

    [Test]
    public void Network_none_has_a_loopback_only_and_host_the_hosts()
    {
        BuildText("FROM busybox\nRUN ip -o addr > /addresses\n", "--network", "none").Succeeded();
        Assert.That(InImage("cat /addresses"), Does.Contain("127.0.0.1/8").And.Not.Contain("eth0"));
        BuildText("FROM busybox\nRUN --network=host ip -o link > /links\nRUN ip -o addr > /addresses\n", "--allow", "network.host").Succeeded();
        Assert.That(InImage("grep -c crunsharp0 /links; grep -o 10.88.0.[0-9]* /addresses | head -n1"), Does.Match("^1\n10.88.0.[0-9]+\n$"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void An_interrupted_build_ends_at_once_and_leaves_nothing(bool kill)
    {
        using var session = World.Start("build", "--progress", "plain", Context("FROM busybox\nRUN echo $((40 + 2)); sleep 1000\n"));
        session.ExpectError(" 42\n");
        session.Send(kill ? Signal.SIGKILL : Signal.SIGINT);
        Assert.That(session.Wait(10_000).Code, Is.EqualTo(kill ? 137 : 130));
        BuildText("FROM busybox\nRUN true\n").Succeeded();
    }

    [Test]
    public void Five_hundred_instructions_are_built()
    {
        BuildText("FROM busybox\n" + string.Concat(Enumerable.Range(0, 60).Select(static i => $"COPY <<E /f{i}\n{i}\nE\n")) + string.Concat(Enumerable.Range(0, 440).Select(static i => $"ENV V{i}={i}\n"))).Succeeded();
        Assert.That(InImage("cat /f0 /f59; echo $V439"), Is.EqualTo("0\n59\n439\n"));
    }

    [Test]
    public void The_third_interrupt_ends_a_build_that_waits_for_what_never_comes()
    {
        World.Shell("mkfifo never").Succeeded();
        using var session = World.Start("build", "--secret", "id=a,src=never", "--progress", "plain", Context("FROM busybox\nRUN --mount=type=secret,id=a true\n"));
        World.Await(() => session.Errors.Contains("RUN", StringComparison.Ordinal), "the step");
        for (var i = 0; i < 3; i++)
        {
            session.Send(Signal.SIGINT);
            Thread.Sleep(50);
        }
        Assert.That(session.Wait().Code, Is.Not.Zero);
        Build(Context("FROM busybox\nRUN true\n")).Succeeded();
    }

    [Test]
    public void A_secret_comes_whole_through_a_pipe()
    {
        var context = Context("FROM busybox\nRUN --mount=type=secret,id=a wc -c < /run/secrets/a\n");
        var build = World.Shell($"$C build --no-cache --progress plain --secret id=a,src=<(head -c 100000 /dev/zero) {context}").Succeeded();
        Assert.That(build.Err, Does.Contain(" 100000\n"));
        Assert.That(World.Shell($"$C build --secret id=a,src=/nonexistent {context}").Err, Is.EqualTo("crun-sharp: secret a: /nonexistent: no such file\n"));
    }

    [Test]
    public void Names_of_others_do_not_control_the_terminal()
    {
        var context = Context("FROM busybox\nLABEL x=\x1b[2J\nRUN echo \x1b]0;title\a; exit 1\n");
        Assert.That(Build(context).Err.Split("------")[^1] + Build(context).Err.Split('\n')[3], Does.Contain("␛]0;title␇").And.Not.Contains('\x1b').And.Not.Contains('\a'));
        Build(Context("FROM busybox\nLABEL x=\x1b[2J\n"), "-t", "loud").Succeeded();
        Assert.That(Run("history", "loud").Succeeded().Out, Does.Contain("LABEL x=␛[2J").And.Not.Contains('\x1b'));
        Assert.That(Run("rm", "\x1b[31m").Err, Is.EqualTo("crun-sharp: No such container: ␛[31m\n"));
    }
}
