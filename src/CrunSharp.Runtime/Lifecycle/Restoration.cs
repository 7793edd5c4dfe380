using System.Globalization;
using System.Text;
using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups;
using CrunSharp.Runtime.Criu;
using CrunSharp.Runtime.Init;
using CrunSharp.Runtime.Rootfs;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Runtime.Lifecycle;

/// <summary>How a container is made of images.</summary>
public sealed record RestoreOptions : CriuOptions
{
    /// <summary>The container's id.</summary>
    public required string Id { get; init; }

    /// <summary>A socket that gets the terminal; null when the container has none, or this process wants it.</summary>
    public string? ConsoleSocket { get; init; }

    /// <summary>A file that gets the number of the first process; null for none.</summary>
    public string? PidFile { get; init; }

    /// <summary>An AppArmor profile or SELinux label instead of the images' one, such as <c>apparmor:NAME</c>; null for none.</summary>
    public string? SecurityProfile { get; init; }

    /// <summary>A SELinux context of mounts instead of the images' one; null for none.</summary>
    public string? MountContext { get; init; }

    /// <summary>What the processes have instead of the streams that led out of the container; null for what this one has.</summary>
    public ProcessStreams? Streams { get; init; }

    /// <summary>Who makes its cgroups.</summary>
    public CgroupDriver CgroupDriver { get; init; }
}

/// <summary>Makes a container whose processes go on where a <see cref="Checkpoint"/> has left them.</summary>
public sealed class Restoration : IDisposable
{
    private const string Operation = "restore";
    private const string LogName = "restore.log";
    private const string RootName = "criu-root";

    private Restoration(RuntimeContainer container, PidHandle process, SafeFileHandle? terminal) =>
        (Container, Process, Terminal) = (container, process, terminal);

    /// <summary>The container.</summary>
    public RuntimeContainer Container { get; }

    /// <summary>Its first process, a child of this one.</summary>
    public PidHandle Process { get; }

    /// <summary>Its terminal, when no console socket got it.</summary>
    /// <value>Null when it has none.</value>
    public SafeFileHandle? Terminal { get; }

    /// <summary>Makes a container of a bundle and images.</summary>
    /// <exception cref="CrunException">It cannot be; nothing is left of it.</exception>
    public static Restoration Run(RuntimeStore store, Bundle bundle, RestoreOptions options, TimeProvider time)
    {
        var program = CriuProgram.Find(Operation);
        CriuNamespaces.Check(bundle.Spec, Operation);
        using var directories = CriuDirectories.Open(options, make: false, LogName);
        var container = store.Add(options.Id);
        FileLock? held = null;
        try
        {
            held = container.Lock();
            return new Attempt(container, bundle, options, directories).Run(program, time);
        }
        catch (Exception error)
        {
            container.Remove(runHooks: false);
            container.Dispose();
            if (error is CrunException known) throw known.Within(Operation);
            throw;
        }
        finally
        {
            held?.Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Terminal?.Dispose();
        Process.Dispose();
        Container.Dispose();
    }

    private sealed class Attempt(RuntimeContainer container, Bundle bundle, RestoreOptions options, CriuDirectories directories)
    {
        private readonly RuntimeSpec _spec = bundle.Spec;
        private readonly List<SafeFileHandle> _namespaces = [];
        private readonly List<string> _keys = [];
        private ContainerRecord _record = null!;
        private PidHandle? _process;
        private SafeFileHandle? _terminal;

        public Restoration Run(string program, TimeProvider time)
        {
            try
            {
                var names = StreamNames.Read(directories.Images);
                _record = RecordOf(time);
                AtomicFile.Write(container.Directory, Bundle.ConfigName, bundle.Json);
                container.Keep(_spec);
                container.Write(_record);
                CriuNamespaces.Open(_spec, _namespaces, _keys);
                using var root = RootDirectory.Open(_spec, _record.Rootfs);
                if (options.CgroupMode == CriuCgroupMode.Strict) RequireNoCgroups();
                using var cgroups = ContainerCgroups.Create(_record.Cgroups, _spec.Linux?.Resources, _spec.Annotations);
                cgroups.RestrictDevices(_spec.Linux?.Resources?.Devices);
                using var entry = cgroups.Enter();
                // What was made is known from here on, whatever happens next.
                container.Write(_record = _record with { Cgroups = cgroups.Place });
                var map = MakeMountPoints(root, entry, cgroups);
                FileAt.MakeDirectory(container.Directory, RootName);
                Restore(program, root, map, entry, cgroups, names);
                FileAt.Remove(container.Directory, RootName, isDirectory: true);
                if (options.PidFile is { } file)
                    AtomicFile.Write(null, file, Encoding.ASCII.GetBytes(_record.Pid.ToString(CultureInfo.InvariantCulture)), mode: 0x1a4);
                return new Restoration(container, _process!, _terminal);
            }
            catch
            {
                _terminal?.Dispose();
                if (_process is not null)
                {
                    RuntimeContainer.End(_process);
                    _process.Reap();
                    _process.Dispose();
                }
                throw;
            }
            finally
            {
                foreach (var file in _namespaces) file.Dispose();
            }
        }

        private ContainerRecord RecordOf(TimeProvider time) => new()
        {
            Id = options.Id,
            Bundle = bundle.Path,
            Rootfs = bundle.Rootfs,
            Created = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff00'Z'", CultureInfo.InvariantCulture),
            BootId = RuntimeContainer.ReadBootId(),
            Cgroups = CgroupPlace.Of(options.CgroupDriver, _spec.Linux?.CgroupsPath, options.Id),
            Annotations = _spec.Annotations,
            Descriptors = StreamNames.Of(options.Streams?.Input, options.Streams?.Output, options.Streams?.Error),
        };

        // criu would find those that we make.
        private void RequireNoCgroups()
        {
            using var present = ContainerCgroups.Open(_record.Cgroups with { IsMade = true });
            if (present.Exist) throw CrunException.Exists($"the container's cgroup {_record.Cgroups.Path} is there already");
        }

        // The root file system may be a new one. What is prepared beside the places is let go. The container's ids.
        private IdentityMap? MakeMountPoints(SafeFileHandle root, CgroupEntry entry, ContainerCgroups cgroups)
        {
            var launch = new LaunchOptions { Cgroup = entry.Directory, CgroupDirectories = cgroups.Directories, Bundle = bundle.Path };
            try
            {
                var namespaces = ContainerNamespaces.Open(_spec.Linux ?? new LinuxSpec(), launch.Owned);
                var spec = _spec with { Process = _spec.Process is { } process ? process with { Terminal = false } : null };
                ContainerRootfs.Prepare(spec, root, launch, namespaces).Dispose();
                StandardFiles.GiveTo(_spec.Process?.User, namespaces.Map, options.Streams?.Input, options.Streams?.Output, options.Streams?.Error);
                return namespaces.Map;
            }
            finally
            {
                foreach (var file in launch.Owned) file.Dispose();
            }
        }

        private void Restore(string program, SafeFileHandle root, IdentityMap? map, CgroupEntry entry, ContainerCgroups cgroups, IReadOnlyList<string> names)
        {
            var rootPath = $"{container.Path}/{RootName}";
            using var face = FileAt.OpenDirectory(rootPath);
            using var images = map is null ? null : directories.TryOpenForAll(face);
            using var session = CriuSession.Start(program, new CriuStart
            {
                Cgroups = entry,
                Root = root,
                RootPath = rootPath,
                // In a user namespace criu could not make a mount writable that runc's images have so; where the host's root
                // user is nobody, nothing needs protection.
                ProtectsMasks = map?.HasHostRoot != false,
                Streams = options.Streams,
                Folders = directories.Paths,
                FirstFolder = images,
                Further = _namespaces,
                SharesTerminal = options.ShellJob,
            });
            var request = directories.Begin(options.CgroupMode == CriuCgroupMode.Strict ? options with { CgroupMode = CriuCgroupMode.Full } : options, _spec.Annotations, session.Folders)
                .Flag(6, true).Text(13, rootPath).Flag(26, true).Text(53, options.SecurityProfile).Text(63, options.MountContext);
            CriuMounts.AddForRestore(request, _spec, bundle.Path, cgroups.Directories);
            CriuNamespaces.AddForRestore(request, _spec);
            for (var i = 0; i < names.Count; i++)
            {
                if (StreamNames.IsOutside(names[i])) CriuRequest.AddFile(request, names[i], session.FirstStream + i);
            }
            for (var i = 0; i < _keys.Count; i++) CriuRequest.AddFile(request, _keys[i], session.FirstFurther + i);
            // criu is in the container's cgroups: what the images have is below them.
            foreach (var line in KernelFile.Read(null, session.Process.PathOf("cgroup")).Split('\n'))
            {
                if (line.Split(':', 3) is [_, var controllers, var path]) CriuRequest.AddCgroup(request, controllers, path);
            }
            session.Ask(CriuRequest.Of(CriuRequestType.Restore, request), Notified, directories.Log);
            if (_process is null) throw new CrunException(ErrorKind.System, "criu does not tell the process that it has made");
        }

        private void Notified(CriuAnswer answer, SafeFileHandle? file)
        {
            switch (answer.Point)
            {
                case "setup-namespaces":
                    Take(answer.Pid);
                    var state = container.StateAs(RuntimeStatus.Created, answer.Pid).ToJson();
                    Hooks.Run(_spec.Hooks?.Prestart, "prestart", state, container.Bundle, container.HookFiles);
                    Hooks.Run(_spec.Hooks?.CreateRuntime, "createRuntime", state, container.Bundle, container.HookFiles);
                    break;
                case "orphan-pts-master" when file is not null:
                    HandTerminalOver(file);
                    break;
                case "post-restore":
                    Take(answer.Pid);
                    break;
            }
        }

        // It is on disk before it does anything.
        private void Take(int pid)
        {
            if (_process?.Pid == pid) return;
            _process = PidHandle.TryOpen(pid) ?? throw new CrunException(ErrorKind.System, $"process {pid} has ended while it was restored");
            container.Write(_record = _record with { Pid = pid, StartTime = PidHandle.StartTimeOf(pid) });
        }

        private void HandTerminalOver(SafeFileHandle master)
        {
            if (_spec.Process?.Terminal != true) return;
            if (options.ConsoleSocket is { } socket) Creation.Send(socket, "/dev/pts/ptmx"u8, master, "hand the terminal over");
            else _terminal = FileDescriptor.Duplicate(master);
        }
    }
}
