using System.Diagnostics;
using CrunSharp.Oci;
using CrunSharp.Runtime.Cgroups;
using CrunSharp.Runtime.Cgroups.Systemd;

namespace CrunSharp.Runtime.Tests.Cgroups.Systemd;

public class DBusTests
{
    [Test]
    public void A_call_is_written_as_the_specification_says()
    {
        var message = DBusWriter.Call(7, null, "/a", "b.c", "D", "sb", writer =>
        {
            writer.String("hey");
            writer.Boolean(true);
        });
        Assert.That(Convert.ToHexString(message), Is.EqualTo(
            "6C010001" + "0C000000" + "07000000" + "38000000" // little-endian, call, no flags, version 1; body, serial, fields
            + "01016F00" + "02000000" + "2F6100" + "0000000000" // path
            + "02017300" + "03000000" + "622E6300" + "00000000" // interface
            + "03017300" + "01000000" + "4400" + "000000000000" // member
            + "08016700" + "02736200" // signature
            + "03000000" + "68657900" + "01000000"));
    }

    [Test]
    public void Properties_are_aligned_as_structures_of_variants()
    {
        var writer = new DBusWriter();
        writer.Array(8, items =>
        {
            items.Align(8);
            items.String("A");
            items.Variant(DBusValue.Of(5ul));
            items.Align(8);
            items.String("B");
            items.Variant(DBusValue.OfNumbers(9));
        });
        Assert.That(Convert.ToHexString(writer.Written.ToArray()), Is.EqualTo(
            "2C000000" + "00000000" // length without the space before the first
            + "01000000" + "4100" + "01" + "7400" + "00000000000000" + "0500000000000000"
            + "01000000" + "4200" + "02" + "617500" + "0000" + "04000000" + "09000000"));
    }

    [Test]
    public void What_is_no_message_is_refused()
    {
        var answer = Answer("a long enough text"u8.ToArray());
        for (var cut = 0; cut < answer.Length - DBusMessage.FixedSize; cut++)
        {
            var (start, rest) = (answer[..DBusMessage.FixedSize], answer[DBusMessage.FixedSize..]);
            for (var bit = 0; bit < 8; bit++)
            {
                var broken = (byte[])rest.Clone();
                broken[cut] ^= (byte)(1 << bit);
                try
                {
                    DBusMessage.Read(start, broken).TextOf(0);
                }
                catch (CrunException error)
                {
                    Assert.That(error.Kind, Is.EqualTo(ErrorKind.Integrity));
                }
            }
        }
        Assert.That(() => DBusMessage.Measure("HTTP/1.1 400 Bad"u8), Throws.TypeOf<CrunException>());
        Assert.That(() => DBusMessage.Measure([(byte)'l', 2, 0, 1, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0]), Throws.TypeOf<CrunException>());
    }

    private static byte[] Answer(byte[] text) =>
        DBusWriter.Call(1, "d", "/a", "b.c", "D", "s", writer => writer.String(System.Text.Encoding.UTF8.GetString(text)));

    [TestCase("true", "b", "true")]
    [TestCase("'it''s'", "s", "it''s")]
    [TestCase("\"text\"", "s", "text")]
    [TestCase("7", "i", "7")]
    [TestCase("uint64 123456789", "t", "123456789")]
    [TestCase("uint32 5", "u", "5")]
    [TestCase("int64 -5", "x", "-5")]
    [TestCase("byte 5", "y", "5")]
    [TestCase("['a', 'b']", "as", "a b")]
    [TestCase("[]", "as", "")]
    [TestCase("objectpath '/a'", "o", "/a")]
    public void A_value_is_read_as_people_write_it(string text, string signature, string value)
    {
        var read = DBusValue.Parse(text);
        Assert.That((read.Signature, read.Text), Is.EqualTo((signature, value)));
        Assert.DoesNotThrow(() => new DBusWriter().Variant(read));
    }

    [TestCase("")]
    [TestCase("text")]
    [TestCase("'text")]
    [TestCase("uint64 -1")]
    [TestCase("byte 256")]
    [TestCase("[1, 2]")]
    [TestCase("tuple (1, 2)")]
    public void What_is_no_value_is_refused(string text) => Assert.That(() => DBusValue.Parse(text), Throws.TypeOf<CrunException>());

    [Test]
    public void A_bus_answers()
    {
        var folder = Directory.CreateTempSubdirectory("crun-sharp-test-").FullName;
        ProcessStartInfo daemon = new("dbus-daemon", ["--session", "--nofork", "--nopidfile", "--nosyslog", $"--address=unix:path={folder}/bus", "--print-address"]) { RedirectStandardOutput = true };
        Process? process = null;
        try
        {
            try
            {
                process = Process.Start(daemon)!;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                Assert.Ignore("this host has no dbus-daemon");
            }
            Assert.That(process!.StandardOutput.ReadLine(), Does.StartWith("unix:path="));
            Assert.That(DBusConnection.TryConnect(folder, "nobody", "org.freedesktop.DBus", 0), Is.Null);
            using var bus = DBusConnection.TryConnect(folder, "bus", "org.freedesktop.DBus", Kernel.Files.OpenFile.CreationOwner.Uid)!;
            bus.Subscribe("/org/freedesktop/DBus", "org.freedesktop.DBus");
            Assert.Multiple(() =>
            {
                Assert.That(Call(bus, "GetId", "").TextOf(0), Has.Length.EqualTo(32));
                Assert.That(() => Call(bus, "GetNameOwner", "s", "no.such.name"), Throws.TypeOf<CrunException>()
                    .With.Message.EqualTo("ask systemd to GetNameOwner: Could not get owner of name 'no.such.name': no such name"));
                Call(bus, "RequestName", "su", "com.example.Test");
                Assert.That(bus.WaitFor("NameOwnerChanged", 0, "com.example.Test").TextOf(2), Does.StartWith(":1."));
                Assert.That(() => bus.Call("/org/freedesktop/DBus", "org.freedesktop.DBus", "Nonsense", "", null), Throws.TypeOf<CrunException>());
                Assert.That(Call(bus, "NameHasOwner", "s", "com.example.Test").Body, Is.EqualTo(new byte[] { 1, 0, 0, 0 }));
            });
        }
        finally
        {
            process?.Kill();
            process?.WaitForExit();
            process?.Dispose();
            Directory.Delete(folder, recursive: true);
        }

        static DBusMessage Call(DBusConnection bus, string member, string signature, string name = "") =>
            bus.Call("/org/freedesktop/DBus", "org.freedesktop.DBus", member, signature, signature.Length == 0 ? null : writer =>
            {
                writer.String(name);
                if (signature.EndsWith('u')) writer.UInt32(0);
            });
    }

    [Test]
    public void Limits_become_properties()
    {
        CgroupSetting Setting(string file, string value, string? fallback = null, string? fallbackValue = null) =>
            new("x", "x", file, value, fallback) { FallbackValue = fallbackValue };
        var properties = SystemdProperties.From(
        [
            Setting("memory.max", "1000"), Setting("memory.swap.max", "max"), Setting("memory.high", "2000"), Setting("pids.max", "5"), Setting("cpu.weight", "59"),
            Setting("cpu.max", "50000 100000"), Setting("cpuset.cpus", "0,8-9"), Setting("cpuset.mems", "0"), Setting("io.bfq.weight", "100", "io.weight", "910"),
            Setting("io.bfq.weight", "8:0 100", "io.weight", "8:0 910"), Setting("io.max", "8:0 rbps=1"), Setting("memory.min", "nonsense"), Setting("cpu.max.burst", "5"),
        ]);
        Assert.That(properties.Select(property => $"{property.Name} {property.Value.Signature} {property.Value.Text}"), Is.EqualTo(new[]
        {
            "MemoryMax t 1000", "MemorySwapMax t 18446744073709551615", "MemoryHigh t 2000", "TasksMax t 5", "CPUWeight t 59",
            "CPUQuotaPerSecUSec t 500000", "CPUQuotaPeriodUSec t 100000", "AllowedCPUs ay 0103", "AllowedMemoryNodes ay 01", "IOWeight t 910",
        }));
    }

    [TestCase("max 100000", 18446744073709551615UL)]
    [TestCase("20000", 200000UL)]
    [TestCase("1 1000000", 10000UL)]
    [TestCase("33333 100000", 340000UL)]
    public void A_quota_is_of_a_second_and_not_less_than_asked_for(string value, ulong perSecond) =>
        Assert.That(SystemdProperties.From([new CgroupSetting("x", "cpu", "cpu.max", value)])[0].Value.Text, Is.EqualTo(perSecond.ToString()));

    [Test]
    public void Annotations_become_properties()
    {
        var properties = SystemdProperties.FromAnnotations(new Dictionary<string, string>
        {
            ["org.systemd.property.TimeoutStopUSec"] = "uint64 123456789",
            ["org.systemd.property.TimeoutStopSec"] = "1.5",
            ["org.systemd.property.CollectMode"] = "'inactive-or-failed'",
            ["other"] = "nonsense",
        }.Where(pair => pair.Key != "org.systemd.property.TimeoutStopSec").ToDictionary());
        Assert.That(properties.Select(property => $"{property.Name} {property.Value.Signature} {property.Value.Text}"),
            Is.EqualTo(new[] { "TimeoutStopUSec t 123456789", "CollectMode s inactive-or-failed" }));
    }

    [TestCase("org.systemd.property.TimeoutStopSec", "12", "TimeoutStopUSec t 12000000")]
    [TestCase("org.systemd.property.TimeoutStopSec", "double 1.5", "TimeoutStopUSec t 1500000")]
    public void Seconds_become_microseconds(string key, string value, string expected)
    {
        var (name, read) = SystemdProperties.FromAnnotations(new Dictionary<string, string> { [key] = value })[0];
        Assert.That($"{name} {read.Signature} {read.Text}", Is.EqualTo(expected));
    }

    [TestCase("org.systemd.property.", "1")]
    [TestCase("org.systemd.property.Some-Thing", "1")]
    [TestCase("org.systemd.property.Description", "text without quotes")]
    public void What_is_no_property_is_refused(string key, string value) =>
        Assert.That(() => SystemdProperties.FromAnnotations(new Dictionary<string, string> { [key] = value }),
            Throws.TypeOf<CrunException>().With.Message.StartsWith($"annotation {key}: "));

    [TestCase("0-")]
    [TestCase("3-1")]
    [TestCase("a")]
    [TestCase("0-100000")]
    public void What_is_no_list_of_processors_is_refused(string list) =>
        Assert.That(() => SystemdProperties.Mask(list), Throws.TypeOf<CrunException>());
}
