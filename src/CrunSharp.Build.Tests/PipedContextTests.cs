using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using CrunSharp.Oci;

namespace CrunSharp.Build.Tests;

/// <summary>What comes through a pipe in place of a directory.</summary>
[Category("needs-root")]
public class PipedContextTests
{
    private BuildFixture _build = null!;

    [SetUp]
    public void Make() => _build = new BuildFixture();

    [TearDown]
    public void Remove() => _build.Dispose();

    private static MemoryStream Archive(bool compressed, params (string Name, string Content)[] files)
    {
        var stream = new MemoryStream();
        using (var target = compressed ? new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true) : (Stream)stream)
        using (var tar = new TarWriter(target, TarEntryFormat.Ustar, leaveOpen: !compressed))
        {
            foreach (var (name, content) in files)
            {
                var entry = content.StartsWith("-> ", StringComparison.Ordinal)
                    ? new UstarTarEntry(TarEntryType.SymbolicLink, name) { LinkName = content[3..] }
                    : new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)) };
                tar.WriteEntry(entry);
            }
        }
        return new MemoryStream(stream.ToArray());
    }

    private string[] PathsOf(BuildResult result) => [.. _build.Tree(result, 0).Split('\n').Where(static line => line.StartsWith('/')).Select(static line => line.Split(' ')[0])];

    private BuildResult Build(Stream input, string? dockerfile = null) =>
        _build.Build("", request => request with { ContextDirectory = null, DockerfileContent = null, DockerfilePath = dockerfile, PipedContext = input });

    [TestCase(false)]
    [TestCase(true)]
    public void A_tar_is_a_context_with_its_Dockerfile_and_ignored_files(bool compressed)
    {
        (string, string)[] files = [("./Dockerfile", "FROM scratch\nCOPY . /\n"), (".dockerignore", "*.log\n"), ("dir/file", "content"), ("a.log", "")];
        var first = Build(Archive(compressed, files));
        Assert.That(PathsOf(first), Is.EqualTo((string[])["/.dockerignore", "/Dockerfile", "/dir", "/dir/file"]));
        var second = Build(Archive(!compressed, files));
        Assert.That((second.ImageId, second.Cached), Is.EqualTo((first.ImageId, first.Steps)));
    }

    [Test]
    public void The_Dockerfile_can_have_another_name() =>
        Assert.That(PathsOf(Build(Archive(false, ("sub/my.dockerfile", "FROM scratch\nCOPY file /\n"), ("file", "x")), "sub/my.dockerfile")), Is.EqualTo((string[])["/file"]));

    [Test]
    public void A_text_is_a_Dockerfile() =>
        Assert.That(_build.Config(Build(new MemoryStream("FROM base\nENV A=b\n"u8.ToArray()))).Config!.Env, Does.Contain("A=b"));

    [Test]
    public void A_link_leads_to_no_file_outside() =>
        Assert.That(() => Build(Archive(false, ("Dockerfile", "-> /etc/passwd"))), Throws.TypeOf<CrunException>().With.Message.Contains("the build context has no Dockerfile"));

    [Test]
    public void A_tar_that_is_cut_off_is_refused()
    {
        var whole = Archive(false, ("Dockerfile", "FROM scratch\nCOPY . /\n"), ("big", new string('x', 100_000))).ToArray();
        Assert.That(() => Build(new MemoryStream(whole[..50_000])), Throws.TypeOf<CrunException>().With.Property("Kind").EqualTo(ErrorKind.Integrity));
    }
}
