using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>build --ssh</c> and <c>RUN --mount=type=ssh</c>, with a server in place of the agent that says what it was asked.</summary>
public sealed class BuildAgentTests : BuildTest
{
    private const string Head = "FROM busybox\nCOPY ask /bin/ask\n";

    private string _ask = "";

    protected override void Prepare()
    {
        _ask = World.File("ask.c", """
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/socket.h>
            #include <sys/un.h>
            #include <unistd.h>
            int main(int argc, char **argv) {
                struct sockaddr_un a = { .sun_family = AF_UNIX };
                char answer[256]; int n, s = socket(AF_UNIX, SOCK_STREAM, 0);
                strcpy(a.sun_path, argc > 2 ? argv[2] : getenv("SSH_AUTH_SOCK"));
                if (connect(s, (struct sockaddr *)&a, sizeof a)) { perror("connect"); return 1; }
                write(s, argv[1], strlen(argv[1])); shutdown(s, SHUT_WR);
                while ((n = read(s, answer, sizeof answer)) > 0) fwrite(answer, 1, n, stdout);
                return 0;
            }
            """);
        World.File("agent.py", """
            import socket, sys
            s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(8); print("ready", flush=True)
            while True:
                c, _ = s.accept(); t = b""
                while True:
                    d = c.recv(100)
                    if not d: break
                    t += d
                c.sendall(sys.argv[2].encode() + b" got " + t + b"\n"); c.close()
            """);
        World.Shell("gcc -static -O1 -w -o ask ask.c").Succeeded();
        _ask = $"{World.Files}/ask";
    }

    private string MakeContext(string dockerfile)
    {
        var context = Context(Head + dockerfile);
        File.Copy(_ask, $"{context}/ask");
        return context;
    }

    private Session StartAgent(string name)
    {
        File.Delete($"{World.Files}/{name}");
        var agent = World.StartShell($"exec python3 agent.py {World.Files}/{name} {name}");
        agent.Expect("ready");
        return agent;
    }

    private static void End(Session agent)
    {
        agent.Send(Kernel.Processes.Signal.SIGKILL);
        agent.Wait();
        agent.Dispose();
    }

    [Test]
    public void An_agent_is_there_for_its_command_alone()
    {
        var (one, two) = (StartAgent("one"), StartAgent("two"));
        try
        {
            var context = MakeContext("""
                RUN --mount=type=ssh --mount=type=ssh,id=second ask hello > /out; ask there /run/buildkit/ssh_agent.1 >> /out; echo $SSH_AUTH_SOCK >> /out; stat -c '%a %u %g %F' $SSH_AUTH_SOCK >> /out
                RUN --mount=type=ssh,id=second,target=/my/agent,mode=0660,uid=7,gid=8,required=true ask own >> /out; stat -c '%a %u %g' /my/agent >> /out
                USER 7
                RUN --mount=type=ssh,uid=7 ask user > /tmp/user
                USER 0
                RUN ls /run/buildkit /my 2>/dev/null; env | grep -c SSH_AUTH >> /out; true
                """);
            World.Shell($"mkdir -p {context}; SSH_AUTH_SOCK={World.Files}/one $C build -q -t out --ssh default --ssh second={World.Files}/two {context}").Succeeded();
            Assert.That(InImage("cat /out /tmp/user; ls -d /my /run/buildkit 2>/dev/null; true"), Is.EqualTo(
                "one got hello\ntwo got there\n/run/buildkit/ssh_agent.0\n600 0 0 socket\ntwo got own\n660 7 8\n0\none got user\n"));
            var again = World.Shell($"$C build --progress plain -t out --ssh default={World.Files}/two --ssh second={World.Files}/two {context}").Succeeded();
            Assert.That(Done(again), Is.Empty, "an agent is no part of the key");
        }
        finally
        {
            End(one);
            End(two);
        }
    }

    [Test]
    public void Many_connections_at_once_and_an_agent_that_is_gone()
    {
        var one = StartAgent("one");
        var context = MakeContext("ARG N\nRUN --mount=type=ssh i=0; while [ $i -lt 200 ]; do ask $i > /tmp/$i & i=$((i+1)); [ $((i % 20)) != 0 ] || wait; done; wait; cat /tmp/* | grep -c 'one got' > /out; rm /tmp/*\n");
        try
        {
            Build(context, "--ssh", $"default={World.Files}/one").Succeeded();
            Assert.That(InImage("cat /out"), Is.EqualTo("200\n"));
        }
        finally
        {
            End(one);
        }
        Build(context, "--ssh", $"default={World.Files}/one", "--build-arg", "N=2").Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("0\n"));
    }

    [Test]
    public void What_is_no_agent_is_said()
    {
        World.File("key", "a key\n");
        var context = Context("FROM busybox\nRUN --mount=type=ssh true\n");
        Build(context).Succeeded();
        string Last(string ssh) => World.Shell($"unset SSH_AUTH_SOCK; $C build -q --ssh {ssh} {context}").Err.TrimEnd('\n');
        Assert.That(Last("default"), Is.EqualTo("crun-sharp: --ssh default: there is no SSH agent, as SSH_AUTH_SOCK is not set"));
        Assert.That(Last("k=key"), Is.EqualTo("crun-sharp: --ssh k: key is a key file: give it to ssh-agent (ssh-add key), and forward that: --ssh k=$SSH_AUTH_SOCK"));
        Assert.That(Last("k=/dev"), Is.EqualTo("crun-sharp: --ssh k: /dev is no socket"));
        Assert.That(Last("k=/none"), Is.EqualTo("crun-sharp: --ssh k: /none: no such file"));
    }
}
