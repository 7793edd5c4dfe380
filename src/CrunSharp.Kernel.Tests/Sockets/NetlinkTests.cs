using System.Diagnostics;
using System.Text;
using CrunSharp.Kernel.Libc;
using CrunSharp.Kernel.Namespaces;
using CrunSharp.Kernel.Sockets;
using CrunSharp.Oci;
using static CrunSharp.Kernel.Libc.IFLA;
using static CrunSharp.Kernel.Libc.NLM;
using static CrunSharp.Kernel.Libc.RTM;

namespace CrunSharp.Kernel.Tests.Sockets;

[Category("needs-root")]
public class NetlinkTests
{
    private Process _holder = null!;

    [OneTimeSetUp]
    public void MakeNamespace()
    {
        _holder = Process.Start("unshare", ["-n", "sleep", "300"]);
        using var mine = NetworkNamespace.OpenCurrent();
        // unshare has not run yet when Start returns.
        while (true)
        {
            using var its = NetworkNamespace.Open(_holder.Id);
            if (!NetworkNamespace.AreSame(mine, its)) break;
            Thread.Sleep(2);
        }
    }

    [OneTimeTearDown]
    public void EndNamespace()
    {
        _holder.Kill();
        _holder.WaitForExit();
        _holder.Dispose();
    }

    private NetlinkSocket OpenInside()
    {
        using var inside = NetworkNamespace.Open(_holder.Id);
        return NetworkNamespace.OpenNetlink(inside, NetlinkProtocol.NETLINK_ROUTE);
    }

    private static NetlinkWriter Link(ushort type, ushort flags, uint index = 0, string operation = "test link") =>
        new NetlinkWriter().Begin(type, flags, operation).UInt32(0).UInt32(index).UInt32(0).UInt32(0);

    private static NetlinkWriter Add(string name, string kind)
    {
        var message = Link(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, operation: $"add link {name}").AttributeText(IFLA_IFNAME, name);
        var info = message.BeginNested(IFLA_LINKINFO);
        return message.AttributeText(IFLA_INFO_KIND, kind).End(info);
    }

    [Test]
    public void A_link_is_made_in_the_other_namespace_and_listed_there_only()
    {
        using var inside = OpenInside();
        inside.Execute(Add("crtest0", "bridge"));
        using var outside = NetlinkSocket.Open(NetlinkProtocol.NETLINK_ROUTE);
        Assert.Multiple(() =>
        {
            Assert.That(Names(inside), Is.EquivalentTo(new[] { "lo", "crtest0" }));
            Assert.That(Names(outside), Does.Not.Contain("crtest0"));
        });
    }

    [Test]
    public void A_refusal_names_operation_error_and_the_kernels_text()
    {
        using var inside = OpenInside();
        var error = Assert.Throws<CrunException>(() => inside.Execute(Add("crtest1", "no-such-kind")))!;
        Assert.Multiple(() =>
        {
            Assert.That(error.Message, Does.StartWith("add link crtest1: Unknown device type"));
            Assert.That(error.Errno, Is.EqualTo(Errno.EOPNOTSUPP));
            Assert.That(error.Kind, Is.EqualTo(ErrorKind.Unsupported));
        });
    }

    [Test]
    public void All_messages_of_one_send_are_answered_and_the_socket_goes_on()
    {
        using var inside = OpenInside();
        var messages = Link(RTM_GETLINK, NLM_F_ACK, 1);
        messages.Clear();
        foreach (var index in (uint[])[77, 1, 78])
            messages.Begin(RTM_NEWLINK, NLM_F_ACK, $"set link {index}").UInt32(0).UInt32(index).UInt32(0).UInt32(0);
        var errors = inside.TryExecute(messages);
        Assert.That(errors.Select(e => (e.Message, e.Operation, e.Errno)),
            Is.EqualTo(new[] { (0, "set link 77", Errno.ENODEV), (2, "set link 78", Errno.ENODEV) }));
        Assert.That(inside.TryGet(Link(RTM_GETLINK, 0, 1), out _), Is.Not.Null);
        Assert.That(inside.TryGet(Link(RTM_GETLINK, 0, 99), out var errno), Is.Null);
        Assert.That(errno, Is.EqualTo(Errno.ENODEV));
    }

    [Test]
    public void A_value_that_is_too_long_is_refused_and_not_cut()
    {
        var writer = Link(RTM_NEWLINK, 0);
        Assert.That(() => writer.Attribute(IFLA_ADDRESS, new byte[65532]), Throws.TypeOf<CrunException>());
        var nest = Link(RTM_NEWLINK, 0);
        var mark = nest.BeginNested(IFLA_LINKINFO);
        nest.Attribute(1, new byte[40000]).Attribute(1, new byte[40000]);
        Assert.That(() => nest.End(mark), Throws.TypeOf<CrunException>().With.Message.Contains("longer than 65535"));
        Assert.That(() => Link(RTM_NEWLINK, 0).AttributeText(IFLA_IFNAME, "a\0b"), Throws.TypeOf<CrunException>());
    }

    [Test]
    public void Attributes_are_aligned_to_four_bytes()
    {
        var writer = new NetlinkWriter().Begin(16, 0, "test").AttributeByte(5, 7).AttributeText(6, "abcd");
        Assert.That(Convert.ToHexString(writer.Written[16..]), Is.EqualTo("0500050007000000" + "09000600616263640000000000"[..^2]));
    }

    [TestCase("0300010000000000", TestName = "An_answer_with_an_attribute_shorter_than_its_header_is_refused")]
    [TestCase("0900010000000000", TestName = "An_answer_with_an_attribute_longer_than_itself_is_refused")]
    public void Refused(string bytes) =>
        Assert.That(() => new NetlinkAttributes(Convert.FromHexString(bytes)).TryFind(9, out _),
            Throws.TypeOf<CrunException>().With.Property("Kind").EqualTo(ErrorKind.Integrity));

    [Test]
    public void An_exception_in_another_namespace_reaches_the_caller()
    {
        using var inside = NetworkNamespace.Open(_holder.Id);
        Assert.That(() => NetworkNamespace.Run(inside, () => throw new InvalidOperationException("inside")), Throws.InvalidOperationException);
        Assert.That(() => NetworkNamespace.Open(int.MaxValue), Throws.TypeOf<CrunException>());
    }

    private static List<string> Names(NetlinkSocket socket) =>
        socket.Dump(Link(RTM_GETLINK, NLM_F_DUMP), body =>
            NetlinkAttributes.After(body, 16).TryFind(IFLA_IFNAME, out var name) ? Encoding.UTF8.GetString(name.TrimEnd((byte)0)) : null);
}
