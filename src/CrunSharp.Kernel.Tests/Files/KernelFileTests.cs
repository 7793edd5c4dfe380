using CrunSharp.Kernel.Files;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Tests.Files;

public class KernelFileTests
{
    [Test]
    public void A_file_without_a_size_is_read_whole() =>
        Assert.That(KernelFile.Read(null, "/proc/kallsyms").Length, Is.GreaterThan(100_000));

    [Test]
    public void A_longer_file_than_allowed_is_refused() =>
        Assert.That(() => KernelFile.Read(null, "/proc/kallsyms", 10_000),
            Throws.TypeOf<CrunException>().With.Message.EqualTo("read /proc/kallsyms: the file has more than 10000 bytes"));

    [Test]
    public void A_missing_file_is_null() => Assert.That(KernelFile.TryRead(null, "/proc/no/such"), Is.Null);

    [Test]
    public void A_refused_command_names_file_and_text() =>
        Assert.That(() => KernelFile.Write(null, "/proc/self/oom_score_adj", "5000"),
            Throws.TypeOf<CrunException>().With.Property("Errno").EqualTo(Errno.EINVAL).And.Message.Contains("\"5000\""));
}
