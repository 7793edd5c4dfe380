using CrunSharp.Kernel.Files;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests.Vm;

/// <summary>Tests in a virtual machine, which all the checks of a class share: each is a function of a script that checks.sh runs.</summary>
[Category("needs-root"), Category("vm")]
public abstract class VmTest(string mode, params string[] scripts)
{
    private string _failure = "";

    /// <summary>What the machine can write.</summary>
    protected string Place { get; } = $"/var/tmp/crun-sharp-vm-{Guid.NewGuid():N}"[..32];

    [OneTimeSetUp]
    public void RunMachine()
    {
        if (VirtualMachine.Missing(mode) is { } missing) Assert.Ignore($"there is no {missing}, which ./build.sh vm-test installs");
        Directory.CreateDirectory(Place);
        try
        {
            var (code, output) = VirtualMachine.Run(Place, mode, Command());
            if (code != 0) _failure = $"exit code {code}\n{output}";
        }
        catch (Exception error) when (error is TimeoutException or InvalidOperationException)
        {
            _failure = error.Message;
        }
    }

    [OneTimeTearDown]
    public void RemoveAll()
    {
        if (Directory.Exists(Place)) FileAt.RemoveTree(null, Place);
    }

    /// <summary>What the machine runs.</summary>
    protected virtual string Command() => $"""
        export C={World.Binary} R=/run/vm/runc VM_DIR CRIU={VirtualMachine.Criu} MODULES={World.Artifacts}/vm/modules
        ln -s $C $R
        for script in {string.Join(' ', scripts)}; do bash {VirtualMachine.Scripts}/checks.sh {VirtualMachine.Scripts}/$script.sh || exit; done
        """;

    /// <summary>The names of the checks in scripts: functions whose names are sentences.</summary>
    protected static IEnumerable<TestCaseData> ChecksOf(params string[] scripts) =>
        from script in scripts
        from line in File.ReadLines($"{VirtualMachine.Scripts}/{script}.sh")
        where line.Length > 0 && char.IsAsciiLetterUpper(line[0]) && line.EndsWith("() {", StringComparison.Ordinal)
        select new TestCaseData(line[..^4]).SetName(line[..^4]);

    /// <summary>Asserts what the machine wrote of a check.</summary>
    protected void AssertPassed(string check)
    {
        var report = $"{Place}/checks/{check}";
        if (!File.Exists(report)) Assert.Fail($"did not run: {_failure}");
        var lines = File.ReadAllLines(report);
        var trace = string.Join('\n', lines.Skip(1));
        if (lines[0] == "skipped") Assert.Ignore(lines[^1]);
        Assert.That(lines[0], Is.EqualTo("passed"), trace);
    }

    /// <summary>Asserts that the command gave 0.</summary>
    protected void AssertThatItSucceeded() => Assert.That(_failure, Is.Empty);
}
