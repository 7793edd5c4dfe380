using CrunSharp.NativeTests.Harness;

namespace CrunSharp.NativeTests;

/// <summary><c>run -v</c> and <c>--mount</c>.</summary>
public sealed class VolumeTests : NativeTest
{
    private string[] Volumes => Run("volume", "ls", "-q").Succeeded().Lines;

    [TearDown]
    public void RemoveVolumes()
    {
        foreach (var name in Volumes)
        {
            Run(["rm", "-f", .. Run("ps", "-aq").Lines]);
            Run("volume", "rm", name).Succeeded();
        }
    }

    [Test]
    public void A_bind_mount_is_shared_both_ways()
    {
        World.File("shared/in", "from host\n");
        var outcome = InContainer("cat /m/in; echo from-container > /m/out", "-v", $"{World.Files}/shared:/m").Succeeded();
        Assert.That((outcome.Out, File.ReadAllText(World.Files + "/shared/out")), Is.EqualTo(("from host\n", "from-container\n")));
    }

    [TestCase("ro")]
    [TestCase("readonly")]
    public void A_read_only_bind_mount_cannot_be_written(string how)
    {
        World.File("fixed/in", "in\n");
        string[] option = how == "ro" ? ["-v", "./fixed:/m:ro"] : ["--mount", "type=bind,source=./fixed,target=/m,readonly"];
        var outcome = InContainer("cat /m/in; touch /m/x", option);
        Assert.That((outcome.Out, outcome.Err), Is.EqualTo(("in\n", "touch: /m/x: Read-only file system\n")));
    }

    [Test]
    public void Read_only_holds_for_what_is_mounted_below_it()
    {
        Directory.CreateDirectory(World.Files + "/outer/inner");
        World.Shell("mount -t tmpfs none outer/inner").Succeeded();
        try
        {
            Assert.That(InContainer("touch /m/inner/x", "-v", "./outer:/m:ro").Err, Is.EqualTo("touch: /m/inner/x: Read-only file system\n"));
        }
        finally
        {
            World.Shell("umount outer/inner").Succeeded();
        }
    }

    [Test]
    public void A_missing_source_is_made_for_v_and_refused_for_mount()
    {
        InContainer("test -d /m", "-v", $"{World.Files}/new/one:/m").Succeeded();
        Assert.That(Directory.Exists(World.Files + "/new/one"));
        Run("run", "--rm", "--network", "none", "--mount", $"type=bind,source={World.Files}/missing,target=/m", "busybox", "true").Failed(125, "bind source path does not exist");
        Assert.That(Directory.Exists(World.Files + "/missing"), Is.False);
    }

    [Test]
    public void A_single_file_can_be_mounted_also_where_there_is_none()
    {
        World.File("conf", "setting\n");
        Assert.That(InContainer("cat /etc/new/app.conf; cat /etc/passwd", "-v", "./conf:/etc/new/app.conf:ro", "-v", "./conf:/etc/passwd").Out, Is.EqualTo("setting\nsetting\n"));
    }

    [Test]
    public void A_relative_path_without_a_dot_is_no_source() =>
        Assert.That(InContainer("true", "-v", "rela/tive:/m"), Has.Property("Code").EqualTo(125).And.Property("Err").Contains("rela/tive"));

    [Test]
    public void A_named_volume_is_filled_from_the_image_and_keeps_what_is_written()
    {
        Assert.That(InContainer("cat /data/from-image; echo kept > /data/new", "-v", "store:/data").Out, Is.EqualTo("image\n"));
        Assert.That(InContainer("ls /data; cat /data/new", "-v", "store:/data").Out, Is.EqualTo("from-image\nnew\nkept\n"));
        Assert.That(Volumes, Is.EqualTo((string[])["store"]));
    }

    [Test]
    public void A_volume_gets_owner_and_mode_of_the_images_directory()
    {
        var image = BusyboxImage.With(World.Files + "/owned.tar", static tar =>
        {
            var entry = new System.Formats.Tar.PaxTarEntry(System.Formats.Tar.TarEntryType.Directory, "owned") { Mode = (UnixFileMode)0x1e8, Uid = 1000, Gid = 2000 };
            tar.WriteEntry(entry);
        });
        World.Import("owning", image);
        Assert.That(Run("run", "--rm", "--network", "none", "-v", "mine:/owned", "owning", "stat", "-c", "%u:%g %a", "/owned").Succeeded().Out, Is.EqualTo("1000:2000 750\n"));
    }

    [Test]
    public void An_unnamed_volume_goes_with_rm_and_stays_without()
    {
        InContainer("echo x > /v/x", "-v", "/v").Succeeded();
        Assert.That(Volumes, Is.Empty);
        Run("run", "--name", "keeps", "--network", "none", "-v", "/v", "busybox", "true").Succeeded();
        Assert.That(Volumes, Has.Length.EqualTo(1).And.All.Match("^[0-9a-f]{64}$"));
        Run("rm", "keeps").Succeeded();
        Assert.That(Volumes, Has.Length.EqualTo(1));
    }

    [Test]
    public void Rm_v_removes_unnamed_volumes_only()
    {
        Run("run", "--name", "both", "--network", "none", "-v", "/v", "-v", "named:/n", "busybox", "true").Succeeded();
        Run("rm", "-v", "both").Succeeded();
        Assert.That(Volumes, Is.EqualTo((string[])["named"]));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void The_longer_path_wins_whatever_the_order(bool innerFirst)
    {
        World.File("app/code", "code\n");
        World.File("mods/lib", "lib\n");
        string[] outer = ["-v", "./app:/data"], inner = ["-v", "./mods:/data/node_modules"];
        string[] options = innerFirst ? [.. inner, .. outer] : [.. outer, .. inner];
        Assert.That(InContainer("cat /data/code /data/node_modules/lib", options).Out, Is.EqualTo("code\nlib\n"));
        Assert.That(Directory.Exists(World.Files + "/app/node_modules"), "the place for the inner one is made in the outer one's source");
        Directory.Delete(World.Files + "/app", recursive: true);
    }

    [Test]
    public void A_volume_below_a_read_only_mount_can_be_written()
    {
        World.File("app2/code", "code\n");
        Directory.CreateDirectory(World.Files + "/app2/temp");
        Assert.That(InContainer("touch /app/x; touch /app/temp/y && echo written", "-v", "./app2:/app:ro", "-v", "/app/temp").Out, Is.EqualTo("written\n"));
    }

    [Test]
    public void A_volume_in_use_is_not_removed()
    {
        StartSleeper("user", "-v", "busy:/v");
        Assert.That(Run("volume", "rm", "busy"), Has.Property("Code").Not.Zero.And.Property("Err").Contains("volume is in use"));
    }

    [Test]
    public void Nothing_mounted_by_a_container_shows_on_the_host()
    {
        StartSleeper("mounts", "-v", "./p:/m:rw", "--cap-add", "SYS_ADMIN");
        Run("exec", "mounts", "mount", "-t", "tmpfs", "none", "/m").Succeeded();
        Assert.That(World.Host.Mounts, Does.Not.Contain($"{World.Files}/p"));
    }
}
