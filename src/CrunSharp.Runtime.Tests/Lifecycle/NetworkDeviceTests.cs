using CrunSharp.Kernel.Namespaces;
using CrunSharp.Oci.Runtime;

namespace CrunSharp.Runtime.Tests.Lifecycle;

/// <summary>In a network namespace of the test's own, which stands for the host's.</summary>
public class NetworkDeviceTests : BundleFixture
{
    private static RuntimeSpec With(string command, params (string Host, string? Name)[] devices)
    {
        var spec = Shell(command);
        return spec with { Linux = spec.Linux! with { NetDevices = devices.ToDictionary(d => d.Host, d => new NetDeviceSpec { Name = d.Name }) } };
    }

    // A thread whose network namespace is new, with a pair of interfaces in it.
    private static void OnHost(Action action)
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Assert.That(Unshare(0x40000000), Is.Zero);
                Shell("ip link add dev0 mtu 1400 type veth peer name peer0 && ip link set dev0 address 02:00:00:00:00:07 && ip addr add 10.7.0.1/24 dev dev0 && ip addr add fd00::7/64 dev dev0 nodad && ip link set dev0 up && ip link set peer0 up");
                action();
            }
            catch (Exception error)
            {
                failure = error;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);

        static void Shell(string command)
        {
            using var process = System.Diagnostics.Process.Start("/bin/sh", ["-c", command]);
            process.WaitForExit();
            Assert.That(process.ExitCode, Is.Zero, command);
        }
    }

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "unshare")]
    private static extern int Unshare(int flags);

    private static string HostLinks()
    {
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("/bin/sh", ["-c", "ip -br addr show dev0"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        return process.StandardOutput.ReadToEnd();
    }

    [TestCase(null, "dev0")]
    [TestCase("eth0", "eth0")]
    [TestCase("net%d", "net0")]
    public void A_device_of_the_host_goes_into_the_container_with_its_addresses(string? name, string expected) => OnHost(() =>
    {
        var output = Run(With($"ip addr show dev {expected}", ("dev0", name)));
        Assert.That(output, Does.Contain($" {expected}@").And.Contain("mtu 1400").And.Contain("LOWER_UP").And.Contain("02:00:00:00:00:07")
            .And.Contain("inet 10.7.0.1/24").And.Contain("inet6 fd00::7/64"));
    });

    [Test]
    public void What_cannot_be_moved_is_refused_and_what_was_moved_is_back() => OnHost(() =>
    {
        Assert.That(Refusal(With("true", ("nosuch0", null))), Is.EqualTo("move network device nosuch0: the host has no network device nosuch0"));
        Assert.That(Refusal(With("true", ("dev0", "lo"))), Is.EqualTo("move network device dev0: the container has a network device lo already"));
        Assert.That(Refusal(With("true", ("dev0", "moved"), ("nosuch0", null))), Is.EqualTo("move network device nosuch0: the host has no network device nosuch0"));
        Assert.That(HostLinks(), Does.Contain("UP").And.Contain("10.7.0.1/24").And.Contain("fd00::7/64"));
        var spec = With("true", ("dev0", null));
        using var ours = NetworkNamespace.OpenCurrent();
        Assert.That(Refusal(spec with { Linux = spec.Linux! with { Namespaces = [.. spec.Linux.Namespaces!.Where(ns => ns.Type != "network")] } }),
            Is.EqualTo("move network devices: the container has the host's network namespace [config-linux.md#network-devices]"));
    });
}
