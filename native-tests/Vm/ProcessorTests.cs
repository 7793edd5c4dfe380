namespace CrunSharp.NativeTests.Vm;

/// <summary>Limits that need another computer: which processors, huge pages, clocks.</summary>
public sealed class ProcessorTests() : VmTest(VirtualMachine.Emulated, Scripts)
{
    private static readonly string[] Scripts = ["processors"];

    private static IEnumerable<TestCaseData> Checks => ChecksOf(Scripts);

    [TestCaseSource(nameof(Checks))]
    public void Check(string check) => AssertPassed(check);
}
