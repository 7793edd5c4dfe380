using CrunSharp.Engine.Specs;
using CrunSharp.Kernel.Files;
using CrunSharp.Oci;
using Microsoft.Win32.SafeHandles;

namespace CrunSharp.Engine.Tests.Specs;

public class UserLookupTests
{
    private string _path = "";
    private SafeFileHandle _root = null!;

    [SetUp]
    public void MakeRoot()
    {
        _path = Directory.CreateTempSubdirectory("crun-sharp-test-").FullName;
        Directory.CreateDirectory(_path + "/etc");
        File.WriteAllText(_path + "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001::/srv:/bin/sh\n4294967296:x:0:0::/:/bin/sh\n");
        File.WriteAllText(_path + "/etc/group", "root:x:0:\nstaff:x:50:web,other\nwheel:x:10:other\n");
        _root = FileAt.OpenDirectory(_path);
    }

    [TearDown]
    public void RemoveRoot()
    {
        _root.Dispose();
        FileAt.RemoveTree(null, _path);
    }

    [TestCase("", 0u, 0u, "/root")]
    [TestCase("web", 1000u, 1001u, "/srv")]
    [TestCase("1000", 1000u, 1001u, "/srv")]
    [TestCase("77", 77u, 0u, "/")]
    [TestCase("web:staff", 1000u, 50u, "/srv")]
    [TestCase("77:88", 77u, 88u, "/")]
    public void A_user_is_found_by_name_or_number(string text, uint uid, uint gid, string home)
    {
        var (user, found) = UserLookup.Find(_root, text, []);
        Assert.That((user.Uid, user.Gid, found), Is.EqualTo((uid, gid, home)));
    }

    [Test]
    public void Groups_are_its_own_the_users_and_the_added_ones()
    {
        var (user, _) = UserLookup.Find(_root, "web", ["wheel", "7", "50"]);
        Assert.That(user.AdditionalGids, Is.EqualTo(new uint[] { 1001, 50, 10, 7 }));
    }

    [TestCase("web:wheel", 10u)]
    [TestCase("77:88", 88u)]
    [TestCase("77", 0u)]
    public void A_group_that_is_given_is_the_only_one(string text, uint group) =>
        Assert.That(UserLookup.Find(_root, text, []).User.AdditionalGids, Is.EqualTo(new[] { group }));

    [TestCase("nobody")]
    [TestCase("web:nogroup")]
    [TestCase("1:2:3")]
    [TestCase("4294967296")]
    [TestCase("2147483648")]
    [TestCase("-1")]
    public void Anything_else_is_refused(string text) =>
        Assert.That(() => UserLookup.Find(_root, text, []), Throws.TypeOf<CrunException>());

    [Test]
    public void A_passwd_that_is_a_pipe_or_leads_out_is_not_read()
    {
        FileAt.Remove(_root, "etc/passwd");
        FileAt.MakeNode(_root, "etc/passwd", FileKind.Fifo, 0x1a4);
        Assert.That(UserLookup.Find(_root, "0", []).User.Uid, Is.Zero);
        FileAt.Remove(_root, "etc/passwd");
        FileAt.MakeSymbolicLink(_root, "etc/passwd", "/../../../../../../etc/passwd");
        Assert.That(() => UserLookup.Find(_root, "daemon", []), Throws.TypeOf<CrunException>());
    }
}
