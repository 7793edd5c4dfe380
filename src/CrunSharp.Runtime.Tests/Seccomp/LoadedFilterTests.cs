using System.Runtime.InteropServices;
using System.Text;
using CrunSharp.Kernel.Processes;
using CrunSharp.Runtime.Defaults;
using CrunSharp.Runtime.Seccomp;

namespace CrunSharp.Runtime.Tests.Seccomp;

public class LoadedFilterTests
{
    private string? _probe;

    [OneTimeSetUp]
    public void Build()
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64) Assert.Ignore("the probe makes calls of x86-64");
        _probe = CProgram.Build("probe");
    }

    [OneTimeTearDown]
    public void Remove()
    {
        if (_probe is not null) File.Delete(_probe);
    }

    private string[] Probe(CapabilitySet granted, bool with32Bit = false)
    {
        var filter = FilterCompiler.Compile(DefaultSeccomp.For(granted, with32Bit));
        var (_, output, _) = CProgram.Run(_probe!, "", filter.Program.Span);
        return Encoding.ASCII.GetString(output).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    [Test]
    public void The_kernel_does_what_the_default_filter_says() => Assert.That(Probe(DefaultCapabilities.Set), Is.EqualTo(new[]
    {
        "getpid: ok", "unshare: EPERM", "clone: EPERM", "clone3: ENOSYS", "io_uring_setup: EPERM", "keyctl: EPERM", "mount: EPERM",
        "AF_INET: ok", "AF_ALG: EPERM", "hidden AF_ALG: ENOSYS", "AF_VSOCK: EPERM", "future: ENOSYS", "x32: signal 31", "i386: signal 31",
    }));

    [Test]
    public void Thirty_two_bit_calls_are_made_where_they_may() =>
        Assert.That(Probe(DefaultCapabilities.Set, with32Bit: true), Does.Contain("x32: signal 31").And.None.EqualTo("i386: signal 31"));
}
