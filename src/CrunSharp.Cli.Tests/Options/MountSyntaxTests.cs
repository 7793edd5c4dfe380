using CrunSharp.Cli.Options;

namespace CrunSharp.Cli.Tests.Options;

public class MountSyntaxTests
{
    [TestCase("data:/var/lib", "Volume data /var/lib")]
    [TestCase("/host:/ctr:ro,z", "Bind /host /ctr ro z makes")]
    [TestCase("/anon", "Volume  /anon")]
    [TestCase("/anon:ro", "Volume  /anon ro")]
    [TestCase("/a//b/../c:/x/./y/", "Bind /a/c /x/y makes")]
    [TestCase("/a:/b:delegated", "Bind /a /b makes")]
    [TestCase("/a:/b:rshared,ro", "Bind /a /b ro rshared makes")]
    [TestCase("data:/x:nocopy", "Volume data /x nocopy")]
    [TestCase("/path with blanks:/app", "Bind /path with blanks /app makes")]
    public void Volumes_are_read(string text, string result) => Assert.That(Describe(MountSyntax.Volume(text)), Is.EqualTo(result));

    [Test]
    public void A_relative_source_is_below_the_current_directory() =>
        Assert.That(MountSyntax.Volume("./rel:/x").Source, Is.EqualTo(Path.GetFullPath("rel")));

    [TestCase("type=bind,source=/a,target=/b,readonly", "Bind /a /b ro")]
    [TestCase("type=bind,src=/a,dst=/b,ro=false,bind-propagation=rslave", "Bind /a /b rslave")]
    [TestCase("target=/b", "Volume  /b")]
    [TestCase("type=volume,source=data,destination=/b,volume-nocopy", "Volume data /b nocopy")]
    [TestCase("type=bind,\"source=/a,b\",target=/b", "Bind /a,b /b")]
    public void Mounts_are_read(string text, string result) => Assert.That(Describe(MountSyntax.Mount(text)), Is.EqualTo(result));

    [Test]
    public void Tmpfs_keeps_its_options()
    {
        var mount = MountSyntax.Mount("type=tmpfs,target=/b,tmpfs-size=64m,tmpfs-mode=1770");
        Assert.That((mount.TmpfsSize, mount.TmpfsMode), Is.EqualTo((64L << 20, 1016u)));
        Assert.That(MountSyntax.Tmpfs("/run:rw,size=64k").TmpfsOptions, Is.EqualTo((string[])["rw", "size=64k"]));
    }

    private static string Describe(VolumeSpec v) =>
        $"{v.Kind} {v.Source} {v.Target}{(v.ReadOnly ? " ro" : "")}{(v.Relabel == 0 ? "" : " " + v.Relabel)}{(v.NoCopy ? " nocopy" : "")}"
        + $"{(v.Propagation is null ? "" : " " + v.Propagation)}{(v.MakesSource ? " makes" : "")}";
}
