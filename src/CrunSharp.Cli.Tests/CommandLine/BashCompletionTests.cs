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
    [TestCase("crun-sharp push we", "web:1")]
    [TestCase("crun-sharp manifest inspect we", "web:1")]
    [TestCase("crun-sharp inspect ", "box other web:1")]
    [TestCase("crun-sharp export b", "box")]
    [TestCase("crun-sharp push --compression-fo", "--compression-format")]
    public void Words_are_completed(string line, string completions)
    {
        var words = string.Join(' ', line.Split(' ').Select(static word => $"'{word}'"));
        var script = $$"""
            source /dev/stdin <<'END'
            {{new Session().Succeed("crun-sharp", "completion", "bash")}}
            END
            crun-sharp() { case $1 in images) echo web:1 ;; ps) echo box; echo other ;; esac }
            COMP_WORDS=({{words}}); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _crun_sharp; printf '%s\n' "${COMPREPLY[@]}" | sort | xargs
            """;
        using var bash = Process.Start(new ProcessStartInfo("bash", ["--norc", "-c", script]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = bash.StandardOutput.ReadToEnd();
        var error = bash.StandardError.ReadToEnd();
        bash.WaitForExit();
        Assert.That((output.Trim(), error), Is.EqualTo((completions, "")));
    }
}
