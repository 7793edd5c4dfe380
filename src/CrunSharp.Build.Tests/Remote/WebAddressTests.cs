using CrunSharp.Build.Remote;

namespace CrunSharp.Build.Tests.Remote;

public class WebAddressTests
{
    [TestCase("http://h/a/b.txt", "b.txt")]
    [TestCase("http://h/a/b.txt?x=/y#z", "b.txt")]
    [TestCase("http://h/a/", "a")]
    [TestCase("http://h", "__unnamed__")]
    [TestCase("http://h/", "__unnamed__")]
    [TestCase("http://h/a%20b", "a b")]
    [TestCase("http://h/a%2F..%2F..%2Fetc", "etc")]
    [TestCase("http://h/%2e%2e", "__unnamed__")]
    [TestCase("http://h/x%00y", "__unnamed__")]
    public void A_file_is_named_after_the_path(string address, string name) => Assert.That(WebAddress.NameOf(new Uri(address)), Is.EqualTo(name));

    [TestCase("http://u:p@h/x", "http://xxxxx:xxxxx@h/x")]
    [TestCase("https://token@h/x@y", "https://xxxxx@h/x@y")]
    [TestCase("http://h/x@y", "http://h/x@y")]
    [TestCase("http://h?a@b", "http://h?a@b")]
    [TestCase("git@h:x", "git@h:x")]
    [TestCase("a.txt", "a.txt")]
    public void Names_and_passwords_are_not_shown(string source, string shown) => Assert.That(WebAddress.Redact(source), Is.EqualTo(shown));
}
