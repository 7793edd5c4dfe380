namespace CrunSharp.NativeTests.Vm;

/// <summary>Limits where systemd is the first process.</summary>
public sealed class SystemdTests() : VmTest("systemd", Scripts)
{
    private static readonly string[] Scripts = ["systemd"];

    private static IEnumerable<TestCaseData> Checks => ChecksOf(Scripts);

    [TestCaseSource(nameof(Checks))]
    public void Check(string check) => AssertPassed(check);
}
