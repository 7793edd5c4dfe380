namespace CrunSharp.NativeTests.Vm;

/// <summary>What needs another computer: which processors, huge pages, clocks, AppArmor, checkpoints that know what changed.</summary>
public sealed class ProcessorTests() : VmTest(VirtualMachine.Emulated, Scripts)
{
    private static readonly string[] Scripts = ["processors", "labels", "checkpoint"];

    private static IEnumerable<TestCaseData> Checks => ChecksOf(Scripts);

    [TestCaseSource(nameof(Checks))]
    public void Check(string check) => AssertPassed(check);
}
