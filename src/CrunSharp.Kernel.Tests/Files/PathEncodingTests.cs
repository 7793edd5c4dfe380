using CrunSharp.Kernel.Files;

namespace CrunSharp.Kernel.Tests.Files;

public class PathEncodingTests
{
    [TestCase("plain")]
    [TestCase("größe-日本-😀")]
    public void A_valid_name_is_itself(string name) =>
        Assert.That(PathEncoding.Decode(PathEncoding.Encode(name)), Is.EqualTo(name));

    [Test]
    public void Any_bytes_come_back()
    {
        var random = new Random(1);
        for (var i = 0; i < 2000; i++)
        {
            var bytes = new byte[random.Next(40)];
            random.NextBytes(bytes);
            Assert.That(PathEncoding.Encode(PathEncoding.Decode(bytes)), Is.EqualTo(bytes));
        }
    }
}
