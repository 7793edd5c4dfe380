using System.Globalization;
using CrunSharp.Kernel.Files;

namespace CrunSharp.NativeTests.Harness;

/// <summary>
/// A host for the engine: directories of its own on a real disk, a network and cgroups of its own, an image store with
/// busybox. Nothing of the machine's user is touched; the rest of the machine's files can be read only.
/// </summary>
public sealed class World : IDisposable
{
    private readonly FileLock _held;
    private readonly CgroupFolder _cgroup;
    private Machine? _outside;

    public World()
    {
        _held = Leftovers.MakeDirectory(out var directory);
        Directory = directory;
        System.IO.Directory.CreateDirectory(Files);
        _cgroup = new CgroupFolder(Path.GetFileName(Directory));
        Host = new Machine(Directory, _cgroup.Path);
    }

    /// <summary>The directory of this project's files.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>The program under test.</summary>
    public static string Binary { get; } = FindBinary();

    /// <summary>Where the programs under test are.</summary>
    public static string Artifacts => Path.GetDirectoryName(Binary)!;

    /// <summary>All that is this world's lies here.</summary>
    public string Directory { get; }

    /// <summary>The engine's store.</summary>
    public string Root => Directory + "/root";

    /// <summary>The engine's locks and sockets.</summary>
    public string RunRoot => Directory + "/run";

    /// <summary>For what tests make: contexts, bind sources.</summary>
    public string Files => Directory + "/files";

    /// <summary>The host on which the engine runs.</summary>
    public Machine Host { get; }

    /// <summary>A second host, 192.0.2.2, on a wire to the first, which is 192.0.2.1 there.</summary>
    public Machine Outside => _outside ??= MakeOutside();

    /// <summary>Imports a root file system with busybox as <c>busybox</c>.</summary>
    public void ImportBusybox() => Import("busybox", BusyboxImage.Archive, "-c", "CMD [\"sh\"]");

    /// <summary>Imports a tar as an image.</summary>
    public Outcome Import(string name, string archive, params string[] options) => Run(["import", .. options, archive, name]).Succeeded();

    /// <summary>Runs the program to its end.</summary>
    public Outcome Run(params string[] arguments) => RunWith(null, arguments);

    /// <summary>Runs the program to its end with this input; null for none.</summary>
    public Outcome RunWith(string? input, params string[] arguments)
    {
        using var session = Start(arguments);
        if (input is not null) session.Write(input);
        session.EndInput();
        return session.Wait();
    }

    /// <summary>Starts the program.</summary>
    public Session Start(params string[] arguments) => StartWith(new Dictionary<string, string>(), arguments);

    /// <summary>Starts the program with further variables in its environment.</summary>
    public Session StartWith(IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        Host.Start(Binary, arguments, info =>
        {
            SetDirectories(info.Environment);
            foreach (var (name, value) in environment) info.Environment[name] = value;
        }, directory: Files);

    /// <summary>Runs a shell script on the host, in which <c>$C</c> is the program.</summary>
    public Outcome Shell(string script)
    {
        using var session = StartShell(script);
        session.EndInput();
        return session.Wait(120_000);
    }

    /// <summary>Starts a shell script on the host, in which <c>$C</c> is the program.</summary>
    public Session StartShell(string script, bool collects = true) => Host.Start("bash", ["-c", script], info =>
    {
        SetDirectories(info.Environment);
        info.Environment["C"] = Binary;
    }, collects, Files);

    /// <summary>Runs a command of the program on a terminal of this size; what is typed comes through the session.</summary>
    public Session StartOnTerminal(int rows, int columns, string command) => Host.Start(
        "script", ["-qec", $"stty rows {rows} cols {columns}; {command}", "/dev/null"], info =>
        {
            SetDirectories(info.Environment);
            info.Environment["C"] = Binary;
            info.Environment["TERM"] = "xterm";
        }, directory: Files);

    /// <summary>Whether a process is of the tests themselves.</summary>
    internal bool IsKeeper(int pid) => pid == Environment.ProcessId || pid == Host.Pid || pid == _outside?.Pid || Host.Daemons.Contains(pid);

    /// <summary>The cgroups of containers that there are.</summary>
    public IReadOnlyList<string> Cgroups => _cgroup.Children;

    /// <summary>Writes a file for a test; its path.</summary>
    public string File(string name, string content)
    {
        var path = $"{Files}/{name}";
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllText(path, content);
        return path;
    }

    /// <summary>The id of a container.</summary>
    public string IdOf(string name) => Inspect(name, "{{.Id}}");

    /// <summary>The first process of a running container.</summary>
    public int PidOf(string name) => int.Parse(Inspect(name, "{{.State.Pid}}"), CultureInfo.InvariantCulture);

    /// <summary>What is known of a container or an image, through a template.</summary>
    public string Inspect(string name, string format) => Run("inspect", "-f", format, name).Succeeded().Line;

    /// <summary>The supervisor of a container; null when it has none.</summary>
    public int? SupervisorOf(string id)
    {
        var status = System.IO.File.ReadAllLines($"/proc/{PidOf(id)}/status");
        var parent = int.Parse(Array.Find(status, static line => line.StartsWith("PPid:", StringComparison.Ordinal))!["PPid:".Length..], CultureInfo.InvariantCulture);
        return ProcessesWith("supervise").Contains(parent) ? parent : null;
    }

    /// <summary>The processes in whose command line is this world's directory and a text.</summary>
    public IReadOnlyList<int> ProcessesWith(string text) => Cleanliness.ProcessesOf(Directory, text);

    /// <summary>Waits until something holds.</summary>
    public static void Await(Func<bool> condition, string what, int milliseconds = 10_000)
    {
        for (var until = Environment.TickCount64 + milliseconds; !condition();)
        {
            if (Environment.TickCount64 > until) Assert.Fail($"after {milliseconds / 1000} s still not: {what}");
            Thread.Sleep(10);
        }
    }

    public void Dispose()
    {
        _outside?.Dispose();
        Host.Dispose();
        try
        {
            _cgroup.Dispose();
        }
        finally
        {
            FileAt.RemoveTree(null, Directory);
            _held.Dispose();
        }
    }

    private void SetDirectories(IDictionary<string, string?> environment)
    {
        environment["CRUN_SHARP_ROOT"] = Root;
        environment["CRUN_SHARP_RUN_ROOT"] = RunRoot;
    }

    private Machine MakeOutside()
    {
        var outside = new Machine(Directory);
        Host.Tool("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", $"{outside.Pid}");
        Host.Tool("ip", "addr", "add", "192.0.2.1/24", "dev", "up0");
        Host.Tool("ip", "link", "set", "up0", "up");
        outside.Tool("ip", "addr", "add", "192.0.2.2/24", "dev", "eth0");
        outside.Tool("ip", "link", "set", "eth0", "up");
        return outside;
    }

    private static string FindRepository()
    {
        for (var at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (System.IO.File.Exists($"{at}/Runtime.sln")) return at;
        }
        throw new InvalidOperationException("the tests run where they were built, below Runtime.sln");
    }

    private static string FindBinary()
    {
        if (Environment.GetEnvironmentVariable("CRUN_SHARP") is { Length: > 0 } named) return named;
        return Repository + "/artifacts/crun-sharp";
    }
}
