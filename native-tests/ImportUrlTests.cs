using System.IO.Compression;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>import</c> of an address, and archives that have no end.</summary>
public sealed class ImportUrlTests : NativeTest
{
    private Session? _server;

    [OneTimeSetUp]
    public void MakeFiles()
    {
        World.File("www/none", "");
        File.Copy(BusyboxImage.Archive, World.Files + "/www/rootfs.tar");
        using (var packed = new GZipStream(File.Create(World.Files + "/www/rootfs.tar.gz"), CompressionLevel.Fastest))
        using (var tar = File.OpenRead(BusyboxImage.Archive)) tar.CopyTo(packed);
        File.WriteAllBytes(World.Files + "/www/cut.tar", File.ReadAllBytes(BusyboxImage.Archive)[..5000]);
    }

    [SetUp]
    public void Serve()
    {
        _server = World.Host.Start("busybox", ["httpd", "-f", "-p", "127.0.0.1:6080", "-h", World.Files + "/www"]);
        World.Await(() => World.Shell("busybox wget -q -O - http://127.0.0.1:6080/none").Code == 0, "the server answers");
    }

    [TearDown]
    public void EndServer() => _server?.Dispose();

    [TestCase("rootfs.tar")]
    [TestCase("rootfs.tar.gz")]
    public void An_address_is_imported(string file)
    {
        Run("import", "-c", "CMD [\"echo\", \"fetched\"]", $"http://127.0.0.1:6080/{file}", "web:1").Succeeded();
        Assert.Multiple(() =>
        {
            Assert.That(Run("run", "--rm", "--network", "none", "web:1").Succeeded().Out, Is.EqualTo("fetched\n"));
            Assert.That(Run("history", "--no-trunc", "web:1").Succeeded().Out, Does.Contain($"Imported from http://127.0.0.1:6080/{file}"));
        });
        Run("rmi", "web:1").Succeeded();
    }

    [Test]
    public void A_password_in_the_address_is_not_told()
    {
        Run("import", "http://me:secret@127.0.0.1:6080/rootfs.tar", "web:2").Succeeded();
        Assert.That(Run("history", "--no-trunc", "web:2").Succeeded().Out, Does.Contain("Imported from http://127.0.0.1:6080/rootfs.tar").And.Not.Contain("secret"));
        Run("rmi", "web:2").Succeeded();
    }

    [TestCase("http://127.0.0.1:6080/nosuch", "crun-sharp: GET http://127.0.0.1:6080/nosuch: invalid response status 404")]
    [TestCase("http://127.0.0.1:1/x", "crun-sharp: GET http://127.0.0.1:1/x: ")]
    [TestCase("ftp://127.0.0.1/x", "crun-sharp: only http:// and https:// can be fetched")]
    [TestCase("http://127.0.0.1:6080/cut.tar", "crun-sharp: ")]
    public void What_cannot_be_fetched_leaves_nothing(string address, string error)
    {
        var before = Run("images", "-q").Lines;
        var outcome = Run("import", address, "web:3");
        Assert.Multiple(() =>
        {
            Assert.That(outcome.Code, Is.Not.Zero);
            Assert.That(outcome.Err, Does.StartWith(error).And.Not.Contain("Exception"));
            Assert.That(outcome.Err.TrimEnd('\n').Split('\n'), Has.Length.EqualTo(1), outcome.ToString());
            Assert.That(Run("images", "-q").Lines, Is.EquivalentTo(before));
        });
    }

    [Test]
    public void Zeros_without_end_are_no_archive()
    {
        var outcome = World.Shell("$C load < /dev/zero");
        Assert.Multiple(() =>
        {
            Assert.That(outcome.Code, Is.EqualTo(1));
            Assert.That(outcome.Err, Does.Contain("the archive has neither an oci-layout nor a manifest.json"));
        });
    }
}
