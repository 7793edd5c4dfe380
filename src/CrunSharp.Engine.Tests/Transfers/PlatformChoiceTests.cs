using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Engine.Tests.Transfers;

public sealed class PlatformChoiceTests
{
    [TestCase("linux/x86_64", "linux/amd64")]
    [TestCase("aarch64", "linux/arm64")]
    [TestCase("linux/arm64/v8", "linux/arm64")]
    [TestCase("linux/armhf", "linux/arm/v7")]
    [TestCase("LINUX/ARM/V6", "linux/arm/v6")]
    [TestCase("windows", "windows/amd64")]
    public void Spellings_of_a_platform_are_one(string text, string platform) =>
        Assert.That(PlatformChoice.Parse(text).ToString(), Is.EqualTo(platform));

    [TestCase("")]
    [TestCase("linux/")]
    [TestCase("a/b/c/d")]
    public void What_is_no_platform_is_refused(string text) =>
        Assert.That(() => PlatformChoice.Parse(text), Throws.TypeOf<CrunException>());

    [TestCase("linux/arm/v7", "linux/arm/v5 linux/arm/v7 linux/arm/v6 linux/arm64/v8", "linux/arm/v7 linux/arm/v6 linux/arm/v5")]
    [TestCase("linux/arm/v6", "linux/arm/v7 linux/arm/v5", "linux/arm/v5")]
    [TestCase("linux/amd64", "linux/amd64/v3 linux/386 linux/amd64", "linux/amd64")]
    [TestCase("linux/amd64/v3", "linux/amd64 linux/amd64/v2 linux/amd64/v4", "linux/amd64/v2 linux/amd64")]
    [TestCase("linux/arm64", "windows/arm64 linux/arm64/v8 linux/arm64/v9", "linux/arm64/v8")]
    [TestCase("linux/riscv64", "linux/amd64", "")]
    public void The_best_variant_that_runs_comes_first(string wanted, string offered, string chosen)
    {
        var manifests = offered.Split(' ').Select(static text => text.Split('/'))
            .Select(static p => new Descriptor
            {
                MediaType = MediaTypes.Manifest,
                Digest = Digest.Of([]),
                Size = 0,
                Platform = new Platform { Os = p[0], Architecture = p[1], Variant = p.Length > 2 ? p[2] : null },
            });
        var found = PlatformChoice.Candidates(new ImageIndex { Manifests = [.. manifests] }, PlatformChoice.Parse(wanted));
        Assert.That(string.Join(' ', found.Select(static d => d.Platform)), Is.EqualTo(chosen));
    }
}
