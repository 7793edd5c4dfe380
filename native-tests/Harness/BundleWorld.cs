using System.Diagnostics;
using System.Text.Json.Nodes;
using CrunSharp.Kernel.Files;

namespace CrunSharp.NativeTests.Harness;

/// <summary>
/// Bundles and an OCI runtime: ours, or the one that <c>RUNTIME</c> names, such as <c>runc</c>, which proves the tests.
/// </summary>
public sealed class BundleWorld : IDisposable
{
    private readonly World _world = new();
    private int _bundles;

    public BundleWorld()
    {
        Runtime = Environment.GetEnvironmentVariable("RUNTIME") ?? "";
        IsOurs = Runtime.Length == 0;
        if (IsOurs)
        {
            Runtime = Files + "/runc";
            System.IO.File.Copy(Harness.World.Binary, Runtime);
        }
        System.IO.Directory.CreateDirectory(Rootfs);
        Shell($"tar -xf {BusyboxImage.Archive} -C {Rootfs}").Succeeded();
        foreach (var name in (string[])["proc", "sys", "dev"]) System.IO.Directory.CreateDirectory($"{Rootfs}/{name}");
    }

    /// <summary>The runtime's program.</summary>
    public string Runtime { get; }

    /// <summary>Whether it is ours.</summary>
    public bool IsOurs { get; }

    /// <summary>Whether it is crun.</summary>
    public bool IsCrun => Runtime.EndsWith("/crun", StringComparison.Ordinal);

    /// <summary>All that is this world's lies here.</summary>
    public string Directory => _world.Directory;

    /// <summary>Where tests put what they make.</summary>
    public string Files => _world.Files;

    /// <summary>Where the runtime keeps its state.</summary>
    public string State => _world.Directory + "/state";

    /// <summary>The root file system that bundles share.</summary>
    public string Rootfs => _world.Files + "/rootfs";

    /// <summary>The world in which all of it is.</summary>
    public World World => _world;

    /// <summary>The host.</summary>
    public Machine Host => _world.Host;

    /// <summary>The names of cgroups that engines keep.</summary>
    public HashSet<string> EngineCgroups { get; } = ["libpod_parent"];

    /// <summary>The cgroups of containers that there are.</summary>
    public IReadOnlyList<string> Cgroups => _world.Cgroups;

    /// <summary>A directory with programs that are used before all others; null for none.</summary>
    public string? Programs { get; set; }

    /// <summary>Makes a bundle whose process runs a shell script; its directory.</summary>
    public string Bundle(string script, Action<JsonObject>? edit = null)
    {
        var path = $"{Files}/bundle{++_bundles}";
        System.IO.Directory.CreateDirectory(path);
        var config = Config(script);
        edit?.Invoke(config);
        System.IO.File.WriteAllText(path + "/config.json", config.ToJsonString());
        return path;
    }

    /// <summary>Runs the runtime to its end.</summary>
    public Outcome Run(params string[] arguments)
    {
        using var session = Start(arguments);
        session.EndInput();
        return session.Wait();
    }

    /// <summary>Starts the runtime.</summary>
    public Session Start(params string[] arguments) => Host.Start(Runtime, ["--root", State, .. arguments], SetPath, directory: Files);

    /// <summary>Runs a shell script on the host, in which <c>$R</c> is the runtime with its root.</summary>
    public Outcome Shell(string script)
    {
        using var session = StartShell(script);
        session.EndInput();
        return session.Wait(120_000);
    }

    /// <summary>Starts a shell script on the host.</summary>
    public Session StartShell(string script, Action<ProcessStartInfo>? prepare = null) => Host.Start("bash", ["-c", script], info =>
    {
        info.Environment["R"] = $"{Runtime} --root {State}";
        SetPath(info);
        prepare?.Invoke(info);
    }, directory: Files);

    /// <summary>Writes a file for a test; its path.</summary>
    public string File(string name, string content) => _world.File(name, content);

    /// <summary>A container's state.</summary>
    public JsonObject StateOf(string id) => JsonNode.Parse(Run("state", id).Succeeded().Out)!.AsObject();

    /// <summary>The status in a container's state.</summary>
    public string StatusOf(string id) => StateOf(id)["status"]!.GetValue<string>();

    /// <summary>Waits until a container has a status.</summary>
    public void Await(string id, string status) => Harness.World.Await(() => StatusOf(id) == status, $"{id} is {status}");

    /// <summary>What a test left: containers are removed, all else is told.</summary>
    public List<string> Leftovers()
    {
        if (System.IO.Directory.Exists(State))
        {
            foreach (var id in System.IO.Directory.GetDirectories(State).Where(static path => !path.EndsWith("/~filters", StringComparison.Ordinal))) Run("delete", "--force", Path.GetFileName(id));
        }
        var left = new List<string>();
        if (System.IO.Directory.Exists(State)) left.AddRange(System.IO.Directory.GetFileSystemEntries(State).Where(static path => !path.EndsWith("/~filters", StringComparison.Ordinal)));
        left.AddRange(Cgroups.Where(path => !EngineCgroups.Contains(Path.GetFileName(path))));
        Cleanliness.Processes(_world, left);
        return left;
    }

    public void Dispose()
    {
        _world.Dispose();
        FileAt.RemoveTree(null, _world.Directory);
    }

    private void SetPath(ProcessStartInfo info)
    {
        if (Programs is not null) info.Environment["PATH"] = $"{Programs}:{info.Environment["PATH"]}";
    }

    private static JsonObject Mount(string destination, string type, params string[] options) => new()
    {
        ["destination"] = destination,
        ["type"] = type,
        ["source"] = type,
        ["options"] = new JsonArray([.. options.Select(static option => (JsonNode)option)]),
    };

    private JsonObject Config(string script)
    {
        string[] capabilities = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_MKNOD", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID", "CAP_SYS_CHROOT"];
        JsonArray Capabilities() => new([.. capabilities.Select(static name => (JsonNode)name)]);
        return new JsonObject
        {
            ["ociVersion"] = "1.0.2",
            ["root"] = new JsonObject { ["path"] = Rootfs },
            ["hostname"] = "bundle",
            ["process"] = new JsonObject
            {
                ["args"] = new JsonArray("sh", "-c", script),
                ["env"] = new JsonArray("PATH=/bin:/usr/bin", "MARK=1"),
                ["cwd"] = "/",
                ["user"] = new JsonObject { ["uid"] = 0, ["gid"] = 0 },
                ["capabilities"] = new JsonObject { ["bounding"] = Capabilities(), ["effective"] = Capabilities(), ["permitted"] = Capabilities() },
                ["noNewPrivileges"] = true,
            },
            ["mounts"] = new JsonArray(
                Mount("/proc", "proc", "nosuid", "noexec", "nodev"),
                Mount("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
                Mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
                Mount("/dev/shm", "tmpfs", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
                Mount("/sys", "sysfs", "nosuid", "noexec", "nodev", "ro")),
            ["linux"] = new JsonObject
            {
                ["namespaces"] = new JsonArray([.. new[] { "pid", "network", "ipc", "uts", "mount", "cgroup" }.Select(static type => (JsonNode)new JsonObject { ["type"] = type })]),
                ["maskedPaths"] = new JsonArray("/proc/kcore", "/proc/acpi"),
                ["readonlyPaths"] = new JsonArray("/proc/sys", "/proc/bus"),
            },
        };
    }
}
