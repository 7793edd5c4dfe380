using System.Text;
using CrunSharp.Oci;

namespace CrunSharp.Registry.Tests;

/// <summary>Whatever a registry says, reading it ends in a value or in our one error, of one line.</summary>
public sealed class HostileTextTests
{
    private static readonly string[] Seeds =
    [
        """{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"x"}}]}""",
        """{"error":"invalid_grant","error_description":"no"}""",
        """{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"digest":"x"}]}""",
        """{"schemaVersion":2,"config":{"a":[1,2,{"b":null}]},"layers":[]}""",
        "</v2/web/tags/list?last=b&n=2>; rel=\"next\", <x>; rel=prev",
        "Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x:pull\", Basic realm=x",
    ];

    [Test]
    public void Text_that_was_changed_at_random_is_read_or_refused([Range(1, 40)] int number)
    {
        var random = new Random(number);
        for (var i = 0; i < 250; i++)
        {
            var bytes = Mutate(Encoding.UTF8.GetBytes(Seeds[random.Next(Seeds.Length)]), random);
            var text = Encoding.Latin1.GetString(bytes);
            var error = ErrorBody.Parse(bytes);
            Assert.That(error.Text.Any(char.IsControl) || error.Text.Length > 1300, Is.False);
            Links.Next(text);
            Challenge.Parse([text]);
            Realm.Parse(text, new Uri("https://registry.example/"));
            Redirects.Resolve(new Uri("https://registry.example/"), text);
            try
            {
                Manifest.KindOf(bytes, null, "manifest");
            }
            catch (CrunException refused)
            {
                Assert.That(refused.Message.Any(char.IsControl), Is.False);
            }
        }
    }

    [TestCase("\u001b[2J\u0007\r\n\u2028\u202ea", "a")]
    [TestCase("a.", "a")]
    [TestCase("\ud800x", "x")]
    public void A_line_of_ours_has_nothing_that_moves_the_cursor(string text, string end) =>
        Assert.That(Words.Clean(text), Does.EndWith(end).And.Not.Contain("\u001b").And.Not.Contain("\n").And.Not.Contain("\u202e"));

    [TestCase("<a>; rel=\"next\"", "a")]
    [TestCase("<a>; rel=next", "a")]
    [TestCase("<a>; title=\"x\"; REL=\"Next\"", "a")]
    [TestCase("<p>; rel=\"prev\", <n>; rel=\"next\"", "n")]
    [TestCase("<a>; rel=\"prev\"", null)]
    [TestCase("<a", null)]
    [TestCase("a>", null)]
    [TestCase("", null)]
    [TestCase(null, null)]
    public void The_next_page_is_found(string? header, string? next) => Assert.That(Links.Next(header), Is.EqualTo(next));

    private static byte[] Mutate(byte[] bytes, Random random)
    {
        var list = bytes.ToList();
        for (var i = random.Next(1, 6); i > 0 && list.Count > 0; i--)
        {
            var at = random.Next(list.Count);
            switch (random.Next(4))
            {
                case 0: list[at] = (byte)random.Next(256); break;
                case 1: list.RemoveAt(at); break;
                case 2: list.Insert(at, (byte)"\"{}[],:;=<>\\\u0001"[random.Next(13)]); break;
                default: list.RemoveRange(at, Math.Min(list.Count - at, random.Next(20))); break;
            }
        }
        return [.. list];
    }
}
