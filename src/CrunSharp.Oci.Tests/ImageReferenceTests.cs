namespace CrunSharp.Oci.Tests;

public class ImageReferenceTests
{
    [TestCase("busybox", "docker.io/library/busybox:latest", "busybox:latest")]
    [TestCase("user/app:1.0", "docker.io/user/app:1.0", "user/app:1.0")]
    [TestCase("localhost/app", "localhost/app:latest", "localhost/app:latest")]
    [TestCase("localhost:5000/a/b:x", "localhost:5000/a/b:x", "localhost:5000/a/b:x")]
    [TestCase("index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest")]
    [TestCase("[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest")]
    [TestCase("a__b.c---d", "docker.io/library/a__b.c---d:latest", "a__b.c---d:latest")]
    public void A_name_is_normalised_as_Docker_does(string text, string whole, string familiar)
    {
        var reference = ImageReference.Parse(text);
        Assert.Multiple(() =>
        {
            Assert.That(reference.ToString(), Is.EqualTo(whole));
            Assert.That(reference.Familiar, Is.EqualTo(familiar));
        });
    }

    [Test]
    public void A_digest_needs_no_tag()
    {
        var reference = ImageReference.Parse("busybox@" + Digest.Of([]));
        Assert.That(reference.Tag, Is.Null);
    }

    [TestCase("")]
    [TestCase("Busybox")]
    [TestCase("a//b")]
    [TestCase("a/../b")]
    [TestCase("-a")]
    [TestCase("a_-b")]
    [TestCase("a:")]
    [TestCase("a:ta g")]
    [TestCase("host:port/a")]
    [TestCase("a@sha256:12")]
    [TestCase("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    public void A_malformed_name_is_refused(string text) =>
        Assert.That(() => ImageReference.Parse(text), Throws.TypeOf<CrunException>());
}
