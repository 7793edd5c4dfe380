using CrunSharp.Build.Steps;
using CrunSharp.Engine.Transfers;
using CrunSharp.Oci;
using CrunSharp.Oci.Images;

namespace CrunSharp.Build.Tests.Steps;

/// <summary>Which programs can run here, by what the kernel shows of binfmt_misc.</summary>
public sealed class ForeignProgramsTests
{
    private const string Arm64 = "offset 0\nmagic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n";

    private readonly string _folder = Directory.CreateTempSubdirectory("binfmt").FullName;

    [OneTimeTearDown]
    public void Remove() => Directory.Delete(_folder, recursive: true);

    [TestCase("enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\n" + Arm64, "linux/arm64", null)]
    [TestCase("enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OC\n" + Arm64, "linux/arm64", "the emulator entry is registered with binfmt_misc without the flag F")]
    [TestCase("disabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: F\n" + Arm64, "linux/arm64", "no emulator is registered with binfmt_misc")]
    [TestCase("enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: F\n" + Arm64, "linux/riscv64", "no emulator is registered with binfmt_misc")]
    [TestCase("enabled\nflags: F\noffset 0\nmagic 7f454c460202010000000000000000000002000016\nmask ffffffffffffff00fffffffffffffffffffeffff\n", "linux/s390x", "no emulator")]
    [TestCase("enabled\nflags: F\noffset 0\nmagic 7f454c4602020100000000000000000000020016\nmask ffffffffffffff00fffffffffffffffffffeffff\n", "linux/s390x", null)]
    [TestCase("enabled\nflags: F\nextension .exe\n", "linux/arm64", "no emulator")]
    [TestCase("enabled\nflags: F\noffset 0\nmagic nothex\n", "linux/arm64", "no emulator")]
    [TestCase("", "linux/zx80", "its programs are not known")]
    [TestCase("", "windows/amd64", "commands for windows/amd64 cannot run on this host")]
    [TestCase("", "linux/amd64", null)]
    [TestCase("", "linux/386", null)]
    public void A_program_runs_by_itself_or_through_what_is_registered(string entry, string platform, string? problem)
    {
        if (Platform.Host.Architecture != "amd64") Assert.Ignore("the cases are for x86-64");
        File.WriteAllText($"{_folder}/entry", entry);
        File.WriteAllText($"{_folder}/status", "enabled\n");
        void Check() => ForeignPrograms.Check(PlatformChoice.Parse(platform), _folder);
        if (problem is null) Assert.DoesNotThrow(Check);
        else Assert.That(Assert.Throws<CrunException>(Check)!.Message, Does.Contain(problem));
    }
}
