using CrunSharp.Kernel.Files;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Tests.Lifecycle;

public class DeviceTests : BundleFixture
{
    private static RuntimeSpec With(string command, params DeviceSpec[] devices)
    {
        var spec = Shell(command);
        return spec with { Linux = spec.Linux! with { Devices = devices } };
    }

    [Test]
    public void Devices_of_all_types_are_made_anywhere()
    {
        var spec = With("stat -c '%n %F %t:%T %a %u:%g' /dev/a /dev/sub/b /run/c /dev/u /dev/null",
            new DeviceSpec { Type = "c", Path = "/dev/a", Major = 10, Minor = 229, FileMode = 0x180, Uid = 1, Gid = 2 },
            new DeviceSpec { Type = "b", Path = "/dev/sub/b", Major = 7, Minor = 300 },
            new DeviceSpec { Type = "p", Path = "/run/c", FileMode = 0x1b4 },
            new DeviceSpec { Type = "u", Path = "/dev/u", Major = 1, Minor = 3 });
        Assert.That(Run(spec), Is.EqualTo("""
            /dev/a character special file a:e5 600 1:2
            /dev/sub/b block special file 7:12c 666 0:0
            /run/c fifo 0:0 664 0:0
            /dev/u character special file 1:3 666 0:0
            /dev/null character special file 1:3 666 0:0

            """));
    }

    [Test]
    public void The_default_devices_and_links_are_there_also_without_a_dev_of_its_own()
    {
        var spec = Shell("ls /dev; for l in fd stdin ptmx; do readlink /dev/$l; done; echo x > /dev/null; head -c 2 /dev/zero | wc -c");
        Assert.That(Run(spec with { Mounts = [Proc] }).Replace("core\n", "", StringComparison.Ordinal),
            Is.EqualTo("fd\nfull\nnull\nptmx\nrandom\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n/proc/self/fd\n/proc/self/fd/0\npts/ptmx\n2\n"));
        // A second time: what is there and the same is accepted.
        Assert.That(Run(spec with { Mounts = [Proc] }), Does.EndWith("\n2\n"));
    }

    [Test]
    public void Something_else_in_a_devices_place_is_refused()
    {
        File.WriteAllText(Rootfs + "/dev/null", "");
        Assert.That(Refusal(Shell("true") with { Mounts = [Proc] }), Is.EqualTo("make the device /dev/null: something else is in its place [config-linux.md#devices]"));
        File.Delete(Rootfs + "/dev/null");
        File.CreateSymbolicLink(Rootfs + "/dev/null", "/etc/target");
        Assert.That(Refusal(Shell("true") with { Mounts = [Proc] }), Is.EqualTo("make the device /dev/null: something else is in its place [config-linux.md#devices]"));
    }

    [Test]
    public void What_the_configuration_mounts_at_a_devices_path_is_left()
    {
        File.WriteAllText(Folder + "/other", "other");
        MountSpec Bound(string path, string source) => new() { Destination = path, Source = source, Options = ["bind"] };
        var spec = With("echo x > /dev/null; cat /dev/full; stat -c %t:%T /dev/zero", new DeviceSpec { Type = "c", Path = "/dev/zero", Major = 1, Minor = 5 });
        spec = spec with { Mounts = [Proc, Dev, Bound("/dev/null", "/dev/null"), Bound("/dev/zero", "/dev/zero"), Bound("/dev/full", Folder + "/other")] };
        Assert.That(Run(spec), Is.EqualTo("other1:5\n"));
    }

    [Test]
    public void A_link_at_dev_leads_nowhere_outside()
    {
        Directory.Delete(Rootfs + "/dev");
        Directory.CreateDirectory(Folder + "/host");
        File.CreateSymbolicLink(Rootfs + "/dev", "../../../../../../.." + Folder + "/host");
        Run(Shell("true") with { Mounts = [Proc] });
        Assert.That(Directory.GetFileSystemEntries(Folder + "/host"), Is.Empty);
        Assert.That(FileAt.TryStatus(null, Rootfs + Folder + "/host/null")?.Kind, Is.EqualTo(FileKind.CharacterDevice));
    }

    [Test]
    public void A_device_on_a_file_system_of_the_kernel_is_refused() =>
        Assert.That(Refusal(With("true", new DeviceSpec { Type = "c", Path = "/proc/x", Major = 1, Minor = 3 })),
            Is.EqualTo("make the device /proc/x: it lies on a file system of the kernel [config-linux.md#devices]"));
}
