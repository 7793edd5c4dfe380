using CrunSharp.Kernel.Files;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Mounts;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups;
using CrunSharp.Runtime.Defaults;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.LaunchStress;

/// <summary>A root file system with busybox in a directory of ours, and what each container needs of its own.</summary>
internal sealed class TestBed : IDisposable
{
    private const string CgroupName = "launch-stress";

    private readonly SafeFileHandle _lower;
    private readonly CgroupV2? _cgroups = CgroupV2.TryFind();

    public TestBed(string directory)
    {
        Path = $"{directory}/launch-stress-{Environment.ProcessId}";
        Directory.CreateDirectory(Path + "/lower/bin");
        Directory.CreateDirectory(Containers);
        File.Copy("/bin/busybox", Path + "/lower/bin/busybox");
        File.CreateSymbolicLink(Path + "/lower/bin/sh", "busybox");
        File.CreateSymbolicLink(Path + "/lower/bin/hostname", "busybox");
        _lower = FileAt.OpenDirectory(Path + "/lower");
        Input = FileAt.Open(null, "/dev/null", OpenFlags.O_RDONLY);
    }

    public string Path { get; }

    /// <summary>Each container has its directories in it while it runs.</summary>
    public string Containers => Path + "/containers";

    public SafeFileHandle Input { get; }

    /// <summary>The cgroups that there are.</summary>
    public IEnumerable<string> Cgroups => _cgroups is not null && Directory.Exists($"{_cgroups.MountPoint}/{CgroupName}")
        ? Directory.EnumerateDirectories($"{_cgroups.MountPoint}/{CgroupName}")
        : [];

    /// <summary>A cgroup for a container; null on a host without version 2.</summary>
    public Cgroup? MakeCgroup(int number) => _cgroups?.Create($"/{CgroupName}/{number}");

    /// <summary>The root of a container, which vanishes with its handle and its mount namespace.</summary>
    public SafeFileHandle MakeRoot(int number)
    {
        Directory.CreateDirectory($"{Containers}/{number}/upper");
        Directory.CreateDirectory($"{Containers}/{number}/work");
        using var upper = FileAt.OpenDirectory($"{Containers}/{number}/upper");
        using var work = FileAt.OpenDirectory($"{Containers}/{number}/work");
        return DetachedMount.Overlay([_lower], upper, work, isVolatile: true);
    }

    public void RemoveDirectories(int number) => FileAt.RemoveTree(null, $"{Containers}/{number}");

    /// <summary>A container that ends with 0 if it is the one that was asked for, in namespaces of its own.</summary>
    public static RuntimeSpec SpecOf(int number) => new()
    {
        OciVersion = "1.2.0",
        Root = new RootSpec { Path = "rootfs" },
        Hostname = $"box-{number}",
        Process = new ProcessSpec
        {
            Args = ["sh", "-c", $"test \"$(hostname)\" = box-{number} && test $$ = 1 && echo {number} > /written"],
            Cwd = "/",
            Env = ["PATH=/bin"],
            User = new UserSpec(),
        },
        Mounts = DefaultMounts.List,
        Linux = new LinuxSpec
        {
            Namespaces = [.. ((string[])["pid", "network", "mount", "ipc", "uts", "cgroup"]).Select(static type => new NamespaceSpec { Type = type })],
            MaskedPaths = DefaultPaths.Masked(),
            ReadonlyPaths = DefaultPaths.ReadOnly,
        },
    };

    public void Dispose()
    {
        _lower.Dispose();
        Input.Dispose();
        using (var cgroup = _cgroups?.TryOpen("/" + CgroupName)) cgroup?.Remove();
        _cgroups?.Dispose();
        FileAt.RemoveTree(null, Path);
    }
}
