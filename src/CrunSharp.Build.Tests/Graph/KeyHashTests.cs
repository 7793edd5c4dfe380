using CrunSharp.Build.Graph;
using CrunSharp.Oci;

namespace CrunSharp.Build.Tests.Graph;

public class KeyHashTests
{
    private static readonly Digest One = Digest.Of("1"u8);

    [Test]
    public void Parts_that_are_cut_at_other_places_are_others()
    {
        var hashes = new[]
        {
            new KeyHash().Append("ab").Append("c"),
            new KeyHash().Append("a").Append("bc"),
            new KeyHash().Append("abc"),
            new KeyHash().Append("abc").Append(""),
            new KeyHash().Append("abc").Append(0L),
            new KeyHash().Append("abc").Append(0L).Append(0L),
            new KeyHash().Append("abc").Append(default(Digest)).Append(0L).Append(0L),
            new KeyHash().Append("abc").Append(One),
        };
        Assert.That(hashes.Select(static hash => hash.Finish()).Distinct().Count(), Is.EqualTo(hashes.Length - 1), "an empty text is as the number 0, and the kind of a part is known by its place");
    }

    [Test]
    public void Long_contents_matter_to_their_last_byte([Values(100, 32_768, 65_520, 65_536, 65_537, 300_000)] int length)
    {
        var bytes = new byte[length];
        var whole = Hash(bytes);
        Assert.That(Hash(bytes), Is.EqualTo(whole));
        foreach (var at in (int[])[0, length / 2, length - 1])
        {
            bytes[at] = 1;
            Assert.That(Hash(bytes), Is.Not.EqualTo(whole), $"byte {at}");
            bytes[at] = 0;
        }
        Assert.That(new KeyHash().Append(new string('\0', length)).Append("end").Finish(), Is.EqualTo(whole), "a text is its bytes");

        static Digest Hash(byte[] bytes) => new KeyHash().Append(bytes).Append("end").Finish();
    }

    [Test]
    public void Many_parts_matter_each()
    {
        Assert.That(Enumerable.Range(-1, 2001).Select(Hash).Distinct().Count(), Is.EqualTo(2001));

        static Digest Hash(int other)
        {
            var hash = new KeyHash();
            for (var i = 0; i < 2000; i++) hash.AppendName(i == other ? "other" : $"file {i}").Append(One).Append(i);
            return hash.Finish();
        }
    }

    [Test]
    public void Names_that_are_no_text_are_their_bytes() =>
        Assert.That(new KeyHash().AppendName("a\udcff").Finish(), Is.EqualTo(new KeyHash().Append([(byte)'a', 0xff]).Finish()));
}
