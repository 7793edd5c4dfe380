namespace CrunSharp.NativeTests.Vm;

/// <summary>What needs a kernel that was started with SELinux.</summary>
public sealed class SelinuxTests() : VmTest(VirtualMachine.EmulatedWithSelinux, Scripts)
{
    private static readonly string[] Scripts = ["selinux"];

    private static IEnumerable<TestCaseData> Checks => ChecksOf(Scripts);

    [TestCaseSource(nameof(Checks))]
    public void Check(string check) => AssertPassed(check);
}
