using CrunSharp.Build.Tests.Remote;

namespace CrunSharp.Build.Tests.Contexts;

/// <summary>SOURCE_DATE_EPOCH that says whose time is meant.</summary>
[Category("needs-root")]
public class EpochSourceTests
{
    private const string Committed = "2026-02-03T04:05:06Z";
    private const string Modified = "Wed, 21 Oct 2015 07:28:00 GMT";

    private BuildFixture _build = null!;
    private TestRepository _repository = null!;
    private FileServer _server = null!;

    [SetUp]
    public void Serve()
    {
        _build = new BuildFixture();
        _repository = new TestRepository(_build.Outside);
        _server = new FileServer { Directory = _repository.Served };
        _repository.Commit("echo FROM base > Dockerfile; echo 1 > one");
        _repository.Shell("printf 'FROM base\\nCOPY one /one\\n' > Dockerfile; echo 1 > one; touch -d @1234567890 one; touch -d @1234567000 Dockerfile; tar -cf served/context.tar Dockerfile one");
        _server.Files["/dated.tar"] = new ServedFile(File.ReadAllBytes($"{_repository.Served}/context.tar")) { LastModified = Modified };
        _server.Files["/undated.tar"] = new ServedFile(File.ReadAllBytes($"{_repository.Served}/context.tar"));
        _server.Files["/dated"] = new ServedFile("x", lastModified: Modified);
    }

    [TearDown]
    public void Remove()
    {
        _server.Dispose();
        _repository.Dispose();
        _build.Dispose();
    }

    [TestCase("repo.git", Committed)]
    [TestCase("dated.tar", "2015-10-21T07:28:00Z")]
    [TestCase("undated.tar", "2009-02-13T23:31:30Z")]
    public void The_contexts_time_is_that_of_its_commit_its_server_or_its_newest_file(string name, string expected)
    {
        var result = _build.Build("", request => Epoch(request, "context") with { ContextDirectory = null, DockerfileContent = null, RemoteContext = $"{_server.Address}/{name}" });
        Assert.That(_build.Config(result).Created, Is.EqualTo(expected));
        result = _build.Build("FROM base\nCOPY --from=other one /one\n", request => Epoch(request, "other") with { Contexts = new Dictionary<string, string> { ["other"] = $"{_server.Address}/{name}" } });
        Assert.That(_build.Config(result).Created, Is.EqualTo(expected), "a named context");
    }

    [Test]
    public void A_directory_has_none_and_the_variable_is_not_set()
    {
        foreach (var dockerfile in (string[])["FROM base\nARG SOURCE_DATE_EPOCH\nRUN echo \"<$SOURCE_DATE_EPOCH>\" > /e\n", "ARG SOURCE_DATE_EPOCH=context\nFROM base\nARG SOURCE_DATE_EPOCH\nRUN echo \"<$SOURCE_DATE_EPOCH>\" > /e\n"])
        {
            var result = _build.Build(dockerfile, request => dockerfile.StartsWith("ARG", StringComparison.Ordinal) ? request : Epoch(request, "context"));
            Assert.That(_build.Tree(result), Does.Contain("/e 644 0:0 <>\\n"));
            Assert.That(DateTimeOffset.Parse(_build.Config(result).Created!, System.Globalization.CultureInfo.InvariantCulture), Is.EqualTo(DateTimeOffset.UtcNow).Within(TimeSpan.FromMinutes(5)));
        }
    }

    [Test]
    public void A_stage_that_is_one_ADD_from_elsewhere_has_the_time_of_that_and_the_Dockerfile_may_say_so()
    {
        var result = _build.Build($"ARG SOURCE_DATE_EPOCH=src\nARG NAME=dated\nFROM scratch AS src\nARG NAME\nADD {_server.Address}/$NAME /\nFROM base\nARG SOURCE_DATE_EPOCH\nRUN echo $SOURCE_DATE_EPOCH > /e\n");
        Assert.That((_build.Config(result).Created, _build.Tree(result)), Is.EqualTo(("2015-10-21T07:28:00Z", "--\n/e 644 0:0 1445412480\\n\n")));
        result = _build.Build($"FROM scratch AS src\nADD {_server.Address}/repo.git /\nFROM base\n", request => Epoch(request, "src"));
        Assert.That(_build.Config(result).Created, Is.EqualTo(Committed));
        Assert.That(_build.Config(_build.Build("ARG SOURCE_DATE_EPOCH=5\nFROM base\n")).Created, Is.EqualTo("1970-01-01T00:00:05Z"));
        Assert.That(_build.Config(_build.Build("ARG SOURCE_DATE_EPOCH=5\nFROM base\n", request => Epoch(request, "6"))).Created, Is.EqualTo("1970-01-01T00:00:06Z"));
    }

    [TestCase("FROM base AS src\nADD http://h/x /\nFROM base\n", "Dockerfile:1: SOURCE_DATE_EPOCH stage must use FROM scratch")]
    [TestCase("FROM scratch AS src\nADD http://h/x /\nADD http://h/y /\nFROM base\n", "Dockerfile:3: SOURCE_DATE_EPOCH stage must contain exactly one remote ADD")]
    [TestCase("FROM scratch AS src\nADD file /\nFROM base\n", "Dockerfile:2: SOURCE_DATE_EPOCH stage must contain exactly one remote ADD")]
    [TestCase("FROM scratch AS src\nCOPY file /\nFROM base\n", "Dockerfile:2: SOURCE_DATE_EPOCH stage does not meet source-only requirements: unsupported COPY instruction")]
    [TestCase("FROM scratch AS src\nFROM base\n", "Dockerfile:1: SOURCE_DATE_EPOCH stage must contain exactly one remote ADD")]
    [TestCase("FROM base\n", "invalid SOURCE_DATE_EPOCH: src: it has to be")]
    public void What_has_no_time_is_refused(string dockerfile, string message) =>
        Assert.That(_build.Fail(dockerfile, request => Epoch(request, "src")).Message, Does.Contain(message));

    private static BuildRequest Epoch(BuildRequest request, string value) => request with { BuildArgs = new Dictionary<string, string?> { ["SOURCE_DATE_EPOCH"] = value } };
}
