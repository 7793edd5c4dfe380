using System.Security.Cryptography;
using System.Text;

namespace CrunSharp.Oci.Tests;

[TestFixture]
public class Sha256Tests
{
    // FIPS 180-4's examples, and the empty message.
    [TestCase("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [TestCase("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [TestCase("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")]
    public void A_known_message_has_its_known_hash(string message, string hash) =>
        Assert.That(HashOf(Encoding.ASCII.GetBytes(message)), Is.EqualTo(hash));

    [Test]
    public void A_million_letters_have_their_known_hash()
    {
        var message = new byte[1_000_000];
        message.AsSpan().Fill((byte)'a');
        Assert.That(HashOf(message), Is.EqualTo("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
    }

    [Test]
    public void Random_messages_of_all_lengths_around_the_blocks_have_the_hash_that_the_library_finds()
    {
        var random = new Random(1);
        for (var length = 0; length <= 700; length++)
        {
            var message = new byte[length];
            random.NextBytes(message);
            Assert.That(HashOf(message), Is.EqualTo(Convert.ToHexStringLower(SHA256.HashData(message))), $"of {length} bytes");
        }
    }

    [Test]
    public void The_digest_of_what_is_small_and_of_what_is_large_is_the_same_function()
    {
        foreach (var length in new[] { 0, 1, Digest.MostSmall - 1, Digest.MostSmall, Digest.MostSmall + 1, 3 * Digest.MostSmall })
        {
            var message = new byte[length];
            new Random(length).NextBytes(message);
            Assert.That(Digest.Of(message).Hex, Is.EqualTo(Convert.ToHexStringLower(SHA256.HashData(message))), $"of {length} bytes");
        }
    }

    private static string HashOf(ReadOnlySpan<byte> message)
    {
        Span<byte> hash = stackalloc byte[Sha256.Size];
        Sha256.Hash(message, hash);
        return Convert.ToHexStringLower(hash);
    }
}
