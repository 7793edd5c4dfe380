namespace CrunSharp.Kernel.Tests;

[TestFixture]
public class KernelRandomTests
{
    [Test]
    public void Random_bytes_fill_what_they_are_asked_for_and_never_come_again([Values(1, 32, 256)] int bytes)
    {
        var hex = KernelRandom.Hex(bytes);
        Assert.That(hex, Has.Length.EqualTo(2 * bytes));
        Assert.That(hex, Does.Match("^[0-9a-f]+$"));
        if (bytes > 8) Assert.That(KernelRandom.Hex(bytes), Is.Not.EqualTo(hex));
    }

    [Test]
    public void More_than_one_call_gives_at_once_is_filled_to_the_end()
    {
        var large = new byte[1024 * 1024];
        KernelRandom.Fill(large);
        Assert.That(large.AsSpan(large.Length - 64).ContainsAnyExcept((byte)0));
    }
}
