using CrunSharp.Kernel.Processes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>build</c>: what RUN gets of the host. That limits hold is tested in virtual machines.</summary>
public sealed class BuildHostTests : BuildTest
{
    private const string Head = "FROM busybox\n";

    [Test]
    public void A_directory_of_the_host_is_there_for_commands()
    {
        World.File("shared/in", "of the host\n");
        string[] volumes = ["-v", $"{World.Files}/shared:/s", "--volume", $"{World.Files}/shared/in:/etc/one:ro"];
        const string text = Head + "RUN cat /s/in /etc/one > /out; echo made > /s/made; touch /etc/one 2>/dev/null || echo refused >> /out\n";
        BuildText(text, volumes).Succeeded();
        Assert.That(InImage("cat /out; ls -A /s /etc/one 2>/dev/null; true"), Is.EqualTo("of the host\nof the host\nrefused\n"));
        Assert.That(File.ReadAllText($"{World.Files}/shared/made"), Is.EqualTo("made\n"));
        World.File("shared/in", "changed\n");
        Assert.That(Done(BuildText(text, volumes).Succeeded()), Is.Empty, "what is in it is no part of the key");
        Assert.That(Done(BuildText(text, volumes[..2])), Has.Length.EqualTo(1), "where it is is");
        Assert.That(BuildText(text, "-v", "/nowhere/at/all:/s").Err, Does.Contain("/nowhere/at/all").And.Contain("ENOENT"));
        Assert.That(BuildText(text, "-v", "name:/s").Err, Does.Contain("only directories and files of the host can be mounted in a build"));
    }

    [Test]
    public void Commands_are_in_the_network_of_a_container()
    {
        var id = Run("run", "-d", "--name", "net", "--network", "none", "busybox", "sh", "-c", "trap 'exit 0' TERM; mkdir /www; echo served > /www/f; httpd -f -p 127.0.0.1:8080 -h /www & sleep 1000 & wait").Succeeded().Line;
        const string text = Head + "ARG N\nRUN for i in 1 2 3 4 5 6 7 8 9 10; do wget -qO /out http://127.0.0.1:8080/f && break; sleep 0.2; done; cat /out\n";
        BuildText(text, "--network", "container:net").Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("served\n"));
        BuildText(text, "--network", $"container:{id[..12]}", "--build-arg", "N=2").Succeeded();
        Run("rm", "-f", "net").Succeeded();
        Assert.That(BuildText(text, "--network", "container:net", "--build-arg", "N=3").Err, Does.Contain("No such container: net"));
        Assert.That(BuildText(text, "--network", "mine").Err, Does.Contain("network mine not found"));
    }

    [Test]
    public void Name_servers_are_those_that_are_given()
    {
        BuildText(Head + "RUN grep nameserver /etc/resolv.conf > /out\n", "--dns", "192.0.2.7", "--dns", "192.0.2.8").Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("nameserver 192.0.2.7\nnameserver 192.0.2.8\n"));
    }

    [Test]
    public void A_cgroup_has_the_parent_that_is_given_and_is_gone_afterwards()
    {
        var parent = World.Shell("cat /proc/self/cgroup | grep '^0::' | cut -d: -f3").Succeeded().Line.TrimEnd('/') + "/builds";
        BuildText(Head + "RUN --security=insecure cat /proc/self/cgroup | grep '^0::' > /out\n", "--cgroup-parent", parent, "--allow", "security.insecure").Succeeded();
        Assert.That(InImage("cat /out"), Does.Match($"^0::.*/builds/crun-sharp-[0-9a-f]{{64}}\n$"));
        using (var session = World.Start("build", "--progress", "plain", "--cgroup-parent", parent, Context(Head + "RUN echo started; sleep 1000\n")))
        {
            session.ExpectError(" started\n");
            session.Send(Signal.SIGKILL);
            session.Wait();
        }
        BuildText(Head + "RUN true\n").Succeeded();
        World.Shell($"d=$(find /sys/fs/cgroup -type d -path '*{parent}' | head -1); ls -d $d/crun-sharp-* 2>/dev/null; rmdir $d").Succeeded();
    }

    [TestCase("-m 64m", "--memory cannot be enforced")]
    [TestCase("--cpus 1", "--cpus cannot be enforced")]
    [TestCase("--cpu-shares 5", "--cpu-shares cannot be enforced")]
    [TestCase("--cpuset-cpus 0", "--cpuset-cpus cannot be enforced")]
    [TestCase("--cpus 1 --cpu-quota 5", "Conflicting options")]
    [TestCase("--cpu-shares -1", "must not be negative")]
    [TestCase("--resource cpu-period=-1", "must not be negative")]
    [TestCase("-m 64m --memory-swap 1m", "Minimum memoryswap limit should be larger than memory limit")]
    [TestCase("--memory-swap 1g", "You should always set the Memory limit")]
    [TestCase("--isolation hyperv", "hyperv is not supported for builds")]
    public void What_cannot_be_is_said(string options, string message)
    {
        if (message.Contains("enforced", StringComparison.Ordinal) && World.Shell("cat /sys/fs/cgroup/cgroup.controllers /sys/fs/cgroup/unified/cgroup.controllers 2>/dev/null | grep -c memory").Line != "0")
            Assert.Ignore("this host has the controllers");
        Assert.That(BuildText(Head + $"RUN echo {options}\n", options.Split(' ')).Err, Does.Contain(message));
    }

    [Test]
    public void What_other_builders_take_is_taken() =>
        BuildText(Head + "RUN true\n", "--isolation", "default", "--security-opt", "label=disable", "--cpu-period", "0").Succeeded();

    [Test]
    public void Search_domains_and_options_of_the_resolver_are_set()
    {
        BuildText(Head + "RUN grep -v nameserver /etc/resolv.conf > /out\n", "--dns-search", "a.example", "--dns-search", "b.example", "--dns-option", "ndots:3").Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("search a.example b.example\noptions ndots:3\n"));
        Assert.That(Run("run", "--rm", "--dns-search", "c.example", "--dns-opt", "timeout:1", "busybox", "grep", "-v", "nameserver", "/etc/resolv.conf").Out, Is.EqualTo("search c.example\noptions timeout:1\n"));
        Assert.That(Run("run", "--rm", "--dns-search", "a b", "busybox").Code, Is.EqualTo(125));
    }

    [Test]
    public void Capabilities_are_added_and_dropped()
    {
        Assert.That(BuildText(Head + "RUN chroot / true\n", "--cap-drop", "sys_chroot").Code, Is.EqualTo(1));
        BuildText(Head + "RUN chroot / true\n", "--cap-drop", "ALL", "--cap-add", "CAP_SYS_CHROOT").Succeeded();
        Assert.That(BuildText(Head + "RUN true\n", "--cap-add", "fly"), Has.Property("Code").EqualTo(125).And.Property("Err").Contains("fly"));
    }

    [Test]
    public void The_file_of_the_hostname_is_the_images_and_those_of_the_network_are_the_builders()
    {
        BuildText("FROM busybox AS made\nRUN echo mine > /etc/hostname\nFROM busybox\nCOPY --from=made /etc/hostname /out\n").Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("mine\n"));
        Assert.That(BuildText(Head + "RUN echo x >> /etc/hosts\n").Err, Does.Contain("/etc/hosts: Read-only file system"));
    }

    [Test]
    public void Commands_get_no_new_privileges_where_that_is_wanted_and_cannot_fill_the_hosts_memory_through_etc()
    {
        BuildText(Head + "RUN grep NoNewPrivs /proc/self/status > /out; for f in hosts hostname resolv.conf; do echo x >> /etc/$f; done; true\n", "--security-opt", "no-new-privileges").Succeeded();
        Assert.That(InImage("cat /out"), Is.EqualTo("NoNewPrivs:\t1\n"));
        var build = BuildText(Head + "RUN for f in hosts hostname resolv.conf; do echo x 2>&1 >> /etc/$f; done; true\n", "--no-cache");
        Assert.That(build.Succeeded().Err.Split("Read-only file system"), Has.Length.EqualTo(3), "of hosts and resolv.conf");
    }

    [Test]
    public void A_host_name_is_given_and_is_part_of_what_a_step_is()
    {
        const string Text = "FROM busybox\nRUN echo \"<$(hostname)>\"\n";
        Assert.That(BuildText(Text, "--hostname", "builder-1").Succeeded().Err, Does.Contain(" <builder-1>\n"));
        Assert.That(BuildText(Text, "--hostname", "builder-1").Succeeded().Err, Does.Not.Contain(" <builder-1>\n"));
        Assert.That(BuildText(Text).Succeeded().Err, Does.Contain(" <buildkitsandbox>\n"));
        Assert.That(BuildText(Text, "--hostname", "a b").Err, Does.Contain("invalid host name: a b"));
        Assert.That(BuildText(Text, "--resource", "gpu=1").Err, Does.Contain("unknown resource gpu"));
        Assert.That(BuildText(Text, "--resource", "memory=1").Err, Does.Contain("Minimum memory limit allowed is 6MB"));
    }

    [Test]
    public void One_job_does_one_step_at_a_time()
    {
        const string Stage = "RUN --mount=type=cache,target=/c,id=jobs echo begin >> /c/log; sleep 0.3; echo end >> /c/log; : ";
        var text = string.Concat(Enumerable.Range(1, 4).Select(static i => $"FROM busybox AS s{i}\n{Stage}{i}\n")) + "FROM busybox\n" + string.Concat(Enumerable.Range(1, 4).Select(static i => $"COPY --from=s{i} /bin/busybox /{i}\n"))
            + "RUN --mount=type=cache,target=/c,id=jobs cp /c/log /log\n";
        BuildText(text, "--jobs", "1").Succeeded();
        Assert.That(InImage("cat /log"), Is.EqualTo(string.Concat(Enumerable.Repeat("begin\nend\n", 4))));
        Assert.That(BuildText(text, "--jobs", "-1").Err, Does.Contain("must not be negative"));
    }
}
