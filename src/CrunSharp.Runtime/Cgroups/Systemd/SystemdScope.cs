using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Runtime.Cgroups.Systemd;

/// <summary>Scopes: systemd's name for a cgroup around processes that it did not start.</summary>
/// <seealso href="https://systemd.io/CONTROL_GROUP_INTERFACE"/>
internal static class SystemdScope
{
    private const string Name = "org.freedesktop.systemd1";
    private const string Path = "/org/freedesktop/systemd1";
    private const string Manager = "org.freedesktop.systemd1.Manager";

    /// <summary>Starts a scope around a process.</summary>
    /// <param name="place">Its name and its slice.</param>
    /// <param name="pid">The process.</param>
    /// <param name="properties">Limits and what else is asked for.</param>
    /// <returns>The place, with the path that systemd has given it.</returns>
    /// <exception cref="CrunException">There is no systemd; or it refuses.</exception>
    public static CgroupPlace Start(CgroupPlace place, int pid, IReadOnlyList<(string Name, DBusValue Value)> properties)
    {
        List<(string, DBusValue)> all =
        [
            ("Description", DBusValue.Of($"crun-sharp container {place.Unit}")),
            ("Slice", DBusValue.Of(place.Slice!)),
            ("Delegate", DBusValue.Of(true)),
            ("DefaultDependencies", DBusValue.Of(false)),
            ("CollectMode", DBusValue.Of("inactive-or-failed")),
            ("CPUAccounting", DBusValue.Of(true)),
            ("MemoryAccounting", DBusValue.Of(true)),
            ("TasksAccounting", DBusValue.Of(true)),
            ("IOAccounting", DBusValue.Of(true)),
            ("PIDs", DBusValue.OfNumbers((uint)pid)),
            .. properties,
        ];
        using var systemd = Connect();
        systemd.Subscribe(Path, Manager);
        systemd.Call(Path, Manager, "Subscribe", "", null);
        Run(systemd, "StartTransientUnit", "ssa(sv)a(sa(sv))", writer =>
        {
            writer.String(place.Unit!);
            writer.String("fail");
            Write(writer, all);
            writer.Array(8, static _ => { });
        });
        return PathOf(systemd, place.Unit!) is { Length: > 0 } path ? place with { Path = path } : place;
    }

    /// <summary>Changes limits until the scope ends.</summary>
    /// <exception cref="CrunException">There is no systemd or no such scope; or it refuses.</exception>
    public static void Update(string unit, IReadOnlyList<(string Name, DBusValue Value)> properties)
    {
        if (properties.Count == 0) return;
        using var systemd = Connect();
        systemd.Call(Path, Manager, "SetUnitProperties", "sba(sv)", writer =>
        {
            writer.String(unit);
            writer.Boolean(true);
            Write(writer, properties);
        });
    }

    /// <summary>Ends a scope; false when there is none (any more), as usual once its last process has ended.</summary>
    /// <exception cref="CrunException">systemd refuses.</exception>
    public static bool Stop(string unit)
    {
        using var systemd = TryConnect();
        if (systemd is null) return false;
        systemd.Subscribe(Path, Manager);
        try
        {
            systemd.Call(Path, Manager, "Subscribe", "", null);
            Run(systemd, "StopUnit", "ss", writer =>
            {
                writer.String(unit);
                writer.String("replace");
            });
            return true;
        }
        catch (CrunException error) when (error.Kind == ErrorKind.NotFound)
        {
            return false;
        }
    }

    private static DBusConnection Connect() => TryConnect()
        ?? throw CrunException.Unsupported("systemd is not running on this host: use --cgroup-manager=cgroupfs", "manage cgroups by systemd");

    private static DBusConnection? TryConnect()
    {
        var uid = OpenFile.CreationOwner.Uid;
        if (uid == 0)
        {
            // systemd's own socket; where that is out of reach (another mount namespace), the bus.
            return DBusConnection.TryConnect("/run/systemd", "private", null, uid)
                ?? DBusConnection.TryConnect("/run/dbus", "system_bus_socket", Name, uid);
        }
        var runtime = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
        return string.IsNullOrEmpty(runtime) ? null
            : DBusConnection.TryConnect(runtime + "/systemd", "private", null, uid) ?? DBusConnection.TryConnect(runtime, "bus", Name, uid);
    }

    // A method that starts a job, and the job's end.
    private static void Run(DBusConnection systemd, string member, string signature, Action<DBusWriter> arguments)
    {
        var job = systemd.Call(Path, Manager, member, signature, arguments).TextOf(0)
            ?? throw CrunException.Integrity("systemd does not name the job", $"ask systemd to {member}");
        // JobRemoved: id, job, unit, result
        if (systemd.WaitFor("JobRemoved", 1, job).TextOf(3) is not "done" and var result)
            throw new CrunException(ErrorKind.System, $"the job ended as \"{result}\"", $"ask systemd to {member}");
    }

    private static string? PathOf(DBusConnection systemd, string unit)
    {
        var path = systemd.Call(Path, Manager, "GetUnit", "s", writer => writer.String(unit)).TextOf(0);
        return path is null ? null : systemd.Call(path, "org.freedesktop.DBus.Properties", "Get", "ss", writer =>
        {
            writer.String(Name + ".Scope");
            writer.String("ControlGroup");
        }).TextOf(0);
    }

    private static void Write(DBusWriter writer, IReadOnlyList<(string Name, DBusValue Value)> properties) => writer.Array(8, items =>
    {
        foreach (var (name, value) in properties)
        {
            items.Align(8);
            items.String(name);
            items.Variant(value);
        }
    });
}
