using CrunSharp.Oci;
using CrunSharp.Oci.Runtime;
using CrunSharp.Runtime.Cgroups;
using CrunSharp.Runtime.Defaults;

namespace CrunSharp.Runtime.Tests.Cgroups;

public class DeviceListV1Tests
{
    private static DeviceRule Rule(string text)
    {
        var words = text.Split(' ');
        return new DeviceRule
        {
            Allow = words[0] == "+",
            Type = words[1],
            Major = words[2] == "*" ? -1 : long.Parse(words[2]),
            Minor = words[3] == "*" ? -1 : long.Parse(words[3]),
            Access = words[4],
        };
    }

    [TestCase("", "devices.deny a")]
    [TestCase("- a * * rwm", "devices.deny a")]
    [TestCase("+ a * * rwm", "devices.allow a")]
    [TestCase("- a * * rwm;+ c 1 3 rw", "devices.deny a;devices.allow c 1:3 rw")]
    [TestCase("+ c 1 3 rwm;- c 1 3 w", "devices.deny a;devices.allow c 1:3 rm")]
    [TestCase("+ c 1 3 rw;- c 1 * rwm", "devices.deny a")]
    [TestCase("+ c 1 3 rw;- b 1 3 rw", "devices.deny a;devices.allow c 1:3 rw")]
    [TestCase("+ a 1 * r", "devices.deny a;devices.allow b 1:* r;devices.allow c 1:* r")]
    [TestCase("+ a * * rwm;- c 10 200 rwm;+ c 1 3 rwm", "devices.allow a;devices.deny c 10:200 rwm")]
    [TestCase("+ c 1 3 rw;+ a * * rwm;+ c 5 1 r", "devices.allow a")]
    [TestCase("+ c * * m;- c 10 200 rwm", "devices.deny a;devices.allow c *:* m")]
    public void Rules_become_a_list_of_exceptions(string rules, string expected)
    {
        var commands = DeviceListV1.Compile([.. rules.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(Rule)]);
        Assert.That(string.Join(';', commands.Select(command => $"{command.File} {command.Value}")), Is.EqualTo(expected));
    }

    [TestCase("+ c 1 * rw;- c 1 3 r", "device rule 2 cannot be enforced in cgroup v1: it is about a part of what \"c 1:* rw\" is about")]
    [TestCase("+ a * * rwm;- c 1 * r;+ c * 3 r", "device rule 3 cannot be enforced in cgroup v1")]
    public void An_exception_of_an_exception_is_refused(string rules, string message) =>
        Assert.That(() => DeviceListV1.Compile([.. rules.Split(';').Select(Rule)]), Throws.TypeOf<CrunException>().With.Message.StartsWith(message));

    [Test]
    public void The_default_rules_are_possible() =>
        Assert.That(DeviceListV1.Compile(DefaultDevices.Rules), Has.Count.EqualTo(1 + DefaultDevices.Allowed.Count));
}
