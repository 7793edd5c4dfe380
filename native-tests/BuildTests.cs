using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>build</c>: what each instruction makes of an image.</summary>
public sealed class BuildTests : BuildTest
{
    [Test]
    public void The_instructions_that_configure_do()
    {
        BuildText("""
            # A comment, and an argument for FROM.
            ARG BASE=busybox
            FROM $BASE
            MAINTAINER Somebody <some@body>
            ENV A=1 B="two words" C=${A}x D='$A' E=\$A
            ENV OLD style of value
            LABEL org.example.name="the name" plain=yes \
                  second=$A
            WORKDIR /srv
            WORKDIR app
            USER 1000:1000
            EXPOSE 80 53/udp 8000-8002/tcp
            VOLUME ["/data", "/with space"]
            VOLUME /one /two
            STOPSIGNAL SIGINT
            SHELL ["/bin/sh", "-ec"]
            HEALTHCHECK --interval=5s --timeout=1m --retries=2 CMD true
            ONBUILD RUN echo $A
            ENTRYPOINT ["echo", "entry"]
            CMD ["one", "two words"]
            """).Succeeded();
        var config = ConfigOf();
        Assert.Multiple(() =>
        {
            Assert.That(config.GetProperty("Env").ToString(), Is.EqualTo("""["A=1","B=two words","C=x","D=$A","E=$A","OLD=style of value"]"""));
            Assert.That(config.GetProperty("Labels").ToString(), Is.EqualTo("""{"org.example.name":"the name","plain":"yes","second":"1"}"""));
            Assert.That(config.GetProperty("WorkingDir").GetString(), Is.EqualTo("/srv/app"));
            Assert.That(config.GetProperty("User").GetString(), Is.EqualTo("1000:1000"));
            Assert.That(config.GetProperty("ExposedPorts").ToString(), Is.EqualTo("""{"53/udp":{},"80/tcp":{},"8000/tcp":{},"8001/tcp":{},"8002/tcp":{}}"""));
            Assert.That(config.GetProperty("Volumes").ToString(), Is.EqualTo("""{"/data":{},"/one":{},"/two":{},"/with space":{}}"""));
            Assert.That(config.GetProperty("StopSignal").GetString(), Is.EqualTo("SIGINT"));
            Assert.That(config.GetProperty("Shell").ToString(), Is.EqualTo("""["/bin/sh","-ec"]"""));
            Assert.That(config.GetProperty("Healthcheck").ToString(), Is.EqualTo("""{"Test":["CMD-SHELL","true"],"Interval":5000000000,"Timeout":60000000000,"Retries":2}"""));
            Assert.That(config.GetProperty("OnBuild").ToString(), Is.EqualTo("""["RUN echo $A"]"""));
            Assert.That(World.Inspect("out", "{{.Author}}"), Is.EqualTo("Somebody <some@body>"));
            Assert.That(Run("run", "--rm", "--network", "none", "out").Succeeded().Out, Is.EqualTo("entry one two words\n"));
        });
    }

    [Test]
    public void The_history_has_a_line_for_each_instruction()
    {
        BuildText("FROM busybox\nENV A=b\nRUN echo 12345 > /five\nWORKDIR /made\nCMD [\"x\"]\n").Succeeded();
        var lines = Run("history", "--no-trunc", "--human=false", "--format", "{{.CreatedBy}}|{{.Size}}|{{.Comment}}", "out").Succeeded().Lines;
        Assert.That(lines[..5], Is.EqualTo((string[])
        [
            "CMD [\"x\"]|0|buildkit.dockerfile.v0", "WORKDIR /made|0|buildkit.dockerfile.v0", "RUN /bin/sh -c echo 12345 > /five # buildkit|6|buildkit.dockerfile.v0",
            "ENV A=b|0|buildkit.dockerfile.v0", "|" + lines[4].Split('|')[1] + "|Imported from -",
        ]));
        Assert.That(World.Inspect("out", "{{len .RootFS.Layers}}"), Is.EqualTo("3"));
    }

    [Test]
    public void RUN_is_a_shell_or_a_program_as_the_user_in_the_directory()
    {
        var build = BuildText("""
            FROM busybox
            ENV WHO=world
            RUN echo "hello $WHO" | tr a-z A-Z > /shell
            RUN ["sh", "-c", "echo $0 $1 > /exec", "zero", "$WHO"]
            USER user
            WORKDIR /tmp
            RUN id -u > mine; pwd >> mine; umask >> mine
            SHELL ["sh", "-c", "echo with-shell; eval \"$0\""]
            RUN echo $((1+2))
            """).Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(InImage("cat /shell /exec /tmp/mine; stat -c %U /tmp/mine"), Is.EqualTo("HELLO WORLD\nzero $WHO\n1000\n/tmp\n0022\nuser\n"));
            Assert.That(build.Err, Does.Match(@"(?s) with-shell\n#\d+ [0-9.]+ 3\n"));
        });
    }

    [Test]
    public void Lines_go_on_have_comments_and_can_be_documents()
    {
        BuildText("""
            # escape=`
            FROM busybox
            RUN echo one `
                # in between

                && echo two > /lines
            RUN <<EOF
            echo three >> /lines
            echo "a\b" >> /lines
            EOF
            COPY <<-"END" <<OTHER /docs/
            	$NOT expanded
            END
            other
            OTHER
            """).Succeeded();
        Assert.That(InImage("cat /lines; cat /docs/END /docs/OTHER"), Is.EqualTo("two\nthree\na\\b\n$NOT expanded\nother\n"));
    }

    [Test]
    public void COPY_keeps_what_files_are_and_gives_them_to_root()
    {
        var context = Context("FROM busybox\nCOPY . /all/\nCOPY plain renamed\nCOPY sub /new/deep\nCOPY plain sub/*.txt [n-p]* /many/\nCOPY [\"with space\", \"/with space\"]\n",
            ("plain", "p"), ("sub/a.txt", "a"), ("sub/b.txt", "b"), ("sub/c.md", "c"), ("with space", "w"), ("nope", "n"));
        World.Shell($"cd {context}; chmod 4750 plain; chmod 700 sub; ln -s plain link; ln -s /etc/passwd Outside; ln plain hard; mkfifo pipe; chown -R 77:88 sub; mkdir empty").Succeeded();
        Build(context).Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(InImage("cd /all; stat -c '%n %F %a %u %g' plain sub sub/a.txt link empty pipe; readlink Outside; stat -c %h plain"), Is.EqualTo(
                "plain regular file 4750 0 0\nsub directory 700 0 0\nsub/a.txt regular file 644 0 0\nlink symbolic link 777 0 0\nempty directory 755 0 0\npipe fifo 644 0 0\n/etc/passwd\n2\n"));
            Assert.That(InImage("cat /renamed; ls /new/deep /many; cat '/with space'"), Is.EqualTo("p/many:\na.txt\nb.txt\nnope\npipe\nplain\n\n/new/deep:\na.txt\nb.txt\nc.md\nw"));
        });
    }

    [Test]
    public void COPY_and_ADD_give_owner_and_mode()
    {
        var context = Context("FROM busybox\nCOPY --chown=user:extra --chmod=0640 sub /a/\nADD --chown=55 file /b/file\nCOPY --chown=9:8 file /c/new/file\n", ("sub/f", "f"), ("file", "x"));
        Build(context).Succeeded();
        Assert.That(InImage("stat -c '%n %a %u %g' /a/f /b/file /c/new /c/new/file"),
            Is.EqualTo("/a/f 640 1000 2000\n/b/file 644 55 55\n/c/new 755 9 8\n/c/new/file 644 9 8\n"));
    }

    [Test]
    public void ADD_unpacks_local_archives_and_COPY_does_not()
    {
        var context = Context("FROM busybox\nADD a.tar b.tgz c.tar.xz not.tar /un/\nCOPY a.tar /raw/\n", ("file", "content"), ("not.tar", "no archive"));
        World.Shell($"cd {context}; mkdir d; chmod 700 d; echo 1 > d/one; ln -s one d/link; chown 12:13 d/one; tar -cf a.tar d; tar -czf b.tgz file; tar -cJf c.tar.xz --transform s,file,third, file").Succeeded();
        Build(context).Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(InImage("cd /un; ls; cat not.tar; stat -c '%n %a %u %g' d d/one; readlink d/link"),
                Is.EqualTo("d\nfile\nnot.tar\nthird\nno archived 700 0 0\nd/one 644 12 13\none\n"));
            Assert.That(InImage("ls /raw; tar -tf /raw/a.tar | head -n1"), Is.EqualTo("a.tar\nd/\n"));
        });
    }

    [Test]
    public void Stages_give_each_other_files_down_to_an_empty_image()
    {
        BuildText("""
            FROM busybox AS tools
            RUN mkdir -p /out/etc && cp /bin/busybox /out/busybox && echo from-stage > /out/etc/note
            FROM tools AS unused
            RUN exit 9
            FROM tools AS more
            RUN echo more >> /out/etc/note
            FROM scratch
            COPY --from=more /out /
            COPY --from=0 --chmod=0400 /out/etc/note /note
            COPY --from=busybox /data/from-image /image
            ENTRYPOINT ["/busybox"]
            """).Succeeded();
        Assert.That(Run("run", "--rm", "--network", "none", "out", "find", "/", "-xdev", "-type", "f", "!", "-path", "/etc/host*", "!", "-path", "/etc/resolv.conf").Succeeded().Lines.Order(),
            Is.EqualTo((string[])["/busybox", "/etc/note", "/image", "/note"]));
        Assert.That(Run("run", "--rm", "--network", "none", "out", "cat", "/etc/note", "/note", "/image").Succeeded().Out, Is.EqualTo("from-stage\nmore\nfrom-stage\nimage\n"));
    }

    [Test]
    public void ONBUILD_runs_in_the_image_built_on_it_and_is_not_inherited()
    {
        BuildText("FROM busybox\nONBUILD COPY file /copied\nONBUILD RUN echo triggered > /trigger\n", "-t", "parent").Succeeded();
        Build(Context("FROM parent\nRUN cat /trigger /copied > /seen\n", ("file", "f\n"))).Succeeded();
        Assert.That(InImage("cat /seen"), Is.EqualTo("triggered\nf\n"));
        Assert.That(ConfigOf().TryGetProperty("OnBuild", out var triggers) && triggers.ValueKind != System.Text.Json.JsonValueKind.Null, Is.False);
    }

    [Test]
    public void An_image_inherits_and_may_reset()
    {
        BuildText("FROM busybox\nENV A=parent B=parent\nENTRYPOINT [\"echo\"]\nCMD [\"parent\"]\nHEALTHCHECK CMD true\nLABEL l=parent\nUSER 5\nWORKDIR /here\n", "-t", "parent").Succeeded();
        BuildText("FROM parent\nENV B=child\nENTRYPOINT [\"echo\", \"child\"]\nHEALTHCHECK NONE\nLABEL m=child\n").Succeeded();
        var config = ConfigOf();
        Assert.Multiple(() =>
        {
            Assert.That(config.GetProperty("Env").ToString(), Is.EqualTo("""["A=parent","B=child"]"""));
            Assert.That(config.GetProperty("Labels").ToString(), Is.EqualTo("""{"l":"parent","m":"child"}"""));
            Assert.That(config.GetProperty("Healthcheck").ToString(), Is.EqualTo("""{"Test":["NONE"]}"""));
            Assert.That(Run("run", "--rm", "--network", "none", "out").Succeeded().Out, Is.EqualTo("child\n"), "CMD of the parent goes with its ENTRYPOINT");
        });
    }

    [Test]
    public void Variables_are_replaced_where_they_may_be()
    {
        var context = Context("""
            ARG TAG=latest
            FROM busybox:${TAG}
            ARG DIR=/made OWNER=user
            ARG TAG
            ENV NAME=file EMPTY=
            WORKDIR ${DIR}
            COPY --chown=${OWNER} ${NAME} ${NAME}.copy
            RUN echo "$TAG ${EMPTY:-default} ${NAME:+set} ${UNSET:-}" > out
            USER $OWNER
            LABEL where=${DIR} none=${UNSET:-nothing} escaped=\${DIR}
            EXPOSE ${PORT:-8080}
            """, ("file", "x"));
        Build(context).Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(InImage("cat out; stat -c %U file.copy; pwd; whoami"), Is.EqualTo("latest default set \nuser\n/made\nuser\n"));
            Assert.That(ConfigOf().GetProperty("Labels").ToString(), Is.EqualTo("""{"escaped":"${DIR}","none":"nothing","where":"/made"}"""));
            Assert.That(ConfigOf().GetProperty("ExposedPorts").ToString(), Is.EqualTo("""{"8080/tcp":{}}"""));
        });
    }
}
