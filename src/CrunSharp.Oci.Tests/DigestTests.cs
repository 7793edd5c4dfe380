namespace CrunSharp.Oci.Tests;

public class DigestTests
{
    [Test]
    public void A_digest_prints_as_it_was_read()
    {
        var text = Digest.Of("abc"u8).ToString();
        Assert.That(Digest.Parse(text).ToString(), Is.EqualTo(text));
        Assert.That(text, Is.EqualTo("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    }

    [TestCase("")]
    [TestCase("sha256:")]
    [TestCase("sha256:../../../../../../../../../../../../../../../../../../../../../etc/pa")]
    [TestCase("sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD")]
    [TestCase("sha512:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    public void Anything_else_is_refused(string text) =>
        Assert.That(() => Digest.Parse(text), Throws.TypeOf<CrunException>());
}
