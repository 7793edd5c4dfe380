using System.Diagnostics;

namespace CrunSharp.Cli.Tests.CommandLine;

public class BashCompletionTests
{
    [TestCase("crun-sharp ver", "version")]
    [TestCase("crun-sharp image his", "history")]
    [TestCase("crun-sharp history --no", "--no-trunc")]
    [TestCase("crun-sharp --root /x image save --out", "--output")]
    [TestCase("crun-sharp --ro", "--root")]
    [TestCase("crun-sharp imag", "image images")]
    [TestCase("crun-sharp save --format docker --ou", "--output")]
    public void Words_are_completed(string line, string completions)
    {
        var script = $$"""
            source /dev/stdin <<'END'
            {{new Session().Succeed("crun-sharp", "completion", "bash")}}
            END
            COMP_WORDS=({{line}}); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _crun_sharp; printf '%s\n' "${COMPREPLY[@]}" | sort | xargs
            """;
        using var bash = Process.Start(new ProcessStartInfo("bash", ["--norc", "-c", script]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = bash.StandardOutput.ReadToEnd();
        var error = bash.StandardError.ReadToEnd();
        bash.WaitForExit();
        Assert.That((output.Trim(), error), Is.EqualTo((completions, "")));
    }
}
