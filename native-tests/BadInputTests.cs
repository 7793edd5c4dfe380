using System.Formats.Tar;
using System.Text;
using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary>Wrong input: one clear line, the right exit code, nothing is left and nothing of the host is touched.</summary>
public sealed class BadInputTests : NativeTest
{
    private string Victim => World.Files + "/victim";

    [SetUp]
    public void MakeVictim()
    {
        if (Directory.Exists(Victim)) Directory.Delete(Victim, recursive: true);
        World.File("victim/secret", "secret of the host\n");
        _images = Run("images", "-q").Lines;
    }

    private string[] _images = [];

    private void AssertNothingHappened()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Directory.GetFileSystemEntries(Victim).Select(path => (Path.GetFileName(path), File.ReadAllText(path))), Is.EqualTo(new[] { ("secret", "secret of the host\n") }));
            Assert.That(Run("ps", "-aq").Out, Is.Empty);
            Assert.That(Run("images", "-q").Lines, Is.EquivalentTo(_images));
        });
    }

    private static void AssertOneLine(Outcome outcome) => Assert.Multiple(() =>
    {
        Assert.That(outcome.Err.TrimEnd('\n').Split('\n'), Has.Length.EqualTo(1), outcome.ToString());
        Assert.That(outcome.Err, Does.StartWith("crun-sharp: ").And.Not.Contain("Exception").And.Not.Contain("   at "), outcome.ToString());
    });

    [TestCase("FROM busybox\nFLY away\n", "FLY")]
    [TestCase("RUN true\n", "FROM")]
    [TestCase("FROM busybox\nCOPY nosuch /x\n", "nosuch")]
    [TestCase("FROM busybox\nCOPY ../secret /x\n", "secret")]
    [TestCase("FROM 127.0.0.1:1/nosuch\n", "nosuch")]
    [TestCase("FROM busybox\nRUN exit 7\n", "7")]
    [TestCase("FROM busybox\nENV =x\n", "ENV")]
    [TestCase("", "")]
    public void A_wrong_Dockerfile_is_refused(string text, string named)
    {
        World.File("context/Dockerfile", text);
        var outcome = Run("build", "-t", "wrong", "context");
        Assert.That(outcome.Code, Is.Not.Zero);
        Assert.That(outcome.Err, Does.Contain(named).And.Not.Contain("   at "), outcome.ToString());
        AssertNothingHappened();
    }

    private static readonly string[] Climbs = ["dotdot", "absolute", "through a link", "through a link of links", "hard link", "hard link through a link", "link replaced by a file", "whiteout above"];

    private void Climb(TarWriter tar, string kind)
    {
        const string up = "../../../../../../../../../../../..";
        switch (kind)
        {
            case "dotdot": BusyboxImage.AddFile(tar, up + Victim + "/made", "climbed\n"); break;
            case "absolute": BusyboxImage.AddFile(tar, Victim + "/made", "climbed\n"); break;
            case "through a link":
                BusyboxImage.Add(tar, TarEntryType.SymbolicLink, "link", 0x1ff, link: Victim);
                BusyboxImage.AddFile(tar, "link/made", "climbed\n");
                break;
            case "through a link of links":
                BusyboxImage.Add(tar, TarEntryType.SymbolicLink, "one", 0x1ff, link: ".");
                BusyboxImage.Add(tar, TarEntryType.SymbolicLink, "one/two", 0x1ff, link: up + Victim);
                BusyboxImage.AddFile(tar, "two/made", "climbed\n");
                break;
            case "hard link": BusyboxImage.Add(tar, TarEntryType.HardLink, "hard", 0x1a4, link: up + Victim + "/secret"); break;
            case "hard link through a link":
                BusyboxImage.Add(tar, TarEntryType.SymbolicLink, "link", 0x1ff, link: Victim);
                BusyboxImage.Add(tar, TarEntryType.HardLink, "hard", 0x1a4, link: "link/secret");
                break;
            case "link replaced by a file":
                BusyboxImage.Add(tar, TarEntryType.SymbolicLink, "file", 0x1ff, link: Victim + "/secret");
                BusyboxImage.AddFile(tar, "file", "climbed\n");
                break;
            default:
                BusyboxImage.Add(tar, TarEntryType.SymbolicLink, "link", 0x1ff, link: Victim);
                BusyboxImage.AddFile(tar, "link/.wh.secret", "");
                BusyboxImage.AddFile(tar, ".wh...", "");
                break;
        }
    }

    [Test]
    public void A_tar_that_climbs_out_is_kept_inside_or_refused([Values("import", "load", "ADD")] string way, [ValueSource(nameof(Climbs))] string kind)
    {
        Outcome outcome;
        switch (way)
        {
            case "import": outcome = Run("import", BusyboxImage.With(World.Files + "/climbs.tar", tar => Climb(tar, kind)), "climbs"); break;
            case "load":
                outcome = Run("load", "-i", DockerArchive.Write(World.Files + "/climbs.tar", "climbs", tar =>
                {
                    BusyboxImage.Write(tar);
                    Climb(tar, kind);
                }));
                break;
            default:
                World.File("context/Dockerfile", "FROM busybox\nADD climbs.tar /\n");
                BusyboxImage.With(World.Files + "/context/climbs.tar", tar => Climb(tar, kind));
                outcome = Run("build", "-q", "-t", "climbs", "context");
                break;
        }
        if (outcome.Code == 0)
        {
            var seen = Run("run", "--rm", "--network", "none", "climbs", "sh", "-c", "cat /hard /link/secret /file; true");
            Assert.That(seen.Out, Does.Not.Contain("secret of the host"), seen.ToString());
            Run("rmi", "-f", "climbs").Succeeded();
        }
        else
        {
            Assert.That(outcome.Err, Is.Not.Empty.And.Not.Contain("   at "), outcome.ToString());
            if (way != "ADD") AssertOneLine(outcome);
        }
        AssertNothingHappened();
        Assert.That(World.Shell($"stat -c %h {Victim}/secret").Line, Is.EqualTo("1"), "nothing links to it");
    }

    [TestCase("blob")]
    [TestCase("config")]
    [TestCase("manifest")]
    [TestCase("missing")]
    public void A_layout_whose_content_is_not_what_its_digest_says_is_refused(string which)
    {
        Run("save", "--format", "oci", "-o", "layout.tar", "busybox").Succeeded();
        World.Shell("rm -rf layout; mkdir layout; tar -C layout -xf layout.tar").Succeeded();
        var index = File.ReadAllText(World.Files + "/layout/index.json");
        var manifest = BlobIn(index, "manifests");
        var text = File.ReadAllText(manifest);
        var spoiled = which switch { "manifest" => manifest, "config" => BlobIn(text, "config"), _ => BlobIn(text, "layers") };
        if (which == "missing")
        {
            File.Delete(spoiled);
        }
        else
        {
            var bytes = File.ReadAllBytes(spoiled);
            bytes[bytes.Length / 2] ^= 1;
            File.WriteAllBytes(spoiled, bytes);
        }
        // Not the ones that we have already.
        using var empty = new World();
        World.Shell($"tar -C layout -cf {World.Files}/spoiled.tar .").Succeeded();
        File.Copy(World.Files + "/spoiled.tar", empty.Files + "/spoiled.tar", overwrite: true);
        var outcome = empty.Run("load", "-i", "spoiled.tar");
        Assert.That(outcome.Code, Is.EqualTo(1), outcome.ToString());
        AssertOneLine(outcome);
        Assert.That(empty.Run("images", "-aq").Out, Is.Empty);
        Assert.That(Cleanliness.Leftovers(empty), Is.Empty);
        AssertNothingHappened();

        string BlobIn(string json, string name)
        {
            var at = json.IndexOf("sha256:", json.IndexOf($"\"{name}\"", StringComparison.Ordinal), StringComparison.Ordinal) + 7;
            return $"{World.Files}/layout/blobs/sha256/{json.Substring(at, 64)}";
        }
    }

    [Test]
    public void What_is_no_archive_is_refused()
    {
        File.WriteAllBytes(World.Files + "/garbage", Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("garbage ", 1000))));
        File.WriteAllBytes(World.Files + "/cut", File.ReadAllBytes(BusyboxImage.Archive)[..100_000]);
        foreach (var arguments in (string[][])[["load", "-i", "garbage"], ["load", "-i", "cut"], ["load", "-i", "nosuch"], ["import", "garbage", "x"], ["import", "cut", "x"], ["import", "nosuch", "x"]])
        {
            var outcome = Run(arguments);
            Assert.That(outcome.Code, Is.EqualTo(1), outcome.ToString());
            AssertOneLine(outcome);
        }
        AssertNothingHappened();
    }

    [TestCase("--pull never nosuch true", 125, "nosuch")]
    [TestCase("UPPER true", 125, "UPPER")]
    [TestCase("--network nosuch busybox true", 125, "nosuch")]
    [TestCase("--mount type=bind,source=/nosuch/x,target=/x busybox true", 125, "/nosuch/x")]
    [TestCase("-v /tmp:relative busybox true", 125, "relative")]
    [TestCase("-w relative busybox true", 125, "relative")]
    [TestCase("-m 1 busybox true", 125, "memory")]
    [TestCase("--ulimit nofile=x busybox true", 125, "nofile")]
    [TestCase("-e =x busybox true", 125, "=x")]
    [TestCase("--cap-add NOSUCH busybox true", 125, "NOSUCH")]
    [TestCase("-u nosuch busybox true", 125, "nosuch")]
    [TestCase("--stop-signal NOSUCH busybox true", 125, "NOSUCH")]
    [TestCase("--device /dev/nosuch busybox true", 125, "/dev/nosuch")]
    [TestCase("--env-file /nosuch busybox true", 125, "/nosuch")]
    [TestCase("busybox nosuch", 127, "nosuch")]
    [TestCase("busybox /nosuch/x", 127, "/nosuch/x")]
    [TestCase("busybox /etc/passwd", 126, "/etc/passwd")]
    [TestCase("busybox /etc", 126, "/etc")]
    public void A_wrong_run_is_refused(string words, int code, string named)
    {
        foreach (var mode in (string[])["--rm", "-d"])
        {
            var outcome = Run(["run", mode, .. words.Split(' ')]);
            Assert.That(outcome.Code, Is.EqualTo(code), outcome.ToString());
            Assert.That(outcome.Err, Does.Contain(named).And.Not.Contain("   at "), outcome.ToString());
            // As Docker does: a container that could not be started stays, unless it was to be removed.
            if (Run("ps", "-aq").Lines is { Length: > 0 } left) Run(["rm", "-f", .. left]).Succeeded();
            if (mode == "--rm") AssertNothingHappened();
        }
        AssertNothingHappened();
    }

    [Test]
    public void A_name_in_use_is_refused_and_its_volumes_are_not_made()
    {
        StartSleeper("taken");
        Run("run", "--name", "taken", "-v", "/anonymous", "-p", "8080:80", "busybox", "true").Failed(125, "taken");
        Assert.That(Run("volume", "ls", "-q").Out, Is.Empty);
        Assert.That(Run("ps", "-aq").Lines, Has.Length.EqualTo(1));
    }
}
