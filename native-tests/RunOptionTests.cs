using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>What the options of <c>run</c> do to the program: environment, user, directory, privileges.</summary>
public sealed class RunOptionTests : NativeTest
{
    protected override void Prepare() =>
        World.Import("described", BusyboxImage.Archive, "-c", "ENV FROM=image OVER=image", "-c", "WORKDIR /data", "-c", "USER user", "-c", "ENTRYPOINT [\"echo\",\"entry\"]", "-c", "CMD [\"default\"]");

    [Test]
    public void E_sets_and_overrides_and_takes_from_the_host()
    {
        World.File("vars", "# comment\nFILE=from file\nQUOTED=\"x\"\nBOTH=file\nHOSTVAR\nNOTTHERE\n");
        using var session = World.StartWith(new Dictionary<string, string> { ["HOSTVAR"] = "host", ["SECRET"] = "never" },
            "run", "--rm", "--network", "none", "-e", "A=1", "-e", "EMPTY=", "-e", "HOSTVAR", "-e", "NOTSET", "-e", "BOTH=option", "--env-file", "vars", "busybox", "env");
        Assert.That(session.Wait().Succeeded().Lines.Where(static line => line[..line.IndexOf('=')] is not ("PATH" or "HOSTNAME" or "HOME")).Order(StringComparer.Ordinal),
            Is.EqualTo((string[])["A=1", "BOTH=option", "EMPTY=", "FILE=from file", "HOSTVAR=host", "QUOTED=\"x\""]));
    }

    [Test]
    public void Every_program_gets_path_home_and_hostname() =>
        Assert.That(InContainer("echo $PATH; echo $HOME; echo $HOSTNAME; hostname", "--hostname", "named").Lines,
            Is.EqualTo((string[])["/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "/root", "named", "named"]));

    [Test]
    public void Without_a_host_name_it_is_the_short_id()
    {
        var id = StartSleeper("named-by-id");
        Assert.That(Run("exec", "named-by-id", "hostname").Line, Is.EqualTo(id[..12]));
    }

    [Test]
    public void W_makes_the_directory()
    {
        Assert.That(InContainer("pwd; stat -c '%u:%g %a' .", "-w", "/made/here").Out, Is.EqualTo("/made/here\n0:0 755\n"));
        Assert.That(Run("run", "--rm", "--network", "none", "-w", "relative", "busybox", "true"), Has.Property("Code").EqualTo(125));
    }

    [TestCase("user", "1000:1000:1000 2000")]
    [TestCase("1000", "1000:1000:1000 2000")]
    [TestCase("user:0", "1000:0:0")]
    [TestCase("user:extra", "1000:2000:2000")]
    [TestCase("4000", "4000:0:0")]
    [TestCase("4000:4001", "4000:4001:4001")]
    [TestCase("4242", "4242:0:0")] // also a name in passwd, of uid 0: a number is never looked up as a name
    public void U_chooses_user_and_groups(string user, string ids)
    {
        var outcome = InContainer("echo $(id -u):$(id -g):$(id -G)", "-u", user);
        Assert.That(outcome.Line, Is.EqualTo(ids), outcome.Err);
    }

    // CVE-2022-36109: what a file denies to the user's own group stays denied when a set-group-id program changes that group.
    [TestCase("user", "1000 2000")]
    [TestCase("user:extra", "2000")]
    [TestCase("4000:4001", "4001")]
    [TestCase("root", "0 2001")]
    public void The_users_own_group_is_one_of_the_supplementary_groups(string user, string groups) =>
        Assert.That(InContainer("echo $(sed -n 's/^Groups://p' /proc/self/status)", "-u", user).Line, Is.EqualTo(groups));

    [TestCase("-1")]
    [TestCase("4294967296")]
    [TestCase("2147483648")]
    [TestCase("nosuch")]
    [TestCase("1:2:3")]
    [TestCase(" 0")]
    [TestCase("+0")]
    [TestCase("0x0")]
    [TestCase("root:nosuch")]
    public void U_that_is_no_user_is_refused(string user)
    {
        var outcome = InContainer("id", "-u", user);
        Assert.That(outcome, Has.Property("Code").EqualTo(125).Or.Property("Code").EqualTo(126), outcome.ToString());
        Assert.That(outcome.Out, Is.Empty);
    }

    [Test]
    public void Without_u_the_programs_groups_are_the_images_not_the_callers()
    {
        var outcome = World.Shell("setpriv --groups 4,27 $C run --rm --network none busybox id -G").Succeeded();
        Assert.That(outcome.Line, Is.EqualTo("0 2001"));
    }

    [Test]
    public void What_the_image_says_holds_until_it_is_said_otherwise()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Run("run", "--rm", "--network", "none", "described").Out, Is.EqualTo("entry default\n"));
            Assert.That(Run("run", "--rm", "--network", "none", "described", "other").Out, Is.EqualTo("entry other\n"));
            Assert.That(Run("run", "--rm", "--network", "none", "--entrypoint", "id", "described").Out, Does.StartWith("uid=1000(user)"));
            Assert.That(Run("run", "--rm", "--network", "none", "--entrypoint", "id", "-u", "0", "described", "-u").Out, Is.EqualTo("0\n"));
            Assert.That(Run("run", "--rm", "--network", "none", "--entrypoint", "sh", "-e", "OVER=option", "described", "-c", "pwd; echo $FROM $OVER").Out, Is.EqualTo("/data\nimage option\n"));
        });
    }

    [Test]
    public void Read_only_is_read_only_but_for_what_is_mounted()
    {
        var outcome = InContainer("touch /x; touch /tmp/ok && echo tmp; touch /dev/shm/ok && echo shm; echo x > /dev/null && echo null", "--read-only", "--tmpfs", "/tmp");
        Assert.That((outcome.Out, outcome.Err), Is.EqualTo(("tmp\nshm\nnull\n", "touch: /x: Read-only file system\n")));
    }

    [TestCase("", "00000000800405fb")]
    [TestCase("--cap-drop ALL", "0000000000000000")]
    [TestCase("--cap-drop ALL --cap-add NET_RAW", "0000000000002000")]
    [TestCase("--cap-add cap_sys_admin", "00000000802405fb")]
    [TestCase("--cap-drop CHOWN --cap-drop kill", "00000000800405da")]
    public void Capabilities_are_exactly_those_that_were_asked_for(string options, string mask)
    {
        var outcome = InContainer("grep ^Cap /proc/self/status", options.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Succeeded();
        Assert.That(outcome.Out, Is.EqualTo($"CapInh:\t0000000000000000\nCapPrm:\t{mask}\nCapEff:\t{mask}\nCapBnd:\t{mask}\nCapAmb:\t0000000000000000\n"));
    }

    [Test]
    public void A_user_who_is_not_root_has_no_capabilities() =>
        Assert.That(InContainer("grep -E 'Cap(Inh|Prm|Eff|Amb)' /proc/self/status", "-u", "1000").Out,
            Is.EqualTo("CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n"));

    [Test]
    public void An_unknown_capability_is_refused() => Run("run", "--rm", "--network", "none", "--cap-add", "FLY", "busybox", "true").Failed(125, "FLY");

    [Test]
    public void Privileged_has_all_that_we_have()
    {
        var ours = File.ReadLines("/proc/self/status").First(static line => line.StartsWith("CapEff:", StringComparison.Ordinal));
        var outcome = InContainer("grep CapEff /proc/self/status; grep Seccomp: /proc/self/status; mount -t tmpfs none /tmp && echo mounted; ls /dev | grep -c .; touch /sys/x 2>&1 | grep -c Read-only", "--privileged");
        Assert.That(outcome.Out, Does.StartWith($"{ours}\nSeccomp:\t0\nmounted\n").And.EndWith("\n0\n"), outcome.ToString());
    }

    [Test]
    public void Tmpfs_and_shm_have_the_size_that_was_asked_for() =>
        Assert.That(InContainer("grep -E ' /(cache|dev/shm) ' /proc/mounts | cut -d' ' -f2,4", "--tmpfs", "/cache:size=1m,noexec", "--shm-size", "2m").Out,
            Does.Contain("/dev/shm rw,nosuid,nodev,noexec,relatime,size=2048k").And.Match("/cache .*noexec.*size=1024k"));

    [Test]
    public void Limits_of_files_are_set() =>
        Assert.That(InContainer("ulimit -Sn; ulimit -Hn", "--ulimit", "nofile=512:1024").Out, Is.EqualTo("512\n1024\n"));

    [Test]
    public void Kernel_parameters_of_its_namespaces_are_set()
    {
        var before = File.ReadAllText("/proc/sys/kernel/core_pattern");
        Assert.Multiple(() =>
        {
            Assert.That(InContainer("cat /proc/sys/kernel/shm_rmid_forced", "--sysctl", "kernel.shm_rmid_forced=1").Out, Is.EqualTo("1\n"));
            Assert.That(InContainer("true", "--sysctl", "kernel.core_pattern=x").Code, Is.EqualTo(125));
            Assert.That(InContainer("true", "--sysctl", "net/../kernel.core_pattern=x").Code, Is.EqualTo(125));
            Assert.That(InContainer("true", "--sysctl", "kernel.shm_rmid_forced=1+kernel.core_pattern=x").Code, Is.EqualTo(125));
            Assert.That(File.ReadAllText("/proc/sys/kernel/core_pattern"), Is.EqualTo(before));
        });
    }

    [Test]
    public void Hosts_are_added() => Assert.That(InContainer("grep -w db /etc/hosts", "--add-host", "db:10.1.2.3").Out, Does.Match(@"^10\.1\.2\.3\s+db\n$"));

    [Test]
    public void The_devices_are_the_usual_ones() =>
        Assert.That(InContainer("cd /dev; for d in full null random tty urandom zero; do stat -c '%n %t:%T %a' $d; done; ls -l fd stdin stdout stderr ptmx | grep -c -- '->'; head -c 3 /dev/zero | wc -c").Out,
            Is.EqualTo("full 1:7 666\nnull 1:3 666\nrandom 1:8 666\ntty 5:0 666\nurandom 1:9 666\nzero 1:5 666\n5\n3\n"));
}
