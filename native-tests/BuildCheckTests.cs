using System.Text;
using System.Text.Json;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>What a build says of the Dockerfile itself: warnings at its end, <c>--check</c>, <c>--call</c>.</summary>
public sealed class BuildCheckTests : BuildTest
{
    private const string Careless = "FROM busybox as one\nCOPY file /\nMAINTAINER me\n";

    [Test]
    public void Warnings_are_told_at_the_end_and_the_build_goes_on()
    {
        var context = Context(Careless, ("file", "f"));
        const string Warnings = " - FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)\n - MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label (line 3)\n";
        Assert.That(Build(context).Succeeded().Err, Does.EndWith($"\n 2 warnings found (use crun-sharp --debug to expand):\n{Warnings}"));
        Assert.That(Build(context, "-q").Succeeded().Err, Is.Empty);
        Assert.That(Run("--debug", "build", context).Succeeded().Err, Does.Contain(" 2 warnings found:\n").And.Contains("More info: https://docs.docker.com/go/dockerfile/rule/from-as-casing/\nDockerfile:1\n"));
        Assert.That(Build(context, "--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=all").Succeeded().Err, Does.Not.Contain("warning"));
        var failed = BuildText("FROM busybox as one\nRUN exit 3\n");
        Assert.That(failed.Err, Does.Contain(" 1 warning found (use crun-sharp --debug to expand):\n - FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)\nDockerfile:2\n-----"));
    }

    [Test]
    public void Warnings_are_errors_when_the_file_says_so()
    {
        var context = Context("# check=error=true\n" + Careless, ("file", "f"));
        const string Refused = "crun-sharp: lint violation found for rules: FromAsCasing, MaintainerDeprecated\n";
        Assert.That(Build(context), Has.Property("Code").EqualTo(1).And.Property("Err").EndsWith(Refused));
        Assert.That(Run("build", "--check", context), Has.Property("Code").EqualTo(1).And.Property("Err").EqualTo(Refused));
        Build(context, "--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=FromAsCasing,MaintainerDeprecated;error=true").Succeeded();
    }

    [Test]
    public void A_check_builds_nothing_and_shows_the_lines()
    {
        var context = Context(Careless, ("file", "f"));
        var check = Run("build", "--check", context);
        Assert.Multiple(() =>
        {
            Assert.That(check.Code, Is.EqualTo(1));
            Assert.That(check.Err, Is.Empty);
            Assert.That(check.Out, Is.EqualTo($"""
                Check complete, 2 warnings have been found!

                WARNING: FromAsCasing - https://docs.docker.com/go/dockerfile/rule/from-as-casing/
                'as' and 'FROM' keywords' casing do not match
                {context}/Dockerfile:1
                --------------------
                   1 | >>> FROM busybox as one
                   2 |     COPY file /
                   3 |     MAINTAINER me
                --------------------

                WARNING: MaintainerDeprecated - https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/
                Maintainer instruction is deprecated in favor of using label
                {context}/Dockerfile:3
                --------------------
                   1 |     FROM busybox as one
                   2 |     COPY file /
                   3 | >>> MAINTAINER me
                   4 |     §
                --------------------

                """.Replace("§", "", StringComparison.Ordinal)));
            Assert.That(Run("build", "--call=check,ignorestatus=true", context).Code, Is.Zero);
            Assert.That(World.RunWith("FROM busybox\n", "build", "--check", "-").Succeeded().Out, Is.EqualTo("Check complete, no warnings found.\n"));
            Assert.That(World.RunWith("FROM nosuch.example.com/image\nWORKDIR x\n", "build", "--check", "-").Out, Does.Contain("WorkdirRelativePath"), "images are not needed");
            Assert.That(Run("images", "-q", "--no-trunc").Succeeded().Out.Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.EqualTo(1));
        });
    }

    [Test]
    public void A_check_tells_warnings_and_the_error_after_them()
    {
        var check = World.RunWith("FROM busybox as one\nCOPPY a /\n", "build", "--check", "-");
        Assert.Multiple(() =>
        {
            Assert.That(check.Code, Is.EqualTo(1));
            Assert.That(check.Out, Does.Contain("WARNING: FromAsCasing"));
            Assert.That(check.Err, Does.EndWith("crun-sharp: Dockerfile:2: unknown instruction: COPPY (did you mean COPY?)\n").And.Contains(">>> COPPY a /\n"));
        });
        var json = JsonDocument.Parse(World.RunWith("FROM busybox as one\nCOPPY a /\n", "build", "--call=check,format=json", "-").Out).RootElement;
        Assert.Multiple(() =>
        {
            Assert.That(json.GetProperty("warnings")[0].GetProperty("ruleName").GetString(), Is.EqualTo("FromAsCasing"));
            Assert.That(json.GetProperty("warnings")[0].GetProperty("location").GetProperty("ranges")[0].GetProperty("start").GetProperty("line").GetInt32(), Is.EqualTo(1));
            Assert.That(json.GetProperty("buildError").GetProperty("message").GetString(), Is.EqualTo("dockerfile parse error on line 2: unknown instruction: COPPY (did you mean COPY?)"));
            Assert.That(Encoding.UTF8.GetString(json.GetProperty("sources")[0].GetProperty("data").GetBytesFromBase64()), Is.EqualTo("FROM busybox as one\nCOPPY a /\n"));
        });
    }

    [Test]
    public void Each_platform_is_looked_at_and_the_same_is_told_once()
    {
        const string Text = "FROM busybox as one\nRUN true\n";
        var here = $"linux/{World.Inspect("busybox", "{{.Architecture}}")}";
        var check = World.RunWith(Text, "build", "--check", "--platform", $"{here},linux/s390x,linux/riscv64", "-");
        Assert.Multiple(() =>
        {
            Assert.That(check.Code, Is.EqualTo(1));
            Assert.That(check.Out, Does.StartWith("Check complete, 3 warnings have been found!\n").And.Contain("WARNING: FromAsCasing")
                .And.Contain($"Base image busybox was pulled with platform \"{here}\", expected \"linux/s390x\" for current build")
                .And.Contain($"Base image busybox was pulled with platform \"{here}\", expected \"linux/riscv64\" for current build"));
        });
    }

    [Test]
    public void An_outline_shows_what_a_build_takes()
    {
        const string Text = "# V is the version\nARG V=1\n# one does it\nFROM busybox AS one\nRUN --mount=type=secret,id=token,required=true true\nFROM one AS two\nARG V\n# W is made of V\nARG W=${V}.0\n";
        Assert.Multiple(() =>
        {
            Assert.That(World.RunWith(Text, "build", "--call=outline", "--build-arg", "V=2", "-").Succeeded().Out, Is.EqualTo("TARGET: two\n\nBUILD ARG   VALUE   DESCRIPTION\nV           2       is the version\nW           2.0     is made of V\n\nSECRET   REQUIRED\ntoken    true\n\n"));
            Assert.That(World.RunWith(Text, "build", "--call=outline", "--target", "one", "-").Succeeded().Out, Is.EqualTo("TARGET:      one\nDESCRIPTION: does it\n\nSECRET   REQUIRED\ntoken    true\n\n"));
            Assert.That(World.RunWith(Text, "build", "--call=targets", "-").Succeeded().Out, Is.EqualTo("TARGET        DESCRIPTION\none           does it\ntwo (default) \n"));
            Assert.That(JsonDocument.Parse(World.RunWith(Text, "build", "--call=targets,format=json", "-").Succeeded().Out).RootElement.GetProperty("targets")[1].GetProperty("default").GetBoolean());
            Assert.That(Run("build", "--call=what", ".").Err, Does.Contain("unknown method what: build, check, outline and targets are known"));
        });
    }
}
