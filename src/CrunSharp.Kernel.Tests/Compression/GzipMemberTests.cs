using System.IO.Compression;
using System.Text;
using CrunSharp.Kernel.Compression;
using CrunSharp.Oci;

namespace CrunSharp.Kernel.Tests.Compression;

/// <summary>Members of gzip: any decoder reads them, and they never change.</summary>
internal sealed class GzipMemberTests
{
    private const int Large = 1024 * 1024;

    private static IEnumerable<TestCaseData> Contents()
    {
        foreach (var size in (int[])[0, 1, 2, 3, 4, 5, 12, 257, 258, 259, 270, 271, 4096, 65535, 65536, 65537, Large])
        {
            yield return new TestCaseData("zeros", new byte[size]);
            yield return new TestCaseData("noise", Noise(size, 256));
            yield return new TestCaseData("two letters", Noise(size, 2));
            yield return new TestCaseData("words", Words(size));
            yield return new TestCaseData("mixture", Mixture(size));
        }
        // What is rarest is so much rarer that its code would be longer than allowed.
        yield return new TestCaseData("fibonacci", Fibonacci());
        // A match that ends just where the window does, and one that is a byte too far.
        foreach (var gap in (int[])[32767, 32768, 32769, 65535, 65536, 65537]) yield return new TestCaseData($"gap of {gap}", Gap(gap));
    }

    [TestCaseSource(nameof(Contents))]
    public void Content_comes_back(string kind, byte[] content) =>
        Assert.That(Decompress(Compress(content)).AsSpan().SequenceEqual(content), Is.True, $"{kind} of {content.Length} bytes");

    [Test]
    public void Content_made_by_chance_comes_back()
    {
        var encoder = new GzipMember();
        var output = new byte[GzipMember.Bound(Large)];
        for (var seed = 0; seed < 1500; seed++)
        {
            var content = Chance(seed);
            var member = output.AsSpan(0, encoder.Compress(content, output)).ToArray();
            Assert.That(Decompress(member).AsSpan().SequenceEqual(content), Is.True, $"seed {seed}, {content.Length} bytes");
        }
    }

    [Test]
    public void An_encoder_that_was_used_before_makes_the_same_bytes()
    {
        var encoder = new GzipMember();
        var output = new byte[GzipMember.Bound(Large)];
        encoder.Compress(Noise(Large, 7), output);
        var count = encoder.Compress(Words(Large), output);
        Assert.That(output.AsSpan(0, count).SequenceEqual(Compress(Words(Large))), Is.True);
    }

    [Test]
    public void The_bytes_are_the_same_for_ever()
    {
        // Digests of layers that were pushed depend on it.
        Assert.That(Digest.Of(Compress(Mixture(Large))).Hex[..32], Is.EqualTo("7af89c0f1f2264289d4ff5337a367a06"));
    }

    [Test]
    public void What_cannot_be_compressed_hardly_grows() => Assert.That(Compress(Noise(Large, 256)), Has.Length.LessThan(Large + 200));

    [Test]
    public void Words_become_a_third() => Assert.That(Compress(Words(Large)), Has.Length.LessThan(Large / 3));

    [TestCase("", 0u)]
    [TestCase("123456789", 0xcbf43926u)]
    [TestCase("The quick brown fox jumps over the lazy dog", 0x414fa339u)]
    public void The_checksum_is_the_known_one(string text, uint checksum) =>
        Assert.That(Crc32.Of(Encoding.ASCII.GetBytes(text)), Is.EqualTo(checksum));

    [Test]
    public void The_checksum_of_the_processor_is_that_of_the_tables()
    {
        var content = Noise(4096, 256);
        for (var length = 0; length < 700; length++)
            Assert.That(Crc32.Of(content.AsSpan(length, length)), Is.EqualTo(~Crc32.ByTables(content.AsSpan(length, length), ~0u)), $"{length} bytes");
    }

    private static byte[] Compress(byte[] content)
    {
        var output = new byte[GzipMember.Bound(content.Length)];
        return output[..new GzipMember().Compress(content, output)];
    }

    private static byte[] Decompress(byte[] member)
    {
        using var decoder = new GZipStream(new MemoryStream(member), CompressionMode.Decompress);
        var back = new MemoryStream();
        decoder.CopyTo(back);
        return back.ToArray();
    }

    // Noise, runs and copies from any distance, in pieces of any length; the sizes of blocks, windows and matches are favoured.
    private static byte[] Chance(int seed)
    {
        int[] edges = [1, 4, 15, 16, 17, 31, 32, 33, 258, 259, 32767, 32768, 32769, 65536];
        var random = new Random(seed);
        var content = new byte[random.Next(4) == 0 ? edges[random.Next(edges.Length)] : random.Next(1 << random.Next(1, 18))];
        for (var at = 0; at < content.Length;)
        {
            var length = Math.Min(content.Length - at, random.Next(3) == 0 ? edges[random.Next(10)] : random.Next(1, 40));
            var piece = content.AsSpan(at, length);
            switch (random.Next(4))
            {
                case 0: random.NextBytes(piece); break;
                case 1: piece.Fill((byte)random.Next(256)); break;
                default:
                    var distance = Math.Min(at, random.Next(2) == 0 ? edges[random.Next(edges.Length)] : random.Next(1, 70000));
                    for (var i = 0; i < length; i++) piece[i] = distance == 0 ? (byte)i : content[at + i - distance];
                    break;
            }
            at += length;
        }
        return content;
    }

    private static byte[] Noise(int size, uint letters)
    {
        var content = new byte[size];
        var state = 12345u;
        for (var i = 0; i < size; i++)
        {
            state = state * 1664525 + 1013904223;
            content[i] = (byte)((state >> 16) % letters);
        }
        return content;
    }

    private static byte[] Words(int size)
    {
        string[] words = ["layer", "image", "container", "the", "of", "a", "registry", "0x1f", "\n", "digest "];
        var choices = Noise(size / 2 + 1, 10);
        var text = new StringBuilder();
        for (var i = 0; text.Length < size; i++) text.Append(words[choices[i]]).Append(' ');
        return Encoding.ASCII.GetBytes(text.ToString(0, size));
    }

    private static byte[] Mixture(int size)
    {
        var content = Words(size);
        for (var at = 0; at + 20_000 < size; at += 50_000) Noise(20_000, (uint)(2 + at / 4096)).CopyTo(content, at);
        return content;
    }

    private static byte[] Fibonacci()
    {
        var content = new List<byte>();
        var (count, next) = (1, 1);
        for (var letter = 0; letter < 22; letter++)
        {
            for (var i = 0; i < count; i++) content.Add((byte)letter);
            (count, next) = (next, count + next);
        }
        var order = content.ToArray();
        new Random(1).Shuffle(order);
        return order;
    }

    private static byte[] Gap(int gap)
    {
        var content = new byte[gap + 1000];
        var word = Encoding.ASCII.GetBytes("just these letters are here twice");
        Noise(content.Length, 256).CopyTo(content, 0);
        word.CopyTo(content, 100);
        word.CopyTo(content, 100 + gap);
        return content;
    }
}
