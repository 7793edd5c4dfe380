using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>The file that is installed.</summary>
public sealed class BinaryTests : NativeTest
{
    [Test]
    public void It_needs_the_C_library_and_nothing_else_to_start()
    {
        var needed = World.Shell($"readelf -d {World.Binary} | sed -n 's/.*(NEEDED).*\\[\\(.*\\)\\]/\\1/p'").Succeeded().Lines;
        Assert.That(needed, Is.SubsetOf(["libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"]));
    }

    [Test]
    public void Functions_that_it_has_no_library_for_at_start_are_found_when_they_are_called() =>
        Assert.That(Run("version", "--format", """{{printf "%e %g" 123456.789 0.00001234}}""").Out, Is.EqualTo("1.234568e+05 1.234e-05\n"));

    [Test]
    public void It_does_not_read_all_mounts_to_start()
    {
        var calls = World.Shell($"strace -f -e trace=openat -o calls {World.Binary} --version && cat calls").Succeeded().Out;
        Assert.That(calls, Does.Contain("/proc/meminfo").And.Not.Contain("mountinfo"));
    }
}
