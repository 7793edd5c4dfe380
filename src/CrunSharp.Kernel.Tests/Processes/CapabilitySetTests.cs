using CrunSharp.Kernel.Processes;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Tests.Processes;

public class CapabilitySetTests
{
    [TestCase("CAP_CHOWN", 1UL)]
    [TestCase("chown", 1UL)]
    [TestCase("cap_Sys_Admin", 1UL << 21)]
    [TestCase("CHECKPOINT_RESTORE", 1UL << 40)]
    [TestCase("all", (1UL << 41) - 1)]
    public void A_name_is_read(string text, ulong mask) => Assert.That(CapabilitySet.Parse(text).Mask, Is.EqualTo(mask));

    [TestCase("")]
    [TestCase("CAP_")]
    [TestCase("CAP_CAP_CHOWN")]
    [TestCase("1")]
    public void What_is_no_capability_is_refused(string text) =>
        Assert.That(() => CapabilitySet.Parse(text), Throws.TypeOf<CrunException>());

    [Test]
    public void Names_are_those_of_the_C_header() =>
        Assert.That(CapabilitySet.All.ToNames(), Is.EqualTo(Enum.GetNames<Capability>()));

    [Test]
    public void Names_come_back_and_unknown_ones_are_told()
    {
        var unknown = new List<string>();
        var set = CapabilitySet.FromNames(["CAP_KILL", "CAP_FUTURE", "CAP_CHOWN"], unknown);
        Assert.Multiple(() =>
        {
            Assert.That(set.ToString(), Is.EqualTo("CAP_CHOWN,CAP_KILL"));
            Assert.That(set, Is.EqualTo(CapabilitySet.Of(Capability.CAP_CHOWN, Capability.CAP_KILL)));
            Assert.That(unknown, Is.EqualTo(new[] { "CAP_FUTURE" }));
            Assert.That((set - CapabilitySet.Parse("kill")).ToString(), Is.EqualTo("CAP_CHOWN"));
        });
    }

    [Test]
    public void The_sets_of_this_process_fit_together()
    {
        var now = CapabilitySet.OfThisProcess();
        Assert.Multiple(() =>
        {
            Assert.That(now.Bounding, Is.Not.EqualTo(CapabilitySet.Empty));
            Assert.That(now.Effective - now.Permitted, Is.EqualTo(CapabilitySet.Empty));
            Assert.That(now.Ambient - now.Inheritable, Is.EqualTo(CapabilitySet.Empty));
        });
    }
}
