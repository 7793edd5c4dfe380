namespace CrunSharp.NativeTests.Vm;

/// <summary>Limits by the engine and by the OCI runtime.</summary>
public sealed class LimitTests() : VmTest("plain", Scripts)
{
    private static readonly string[] Scripts = ["engine", "runtime"];

    private static IEnumerable<TestCaseData> Checks => ChecksOf(Scripts);

    [TestCaseSource(nameof(Checks))]
    public void Check(string check) => AssertPassed(check);
}
