using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups.Systemd;
using CrunSharp.Runtime.Defaults;

namespace CrunSharp.Runtime.Cgroups;

public sealed partial class ContainerCgroups
{
    // Their counters are what is shown of a container, and its own cgroups may need them.
    private static readonly string[] s_counted = ["cpuset", "cpu", "io", "memory", "pids", "hugetlb"];

    // As crun names it, which has one, "container", also where nobody asks for it.
    private const string Subgroup = "run.oci.systemd.subgroup";

    private ScopePlaceholder? _placeholder;

    /// <summary>Makes the cgroups of a container with its limits, before it has a process. Its devices are to be restricted next.</summary>
    /// <param name="place">Where; <see cref="Place"/> of what is made is to be kept.</param>
    /// <param name="resources">The limits.</param>
    /// <param name="annotations">
    /// The container's, of which systemd gets <c>org.systemd.property.*</c>; <c>run.oci.systemd.subgroup</c> names a cgroup below
    /// systemd's scope that is to be the container's.
    /// </param>
    /// <returns>
    /// The cgroups. With systemd they exist as long as they have a process: this must not be disposed before the
    /// container's first one is in them.
    /// </returns>
    /// <exception cref="CrunException">
    /// A cgroup is in use or frozen; a limit cannot be enforced on this host. What was made is removed.
    /// </exception>
    public static ContainerCgroups Create(CgroupPlace place, ResourcesSpec? resources, IReadOnlyDictionary<string, string>? annotations = null)
    {
        var host = CgroupHost.Find();
        var making = new Making(host);
        try
        {
            if (place.Driver == CgroupDriver.Disabled) return new ContainerCgroups(host, place with { IsMade = true }, null, []);
            var limits = resources ?? new ResourcesSpec();
            var (v1, v2) = host.Split(limits);
            var settings = host.RequireInV1(CgroupSettingsV1.From(v1));
            if (place.Driver == CgroupDriver.Systemd) place = making.StartScope(place, [.. settings, .. CgroupSettings.From(v2)], annotations);
            if (host.Unified is { } tree) making.AddUnified(tree, place, v2);
            foreach (var hierarchy in host.Hierarchies) making.Add(hierarchy, place, settings);
            return making.Result(place);
        }
        catch
        {
            making.Undo();
            host.Dispose();
            throw;
        }
    }

    /// <summary>Changes limits; those that are null stay as they are, and so do device rules.</summary>
    /// <exception cref="CrunException">A limit cannot be enforced on this host, or is below what is in use; none is changed.</exception>
    public void Update(ResourcesSpec resources)
    {
        if (!Exist) throw CrunException.Unsupported("the container has no cgroup", "update limits");
        var (v1, v2) = _host.Split(resources);
        var settings = _host.RequireInV1(CgroupSettingsV1.From(v1));
        if (v1.Memory is { CheckBeforeUpdate: true, Limit: > 0 and { } limit } && With("memory")?.Counter("memory.usage_in_bytes") is { } used && used > limit)
            throw CgroupDirectory.BelowUse(limit, used);
        using var changes = new SettingChanges(canUndo: true);
        // Before the files: what systemd writes is what it knows, and that is less.
        if (Place.Unit is { } unit) SystemdScope.Update(unit, SystemdProperties.From([.. settings, .. CgroupSettings.From(v2, file => _unified?.TryRead(file))]));
        _unified?.Update(v2, changes);
        foreach (var cgroup in _others) changes.Write(cgroup.Directory, Place.Path, Those(settings, cgroup.Hierarchy));
        changes.Keep();
    }

    /// <summary>
    /// Puts device rules in force, with the default ones behind them. The kernel takes some tenths of a millisecond for
    /// it, while which the container's process can make its mounts, and no longer: what it does next may open devices.
    /// </summary>
    /// <param name="rules">The rules, later ones win; null for the default ones alone.</param>
    /// <exception cref="CrunException">A rule cannot be understood, or not be enforced on this host.</exception>
    public void RestrictDevices(IReadOnlyList<DeviceRule>? rules)
    {
        // As the specification's own, which begin with refusing everything.
        List<DeviceRule> all = [.. rules ?? [], .. DefaultDevices.Allowed];
        try
        {
            if (With("devices") is { } devices) DeviceListV1.Apply(devices, all);
            else if (_unified is not null) DeviceFilter.Apply(_unified, all);
        }
        catch (CrunException error) when (error.Errno is Errno.EPERM or Errno.EACCES && IsInUserNamespace())
        {
            // Who has no power over devices has none to give away.
        }
    }

    // All ids of a host are its own.
    private static bool IsInUserNamespace() =>
        KernelFile.TryRead(null, "/proc/self/uid_map")?.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is not ["0", "0", "4294967295"];

    private static List<CgroupSetting> Those(List<CgroupSetting> settings, CgroupHierarchy hierarchy) =>
        settings.FindAll(setting => hierarchy.Has(setting.Controller));

    /// <summary>What was made so far.</summary>
    private sealed class Making(CgroupHost host)
    {
        private readonly List<string> _directories = [];
        private readonly List<CgroupV1> _others = [];
        private Cgroup? _unified;
        private ScopePlaceholder? _placeholder;
        private string? _unit;

        public CgroupPlace StartScope(CgroupPlace place, IReadOnlyList<CgroupSetting> settings, IReadOnlyDictionary<string, string>? annotations)
        {
            var properties = SystemdProperties.From(settings);
            properties.AddRange(SystemdProperties.FromAnnotations(annotations));
            _placeholder = ScopePlaceholder.Start();
            place = SystemdScope.Start(place, _placeholder.Pid, properties);
            _unit = place.Unit;
            return annotations?.GetValueOrDefault(Subgroup) is { Length: > 0 } name ? Divide(place, name) : place;
        }

        private CgroupPlace Divide(CgroupPlace scope, string name)
        {
            var place = scope with { Path = $"{scope.Path}/{string.Join('/', CgroupPath.Split(name))}" };
            if (host.Unified is not { } tree) return place;
            using var below = tree.Create(place.Path, null, [], _directories);
            // One that has processes itself gives those below it no controllers.
            below.Add(_placeholder!.Pid);
            below.EnableAbove([], s_counted);
            return place;
        }

        public void AddUnified(CgroupV2 tree, CgroupPlace place, ResourcesSpec resources)
        {
            if (_unit is not null && tree.TryOpen(place.Path) is { } scope)
            {
                _unified = scope;
                using var changes = new SettingChanges(canUndo: false);
                scope.Update(resources, changes);
                return;
            }
            try
            {
                _unified = tree.Create(place.Path, resources, s_counted, _directories);
            }
            catch (CrunException error) when (IsForbidden(error) && IsUnlimited(CgroupSettings.From(resources)))
            {
                // Nothing was asked for.
            }
        }

        public void Add(CgroupHierarchy hierarchy, CgroupPlace place, List<CgroupSetting> settings)
        {
            var own = Those(settings, hierarchy);
            var scope = _unit is null ? null : CgroupV1.TryOpen(hierarchy, place.Path);
            try
            {
                _others.Add(scope ?? CgroupV1.Create(hierarchy, place.Path, _directories));
            }
            catch (CrunException error) when (IsForbidden(error) && IsUnlimited(own))
            {
                return;
            }
            using var changes = new SettingChanges(canUndo: false);
            changes.Write(_others[^1].Directory, place.Path, own);
        }

        public ContainerCgroups Result(CgroupPlace place)
        {
            var above = _directories.FindAll(path => path != _unified?.HostPath && !_others.Exists(cgroup => cgroup.HostPath == path));
            return new ContainerCgroups(host, place with { Above = above, IsMade = true }, _unified, _others) { _placeholder = _placeholder };
        }

        public void Undo()
        {
            _placeholder?.Dispose();
            _unified?.Dispose();
            foreach (var cgroup in _others) cgroup.Dispose();
            if (_unit is not null) SystemdScope.Stop(_unit);
            CgroupV2.RemoveMade(_directories);
        }

        private static bool IsUnlimited(IReadOnlyList<CgroupSetting> settings)
        {
            foreach (var setting in settings)
            {
                if (!setting.IsUnlimited) return false;
            }
            return true;
        }

        private static bool IsForbidden(CrunException error) => error.Errno is Errno.EACCES or Errno.EPERM or Errno.EROFS;
    }
}
