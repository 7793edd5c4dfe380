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
        World.File("context/f", "f\n");
        World.File("context/Dockerfile", "FROM busybox\nRUN echo one > /one; sleep 0.05\nCOPY f /f\nRUN cat /f > /two; sleep 0.05\nFROM busybox\nCOPY --from=0 /two /three\n");
        for (var round = 0; round < 10; round++)
        {
            var delay = TestContext.CurrentContext.Random.Next(300);
            var when = $"round {round}, killed after {delay} ms";
            using (var client = World.Start("build", "--no-cache", "-t", "built", "context"))
            {
                Thread.Sleep(delay);
                Kill(client.Pid);
                client.Wait();
            }
            Assert.That(Run("ps", "-a").Code, Is.Zero, when);
            Assert.That(Run("images").Code, Is.Zero, when);
            var again = Run("build", "-t", "built", "context");
            Assert.That(again.Code, Is.Zero, $"{when}: {again}");
            Assert.That(Run("run", "--rm", "--network", "none", "built", "cat", "/three").Out, Is.EqualTo("f\n"), when);
            AssertNothingIsLeft(when);
        }
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
