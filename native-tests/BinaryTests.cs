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
    public void It_reads_no_long_tables_of_the_kernel_to_start()
    {
        var calls = World.Shell($"strace -f -e trace=openat -o calls {World.Binary} --version && cat calls").Succeeded().Out;
        Assert.That(calls, Does.Contain("/sys/devices/system/cpu").And.Not.Contain("mountinfo").And.Not.Contain("/proc/meminfo").And.Not.Contain("/proc/self/maps"));
    }

    [Test]
    public void It_has_one_thread_until_there_is_something_to_finalize()
    {
        string Threads(string command) => World.Shell($"strace -f -e trace=clone,clone3 -o calls {command} > /dev/null && grep -c CLONE_THREAD calls || true").Succeeded().Line;
        Assert.Multiple(() =>
        {
            Assert.That(Threads($"{World.Binary} --version"), Is.EqualTo("0"));
            // Hexadecimal: a collection at each 64 kB.
            Assert.That(Threads($"env DOTNET_GCgen0size=10000 {World.Binary} --help"), Is.EqualTo("1"));
        });
    }

    [TestCase("unlimited")]
    [TestCase("200")]
    [TestCase("4000000")]
    public void It_starts_with_any_limit_of_the_stack(string kibibytes) =>
        World.Shell($"ulimit -s {kibibytes}; {World.Binary} --version").Succeeded();
}
