using System.Xml.Linq;

namespace CrunSharp.NativeTests.Vm;

/// <summary>The cgroup tests of CrunSharp.Runtime.Tests, where the kernel has cgroup v2 only, and where systemd is the first process.</summary>
[TestFixture("plain", 100)]
[TestFixture("systemd", 100)]
public sealed class RuntimeCgroupTests(string mode, int least) : VmTest(mode)
{
    private static string Tests => Path.Join(AppContext.BaseDirectory.Replace("/NativeTests/", "/CrunSharp.Runtime.Tests/", StringComparison.Ordinal), "CrunSharp.Runtime.Tests.dll");

    // Without a second mapping of all code, and without more optimization than such a short life is worth.
    protected override string Command() => $"""
        export PATH={Environment.GetEnvironmentVariable("PATH")} HOME=/tmp DOTNET_CLI_HOME=/tmp
        export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_EnableWriteXorExecute=0 DOTNET_TieredPGO=0 DOTNET_GCHeapHardLimit=0x18000000
        cd /tmp && exec dotnet vstest {Tests} --TestCaseFilter:FullyQualifiedName~Cgroups --logger:"trx;LogFileName=$VM_DIR/tests.trx" --ResultsDirectory:/tmp/results
        """;

    [Test]
    public void They_pass_as_far_as_the_kernel_has_the_controllers()
    {
        AssertThatItSucceeded();
        var results = XDocument.Load(Place + "/tests.trx").Descendants().Where(static element => element.Name.LocalName == "UnitTestResult")
            .ToLookup(static result => result.Attribute("outcome")!.Value, static result => result.Attribute("testName")!.Value);
        TestContext.Out.WriteLine($"{results["Passed"].Count()} passed; not executed: {string.Join(", ", results["NotExecuted"])}");
        Assert.Multiple(() =>
        {
            Assert.That(results["Failed"], Is.Empty);
            Assert.That(results["Passed"].Count(), Is.GreaterThanOrEqualTo(least));
        });
    }
}
