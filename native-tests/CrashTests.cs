using System.Globalization;
using CrunSharp.Kernel.Processes;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>Whatever is killed at whatever moment: the next commands work and nothing is left.</summary>
public sealed class CrashTests : NativeTest
{
    private const int Rounds = 30;

    private static void Kill(int pid)
    {
        using var process = PidHandle.TryOpen(pid);
        if (process?.Send(Signal.SIGKILL.Number) == true) process.WaitForEnd(TimeSpan.FromSeconds(10));
    }

    private static IEnumerable<int> ChildrenOf(int pid)
    {
        try
        {
            return [.. Directory.GetDirectories($"/proc/{pid}/task").SelectMany(static task => File.ReadAllText(task + "/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Select(static text => int.Parse(text, CultureInfo.InvariantCulture))];
        }
        catch (IOException)
        {
            return []; // It has ended.
        }
    }

    private void KillSome(string victim, Session client)
    {
        var supervisors = victim == "client" ? [] : World.ProcessesWith("supervise");
        var programs = victim is "program" or "all" ? supervisors.SelectMany(ChildrenOf).ToList() : [];
        if (victim is "client" or "all") Kill(client.Pid);
        if (victim is "supervisor" or "all") foreach (var pid in supervisors) Kill(pid);
        foreach (var pid in programs) Kill(pid);
    }

    private void AssertNothingIsLeft(string when)
    {
        List<string> left = [];
        for (var i = 0; i < 200 && (left = Cleanliness.Leftovers(World)).Count > 0; i++) Thread.Sleep(10);
        Assert.That(left, Is.Empty, when);
    }

    [TestCase("client")]
    [TestCase("supervisor")]
    [TestCase("program")]
    [TestCase("all")]
    public void A_run_is_killed_at_any_moment(string victim)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var delay = TestContext.CurrentContext.Random.Next(150);
            var when = $"round {round}, {victim} killed after {delay} ms";
            using (var client = World.Start("run", "--rm", "--name", "crash", "-p", "8080:80", "-v", "/anonymous", "busybox", "sh", "-c", "sleep 0.05"))
            {
                Thread.Sleep(delay);
                KillSome(victim, client);
                client.Wait();
            }
            Assert.That(Run("ps", "-a").Code, Is.Zero, when);
            Run("rm", "-f", "-v", "crash");
            Assert.That(Run("run", "--rm", "--name", "crash", "-p", "8080:80", "busybox", "echo", "well"), Has.Property("Out").EqualTo("well\n"), when);
            AssertNothingIsLeft(when);
        }
    }

    [Test]
    public void A_detached_run_is_killed_at_any_moment()
    {
        for (var round = 0; round < Rounds; round++)
        {
            var delay = TestContext.CurrentContext.Random.Next(100);
            var when = $"round {round}, all killed after {delay} ms";
            using (var client = World.Start("run", "-d", "--name", "crash", "-p", "8080:80", "busybox", "sleep", "1000"))
            {
                Thread.Sleep(delay);
                KillSome("all", client);
                client.Wait();
            }
            Assert.That(Run("ps", "-a").Code, Is.Zero, when);
            // Without rm: the name may be taken, but only by a container that is listed.
            var again = Run("run", "--rm", "--name", "crash", "-p", "8080:80", "busybox", "echo", "well");
            var listed = Run("ps", "-a", "--format", "{{.Names}}").Lines;
            Assert.That(again.Out == "well\n" || (again.Code == 125 && listed.SequenceEqual(["crash"])), $"{when}: {again}");
            Run("rm", "-f", "-v", "crash");
            AssertNothingIsLeft(when);
        }
    }

    [Test]
    public void A_build_is_killed_at_any_moment()
    {
        World.File("context/Dockerfile", "FROM busybox\nARG R\nRUN echo $R > /one; sleep 0.05\nCOPY f /f\nRUN --mount=type=cache,target=/c cat /f > /two; cp /f /c/f; sleep 0.05\nFROM busybox\nCOPY --from=0 /one /two /\n");
        for (var round = 0; round < 50; round++)
        {
            // New steps in each round, so that a half-made layer or record of the killed build would show.
            World.File("context/f", $"f{round}\n");
            string[] build = ["build", "-t", "built", "--build-arg", $"R=r{round}", "context"];
            var delay = TestContext.CurrentContext.Random.Next(250);
            var when = $"round {round}, killed after {delay} ms";
            using (var client = World.Start(build))
            {
                Thread.Sleep(delay);
                Kill(client.Pid);
                client.Wait();
            }
            var again = Run(build);
            Assert.That(again.Code, Is.Zero, $"{when}: {again}");
            Assert.That(Run("run", "--rm", "--network", "none", "built", "cat", "/one", "/two").Out, Is.EqualTo($"r{round}\nf{round}\n"), when);
            AssertNothingIsLeft(when);
            if (round % 10 == 9) Assert.That(Run("system", "check"), Has.Property("Code").Zero, when);
        }
    }

    [Test]
    public void A_build_without_room_says_so_and_leaves_nothing_half_done()
    {
        World.Shell("head -c 20000000 /dev/urandom > context/big; echo small > context/small").Succeeded();
        World.File("context/run", "FROM busybox\nRUN echo first > /first\nRUN head -c 20000000 /dev/urandom > /big\n");
        World.File("context/copy", "FROM busybox\nRUN echo first > /first\nCOPY big /big\n");
        World.File("context/little", "FROM busybox\nRUN echo first > /first\nCOPY small /small\n");
        var outcome = World.Shell("""
            $C save -o base.tar busybox && mkdir -p full && mount -t tmpfs -o size=12m none full && export CRUN_SHARP_ROOT=$PWD/full
            $C load -q -i base.tar
            for f in run copy; do $C build --network none --progress plain -t out -f context/$f context; echo "$f $?"; done
            $C images --format '{{.Repository}}'; ls full/tmp | wc -l; $C system check > check; echo "check $?"
            $C build -q --network none -t out -f context/little context > id && $C run --rm --network none out cat /first /small
            umount full
            """);
        Assert.That(outcome.Lines[^7..], Is.EqualTo(new[] { "run 1", "copy 1", "busybox", "0", "check 0", "first", "small" }), outcome.ToString());
        Assert.That(outcome.Err.Split("No space left on device"), Has.Length.GreaterThan(2), outcome.Err);
    }

    [TestCase("import")]
    [TestCase("load")]
    public void An_image_that_is_read_is_killed_at_any_moment(string command)
    {
        DockerArchive.Write(World.Files + "/archive.tar", "taken", BusyboxImage.Write);
        string[] arguments = command == "load" ? ["load", "-i", "archive.tar"] : ["import", BusyboxImage.Archive, "taken"];
        for (var round = 0; round < 15; round++)
        {
            var delay = TestContext.CurrentContext.Random.Next(60);
            using (var client = World.Start(arguments))
            {
                Thread.Sleep(delay);
                Kill(client.Pid);
                client.Wait();
            }
            Assert.That(Run("images").Code, Is.Zero);
            Run(arguments).Succeeded();
            Assert.That(Run("run", "--rm", "--network", "none", "taken", "echo", "well").Out, Is.EqualTo("well\n"), $"killed after {delay} ms");
            Run("rmi", "taken").Succeeded();
            AssertNothingIsLeft($"killed after {delay} ms");
        }
    }

    [Test]
    public void A_command_that_writes_a_file_is_killed_at_any_moment()
    {
        var file = World.Files + "/saved/box.tar";
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        string[] save = ["save", "-o", file, "busybox"];
        Run(save).Succeeded();
        var whole = File.ReadAllBytes(file);
        for (var round = 0; round < Rounds; round++)
        {
            File.Delete(file);
            if (round % 2 == 0) File.WriteAllText(file, "old");
            var delay = TestContext.CurrentContext.Random.Next(60);
            var when = $"round {round}, killed after {delay} ms";
            using (var client = World.Start(save))
            {
                Thread.Sleep(delay);
                Kill(client.Pid);
                client.Wait();
            }
            Assert.That(Directory.GetFileSystemEntries(World.Files + "/saved"), Is.SubsetOf((string[])[file]), when);
            if (round % 2 == 0 || File.Exists(file)) Assert.That(File.ReadAllBytes(file), Is.EqualTo(whole).Or.EqualTo("old"u8.ToArray()), when);
        }
    }

    [Test]
    public void A_container_whose_supervisor_was_killed_can_be_worked_with()
    {
        Run("run", "-d", "--name", "orphan", "busybox", "sh", "-c", "echo early; trap 'exit 0' TERM; sleep 1000 & wait").Succeeded();
        World.Await(() => Run("logs", "orphan").Out == "early\n", "it has written");
        Kill(World.SupervisorOf(World.IdOf("orphan"))!.Value);
        Assert.Multiple(() =>
        {
            Assert.That(Run("ps", "--format", "{{.Status}}").Out, Does.StartWith("Up "));
            Assert.That(Run("logs", "orphan").Out, Is.EqualTo("early\n"));
            Assert.That(Run("exec", "orphan", "echo", "in").Out, Is.EqualTo("in\n"));
            Assert.That(Run("stop", "orphan").Code, Is.Zero);
            Assert.That(Run("ps", "-a", "--format", "{{.Status}}").Out, Does.StartWith("Exited (255) "));
            Assert.That(Run("start", "orphan").Code, Is.Zero);
            Assert.That(Run("ps", "--format", "{{.Status}}").Out, Does.StartWith("Up "));
        });
    }

    [Test]
    public void A_killed_client_leaves_its_container_running_and_its_output_kept()
    {
        using (var client = World.Start("run", "--name", "alone", "--network", "none", "busybox", "sh", "-c", "echo first; sleep 0.5; echo second; sleep 1000"))
        {
            client.Expect("first");
            Kill(client.Pid);
            client.Wait();
        }
        World.Await(() => Run("logs", "alone").Out == "first\nsecond\n", "the log goes on");
        Assert.That(Run("ps", "--format", "{{.Names}}").Out, Is.EqualTo("alone\n"));
    }

    [Test]
    public void A_killed_program_has_137_and_is_removed_as_asked()
    {
        using var client = World.Start("run", "--rm", "--name", "shot", "busybox", "sh", "-c", "echo up; sleep 1000");
        client.Expect("up");
        Kill(World.PidOf("shot"));
        Assert.That(client.Wait().Code, Is.EqualTo(137));
        Assert.That(Run("ps", "-aq").Out, Is.Empty);
    }
}
